package memory

import (
	"cmp"
	"context"

	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/drift"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/tunnel"
)

var tunnelSchema = &schema[tunnel.Tunnel]{
	key: &index[tunnel.Tunnel]{
		unique: "tunnel.id",
		by:     func(a, b *tunnel.Tunnel) int { return cmp.Compare(a.ID, b.ID) },
	},
	keep: func(u *tunnel.Tunnel) { micro(&u.LastSeenAt) },
	rules: []rule[tunnel.Tunnel]{
		{"tunnel.drift_policy", func(u *tunnel.Tunnel) bool { return u.DriftPolicy != "" }},
	},
}

var tunnelChangeOf = &index[tunnel.Change]{
	by:   func(a, b *tunnel.Change) int { return cmp.Compare(a.DomainID, b.DomainID) },
	then: func(a, b *tunnel.Change) int { return cmp.Compare(a.Seq, b.Seq) },
}

var tunnelChangeSchema = &schema[tunnel.Change]{
	key: &index[tunnel.Change]{
		unique: "tunnel_change.seq",
		by:     func(a, b *tunnel.Change) int { return cmp.Compare(a.TunnelID, b.TunnelID) },
		then:   func(a, b *tunnel.Change) int { return cmp.Compare(a.Seq, b.Seq) },
	},
	others: []*index[tunnel.Change]{tunnelChangeOf},
	keep:   func(*tunnel.Change) {},
	number: func(c *tunnel.Change, n int64) { c.Seq = n },
	refers: func(t *tx, c *tunnel.Change) error {
		if _, err := t.GetTunnel(context.Background(), c.TunnelID); err != nil {
			return err
		}
		return t.hasDomain(c.TenantID, c.DomainID)
	},
}

// PutTunnel inserts a tunnel or replaces its name. A policy that is not given is
// to repair.
func (t *tx) PutTunnel(_ context.Context, u tunnel.Tunnel) error {
	u.DriftPolicy = cmp.Or(u.DriftPolicy, drift.Repair)
	if now, ok := t.tunnels.get(u); ok {
		now.Name = u.Name
		u = now
	}
	return t.tunnels.put(t, u)
}

// GetTunnel returns a tunnel.
func (t *tx) GetTunnel(_ context.Context, tunnelID id.Tunnel) (tunnel.Tunnel, error) {
	u, ok := t.tunnels.get(tunnel.Tunnel{ID: tunnelID})
	if !ok {
		return u, &lifecycle.NotFoundError{Kind: "tunnel", ID: string(tunnelID)}
	}
	return u, nil
}

// ListTunnels returns all tunnels, ordered by id.
func (t *tx) ListTunnels(_ context.Context) ([]tunnel.Tunnel, error) {
	return t.tunnels.list(t.tunnels.all(), all, nil), nil
}

// UpdateTunnel writes what the tunnel was sent and proved, and its policy.
func (t *tx) UpdateTunnel(ctx context.Context, u tunnel.Tunnel) error {
	now, err := t.GetTunnel(ctx, u.ID)
	if err != nil {
		return err
	}
	u.Name = now.Name
	return t.tunnels.put(t, u)
}

// AddTunnelChange notes that a tunnel has not proved a domain.
func (t *tx) AddTunnelChange(_ context.Context, c tunnel.Change) error {
	return t.tunnelChanges.insert(t, c)
}

// TunnelChanges returns a tunnel's changes in order.
func (t *tx) TunnelChanges(_ context.Context, tunnelID id.Tunnel) ([]tunnel.Change, error) {
	rows := t.tunnelChanges.in(t.tunnelChanges.key, tunnel.Change{TunnelID: tunnelID})
	return t.tunnelChanges.list(rows, all, nil), nil
}

// TunnelChangesOf returns a domain's changes on all tunnels.
func (t *tx) TunnelChangesOf(_ context.Context, domain id.Domain) ([]tunnel.Change, error) {
	return t.tunnelChanges.list(t.tunnelChanges.in(tunnelChangeOf, tunnel.Change{DomainID: domain}), all, nil), nil
}

// DeleteTunnelChanges removes exactly the changes given.
func (t *tx) DeleteTunnelChanges(_ context.Context, tunnelID id.Tunnel, seqs []int64) error {
	for _, seq := range seqs {
		if _, err := t.tunnelChanges.remove(t, tunnel.Change{TunnelID: tunnelID, Seq: seq}); err != nil {
			return err
		}
	}
	return t.tunnelChanges.own(t)
}
