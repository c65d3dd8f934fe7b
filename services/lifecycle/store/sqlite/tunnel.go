package sqlite

import (
	"context"

	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/tunnel"
)

const tunnelColumns = `id, name, generation, proven_generation, proven_digest, last_seen_at,
	fault_reason, fault_message, fault_actor, drift_policy`

func scanTunnel(r row) (u tunnel.Tunnel, err error) {
	err = r.Scan(&u.ID, &u.Name, &u.Generation, &u.ProvenGeneration, &u.ProvenDigest, moment{&u.LastSeenAt},
		&u.FaultReason, &u.FaultMessage, &u.FaultActor, &u.DriftPolicy)
	return u, err
}

// PutTunnel inserts a tunnel or replaces its name. A policy that is not given is
// to repair.
func (t *tx) PutTunnel(ctx context.Context, u tunnel.Tunnel) error {
	_, err := t.exec(ctx, "put the tunnel", `
		INSERT INTO tunnel (`+tunnelColumns+`) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET name = excluded.name`,
		u.ID, u.Name, u.Generation, u.ProvenGeneration, u.ProvenDigest, micros(u.LastSeenAt),
		u.FaultReason, u.FaultMessage, u.FaultActor, orRepair(u.DriftPolicy))
	return err
}

// GetTunnel returns a tunnel.
func (t *tx) GetTunnel(ctx context.Context, tunnelID id.Tunnel) (tunnel.Tunnel, error) {
	u, ok, err := one(ctx, t, "read the tunnel", scanTunnel, `SELECT `+tunnelColumns+` FROM tunnel WHERE id = ?`, tunnelID)
	if err == nil && !ok {
		err = &lifecycle.NotFoundError{Kind: "tunnel", ID: string(tunnelID)}
	}
	return u, err
}

// ListTunnels returns all tunnels, ordered by id.
func (t *tx) ListTunnels(ctx context.Context) ([]tunnel.Tunnel, error) {
	return all(ctx, t, "list the tunnels", scanTunnel, `SELECT `+tunnelColumns+` FROM tunnel ORDER BY id`)
}

// UpdateTunnel writes what the tunnel was sent and proved, and its policy.
func (t *tx) UpdateTunnel(ctx context.Context, u tunnel.Tunnel) error {
	n, err := t.exec(ctx, "update the tunnel", `
		UPDATE tunnel SET generation = ?, proven_generation = ?, proven_digest = ?, last_seen_at = ?,
			fault_reason = ?, fault_message = ?, fault_actor = ?, drift_policy = ?
		WHERE id = ?`,
		u.Generation, u.ProvenGeneration, u.ProvenDigest, micros(u.LastSeenAt),
		u.FaultReason, u.FaultMessage, u.FaultActor, u.DriftPolicy, u.ID)
	if err == nil && n == 0 {
		return &lifecycle.NotFoundError{Kind: "tunnel", ID: string(u.ID)}
	}
	return err
}

// AddTunnelChange notes that a tunnel has not proved a domain.
func (t *tx) AddTunnelChange(ctx context.Context, c tunnel.Change) error {
	_, err := t.exec(ctx, "add the tunnel change", `
		INSERT INTO tunnel_change (tunnel_id, domain_id, tenant_id, operation_id, trace_parent) VALUES (?, ?, ?, ?, ?)`,
		c.TunnelID, c.DomainID, c.TenantID, c.OperationID, c.TraceParent)
	if breaks(err, foreignKey) {
		if _, err := t.GetTunnel(ctx, c.TunnelID); err != nil {
			return err
		}
		return &lifecycle.NotFoundError{Kind: "domain", ID: string(c.DomainID)}
	}
	return err
}

const tunnelChangeColumns = `tunnel_id, seq, domain_id, tenant_id, operation_id, trace_parent`

func scanTunnelChange(r row) (c tunnel.Change, err error) {
	err = r.Scan(&c.TunnelID, &c.Seq, &c.DomainID, &c.TenantID, &c.OperationID, &c.TraceParent)
	return c, err
}

// TunnelChanges returns a tunnel's changes in order.
func (t *tx) TunnelChanges(ctx context.Context, tunnelID id.Tunnel) ([]tunnel.Change, error) {
	return all(ctx, t, "read the changes of the tunnel", scanTunnelChange,
		`SELECT `+tunnelChangeColumns+` FROM tunnel_change WHERE tunnel_id = ? ORDER BY seq`, tunnelID)
}

// TunnelChangesOf returns a domain's changes on all tunnels.
func (t *tx) TunnelChangesOf(ctx context.Context, domain id.Domain) ([]tunnel.Change, error) {
	return all(ctx, t, "read the changes of the domain", scanTunnelChange,
		`SELECT `+tunnelChangeColumns+` FROM tunnel_change WHERE domain_id = ? ORDER BY seq`, domain)
}

// DeleteTunnelChanges removes exactly the changes given.
func (t *tx) DeleteTunnelChanges(ctx context.Context, tunnelID id.Tunnel, seqs []int64) error {
	_, err := t.exec(ctx, "delete the tunnel changes", `
		DELETE FROM tunnel_change WHERE seq IN (SELECT value FROM json_each(?)) AND tunnel_id = ?`, list(seqs), tunnelID)
	return err
}
