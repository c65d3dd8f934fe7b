package api

import (
	tunnelv1 "github.com/siteplane/siteplane/gen/siteplane/tunnel/v1"
	"github.com/siteplane/siteplane/internal/platform/rpc"
)

// Policy says who may call what: lifecycle, and nobody else.
func Policy() rpc.Policy {
	lifecycle := []string{"/service/lifecycle"}
	return rpc.Policy{
		tunnelv1.TunnelService_LookupZone_FullMethodName: lifecycle,
		tunnelv1.TunnelService_Apply_FullMethodName:      lifecycle,
		tunnelv1.TunnelService_Observe_FullMethodName:    lifecycle,
		tunnelv1.TunnelService_ReadRoute_FullMethodName:  lifecycle,
	}
}
