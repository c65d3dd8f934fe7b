package relational

import (
	"context"

	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/tunnel"
)

const tunnelColumns = `id, name, generation, proven_generation, proven_digest, last_seen_at,
	fault_reason, fault_message, fault_actor, drift_policy`

func scanTunnel(r Row) (u tunnel.Tunnel, err error) {
	err = r.Scan(&u.ID, &u.Name, &u.Generation, &u.ProvenGeneration, &u.ProvenDigest, moment{&u.LastSeenAt},
		&u.FaultReason, &u.FaultMessage, &u.FaultActor, &u.DriftPolicy)
	return u, err
}

// PutTunnel inserts a tunnel or replaces its name. A policy that is not given is
// to repair.
func (t *Tx) PutTunnel(ctx context.Context, u tunnel.Tunnel) error {
	err := t.later(ctx, "put the tunnel", `
		INSERT INTO tunnel (`+tunnelColumns+`) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET name = excluded.name`,
		u.ID, u.Name, u.Generation, u.ProvenGeneration, u.ProvenDigest, stamp(u.LastSeenAt),
		u.FaultReason, u.FaultMessage, u.FaultActor, orRepair(u.DriftPolicy))
	return err
}

// GetTunnel returns a tunnel.
func (t *Tx) GetTunnel(ctx context.Context, tunnelID id.Tunnel) (tunnel.Tunnel, error) {
	u, ok, err := one(ctx, t, "read the tunnel", scanTunnel, `SELECT `+tunnelColumns+` FROM tunnel WHERE id = ?`, tunnelID)
	if err == nil && !ok {
		err = &lifecycle.NotFoundError{Kind: "tunnel", ID: string(tunnelID)}
	}
	return u, err
}

// ListTunnels returns all tunnels, ordered by id.
func (t *Tx) ListTunnels(ctx context.Context) ([]tunnel.Tunnel, error) {
	return all(ctx, t, "list the tunnels", scanTunnel, `SELECT `+tunnelColumns+` FROM tunnel ORDER BY id`)
}

// UpdateTunnel writes what the tunnel was sent and proved, and its policy.
func (t *Tx) UpdateTunnel(ctx context.Context, u tunnel.Tunnel) error {
	n, err := t.exec(ctx, "update the tunnel", `
		UPDATE tunnel SET generation = ?, proven_generation = ?, proven_digest = ?, last_seen_at = ?,
			fault_reason = ?, fault_message = ?, fault_actor = ?, drift_policy = ?
		WHERE id = ?`,
		u.Generation, u.ProvenGeneration, u.ProvenDigest, stamp(u.LastSeenAt),
		u.FaultReason, u.FaultMessage, u.FaultActor, u.DriftPolicy, u.ID)
	if err == nil && n == 0 {
		return &lifecycle.NotFoundError{Kind: "tunnel", ID: string(u.ID)}
	}
	return err
}

// AddTunnelChange notes that a tunnel has not proved a domain.
func (t *Tx) AddTunnelChange(ctx context.Context, c tunnel.Change) error {
	err := t.later(ctx, "add the tunnel change", `
		INSERT INTO tunnel_change (tunnel_id, domain_id, tenant_id, operation_id, trace_parent) VALUES (?, ?, ?, ?, ?)`,
		c.TunnelID, c.DomainID, c.TenantID, c.OperationID, c.TraceParent)
	if breaks(err, ForeignKey) {
		if _, err := t.GetTunnel(ctx, c.TunnelID); err != nil {
			return err
		}
		return &lifecycle.NotFoundError{Kind: "domain", ID: string(c.DomainID)}
	}
	return err
}

const tunnelChangeColumns = `tunnel_id, seq, domain_id, tenant_id, operation_id, trace_parent`

func scanTunnelChange(r Row) (c tunnel.Change, err error) {
	err = r.Scan(&c.TunnelID, &c.Seq, &c.DomainID, &c.TenantID, &c.OperationID, &c.TraceParent)
	return c, err
}

// TunnelChanges returns a tunnel's changes in order.
func (t *Tx) TunnelChanges(ctx context.Context, tunnelID id.Tunnel) ([]tunnel.Change, error) {
	return all(ctx, t, "read the changes of the tunnel", scanTunnelChange,
		`SELECT `+tunnelChangeColumns+` FROM tunnel_change WHERE tunnel_id = ? ORDER BY seq`, tunnelID)
}

// TunnelChangesOf returns a domain's changes on all tunnels.
func (t *Tx) TunnelChangesOf(ctx context.Context, domain id.Domain) ([]tunnel.Change, error) {
	return all(ctx, t, "read the changes of the domain", scanTunnelChange,
		`SELECT `+tunnelChangeColumns+` FROM tunnel_change WHERE domain_id = ? ORDER BY seq`, domain)
}

// DeleteTunnelChanges removes exactly the changes given.
func (t *Tx) DeleteTunnelChanges(ctx context.Context, tunnelID id.Tunnel, seqs []int64) error {
	err := t.later(ctx, "delete the tunnel changes", `
		DELETE FROM tunnel_change WHERE seq IN (?numbers) AND tunnel_id = ?`, Numbers(seqs), tunnelID)
	return err
}
