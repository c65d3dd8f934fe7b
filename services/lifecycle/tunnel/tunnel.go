// Package tunnel owns the tunnels that bring visitors to the edges from outside:
// which there are, what each was sent and has proved, and which domains it has not
// proved yet. It knows nothing of Cloudflare.
package tunnel

import (
	"context"
	"time"

	"github.com/siteplane/siteplane/services/lifecycle/condition"
	"github.com/siteplane/siteplane/services/lifecycle/drift"
	"github.com/siteplane/siteplane/services/lifecycle/id"
)

// Tunnel is one way into the edges, kept by a tunnel service.
type Tunnel struct {
	ID   id.Tunnel
	Name string
	// Generation is the last one that was assigned.
	Generation uint64
	// ProvenGeneration and ProvenDigest are what the service proved last; zero
	// and empty before the first time.
	ProvenGeneration uint64
	ProvenDigest     string
	// LastSeenAt is when the service last answered.
	LastSeenAt time.Time
	// FaultReason and FaultMessage say why the last apply failed, empty when it
	// did not; FaultActor who must act.
	FaultReason  string
	FaultMessage string
	FaultActor   condition.Actor
	// DriftPolicy says what is done about drift.
	DriftPolicy drift.Policy
}

// Target names the tunnel among the things that drift.
func (t Tunnel) Target() drift.Target { return drift.Target{Kind: drift.Tunnel, ID: string(t.ID)} }

// Change says that a tunnel has not proved the wanted state of a domain.
type Change struct {
	TunnelID id.Tunnel
	// Seq orders the changes of one tunnel.
	Seq      int64
	DomainID id.Domain
	TenantID id.Tenant
	// OperationID is the operation that made the change.
	OperationID string
	// TraceParent is the trace that made it, W3C.
	TraceParent string
}

// Store keeps tunnels and their changes inside the caller's transaction.
type Store interface {
	// PutTunnel inserts a tunnel or replaces its name; the drift policy is that of
	// the first time.
	PutTunnel(ctx context.Context, t Tunnel) error
	// GetTunnel returns a tunnel.
	GetTunnel(ctx context.Context, tunnel id.Tunnel) (Tunnel, error)
	// ListTunnels returns all tunnels, ordered by id.
	ListTunnels(ctx context.Context) ([]Tunnel, error)
	// UpdateTunnel writes what the tunnel was sent and proved.
	UpdateTunnel(ctx context.Context, t Tunnel) error
	// AddTunnelChange notes that a tunnel has not proved a domain; Seq is
	// assigned.
	AddTunnelChange(ctx context.Context, c Change) error
	// TunnelChanges returns a tunnel's changes in order.
	TunnelChanges(ctx context.Context, tunnel id.Tunnel) ([]Change, error)
	// TunnelChangesOf returns a domain's changes on all tunnels.
	TunnelChangesOf(ctx context.Context, domain id.Domain) ([]Change, error)
	// DeleteTunnelChanges removes exactly the changes given.
	DeleteTunnelChanges(ctx context.Context, tunnel id.Tunnel, seqs []int64) error
}
