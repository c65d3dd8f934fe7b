// Package diagnosis says what keeps a route from being ready, in words that the
// person who must act can act on.
//
// It owns the faults that a tunnel can find. It must not know how a fault is
// found, nor how it looks on the wire.
package diagnosis

import "time"

// Code names one kind of fault, spelled as in the API's enum without its prefix.
type Code string

// The faults of a tunnel.
const (
	TunnelNoRule          Code = "TUNNEL_NO_RULE"
	RecordInTheWay        Code = "RECORD_IN_THE_WAY"
	CloudflarePermission  Code = "CLOUDFLARE_PERMISSION"
	CustomHostnamePending Code = "CUSTOM_HOSTNAME_PENDING"
	ServiceUnavailable    Code = "SERVICE_UNAVAILABLE"
)

// Actor is who must act.
type Actor int

// The actors.
const (
	Operator Actor = iota + 1
	Tenant
	Cloudflare
	Nobody
)

// Diagnosis is one fault.
type Diagnosis struct {
	Code Code
	// Minor says that it stands in nothing's way yet.
	Minor bool
	Actor Actor
	// Summary is one sentence for the person who must act.
	Summary string
	// Expected is what would be right.
	Expected []string
	// Observed is what was seen instead, one line each.
	Observed []string
	// Fix is what to do, in order.
	Fix []string
	// Since is when what was seen came to be; zero when the provider does not tell.
	Since time.Time
}
