package service

import "github.com/siteplane/siteplane/services/lifecycle/id"

// The SPIFFE paths by which the services know each other.
const (
	LifecyclePath    = "/service/lifecycle"
	TunnelPath       = "/service/tunnel"
	DNSValidatorPath = "/service/dnsvalidator"
)

// EdgePath returns the SPIFFE path of an edge's agent.
func EdgePath(edge id.Edge) string { return "/edge/" + string(edge) }
