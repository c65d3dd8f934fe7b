package relational

import (
	"context"
	"time"

	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/edge"
	"github.com/siteplane/siteplane/services/lifecycle/id"
)

const edgeColumns = `id, name, address, public_addresses, probe_public_key, generation, proven_generation,
	proven_digest, needs_whole, last_seen_at, fault_reason, fault_message, fault_site_id,
	drift_policy, renderer_version, nginx_version, labels, certificate_serial, certificate_previous, certificate_expires_at,
	joined_at, evicted_at`

func scanEdge(r Row) (e edge.Edge, err error) {
	err = r.Scan(&e.ID, &e.Name, &e.Address, items{&e.PublicAddresses}, &e.ProbePublicKey, &e.Generation,
		&e.ProvenGeneration, &e.ProvenDigest, &e.NeedsWhole, moment{&e.LastSeenAt}, &e.FaultReason, &e.FaultMessage, &e.FaultSiteID,
		&e.DriftPolicy, &e.RendererVersion, &e.NginxVersion, labels{&e.Labels}, &e.Certificate.Serial, &e.Certificate.Previous,
		moment{&e.Certificate.ExpiresAt}, moment{&e.Certificate.JoinedAt}, moment{&e.EvictedAt})
	return e, err
}

// PutEdge inserts an edge or replaces its name and addresses. A policy that is
// not given is to repair.
func (t *Tx) PutEdge(ctx context.Context, e edge.Edge) error {
	err := t.later(ctx, "put the edge", `
		INSERT INTO edge (`+edgeColumns+`) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET name = excluded.name, address = excluded.address,
			public_addresses = excluded.public_addresses`,
		e.ID, e.Name, e.Address, list(e.PublicAddresses), e.ProbePublicKey, e.Generation,
		e.ProvenGeneration, e.ProvenDigest, e.NeedsWhole, stamp(e.LastSeenAt), e.FaultReason, e.FaultMessage, e.FaultSiteID,
		orRepair(e.DriftPolicy), e.RendererVersion, e.NginxVersion, labelled(e.Labels), e.Certificate.Serial, e.Certificate.Previous,
		stamp(e.Certificate.ExpiresAt), stamp(e.Certificate.JoinedAt), stamp(e.EvictedAt))
	return err
}

// DescribeEdge writes what operators and enrolment say of an edge.
func (t *Tx) DescribeEdge(ctx context.Context, e edge.Edge) error {
	n, err := t.exec(ctx, "describe the edge", `
		UPDATE edge SET name = ?, address = ?, public_addresses = ?, labels = ?, needs_whole = needs_whole OR ?, generation = generation + ?,
			certificate_serial = ?, certificate_previous = ?, certificate_expires_at = ?, joined_at = ?, evicted_at = ?
		WHERE id = ?`,
		e.Name, e.Address, list(e.PublicAddresses), labelled(e.Labels), e.NeedsWhole, passedOver(e),
		e.Certificate.Serial, e.Certificate.Previous, stamp(e.Certificate.ExpiresAt), stamp(e.Certificate.JoinedAt), stamp(e.EvictedAt), e.ID)
	if err == nil && n == 0 {
		return &lifecycle.NotFoundError{Kind: "edge", ID: string(e.ID)}
	}
	return err
}

// passedOver is how many generations nothing is sent as.
func passedOver(e edge.Edge) int {
	if e.NeedsWhole {
		return 1
	}
	return 0
}

// ForgetEdge removes the changes and pins of an edge.
func (t *Tx) ForgetEdge(ctx context.Context, edgeID id.Edge) error {
	if err := t.later(ctx, "delete the changes of the edge", `DELETE FROM edge_change WHERE edge_id = ?`, edgeID); err != nil {
		return err
	}
	return t.later(ctx, "lift the pins of the edge", `DELETE FROM pin WHERE edge_id = ?`, edgeID)
}

// GetEdge returns an edge.
func (t *Tx) GetEdge(ctx context.Context, edgeID id.Edge) (edge.Edge, error) {
	e, ok, err := one(ctx, t, "read the edge", scanEdge, `SELECT `+edgeColumns+` FROM edge WHERE id = ?`, edgeID)
	if err == nil && !ok {
		err = &lifecycle.NotFoundError{Kind: "edge", ID: string(edgeID)}
	}
	return e, err
}

// ListEdges returns all edges, ordered by id.
func (t *Tx) ListEdges(ctx context.Context) ([]edge.Edge, error) {
	return all(ctx, t, "list the edges", scanEdge, `SELECT `+edgeColumns+` FROM edge ORDER BY id`)
}

// UpdateEdge writes what the edge was sent, proved and reported, and its policy.
func (t *Tx) UpdateEdge(ctx context.Context, e edge.Edge) error {
	n, err := t.exec(ctx, "update the edge", `
		UPDATE edge SET probe_public_key = ?, generation = ?, proven_generation = ?, proven_digest = ?,
			needs_whole = ?, last_seen_at = ?, fault_reason = ?, fault_message = ?, fault_site_id = ?,
			drift_policy = ?, renderer_version = ?, nginx_version = ?
		WHERE id = ?`,
		e.ProbePublicKey, e.Generation, e.ProvenGeneration, e.ProvenDigest,
		e.NeedsWhole, stamp(e.LastSeenAt), e.FaultReason, e.FaultMessage, e.FaultSiteID,
		e.DriftPolicy, e.RendererVersion, e.NginxVersion, e.ID)
	if err == nil && n == 0 {
		return &lifecycle.NotFoundError{Kind: "edge", ID: string(e.ID)}
	}
	return err
}

// AddChange notes that an edge has not proved a site.
func (t *Tx) AddChange(ctx context.Context, c edge.Change) error {
	err := t.later(ctx, "add the change", `
		INSERT INTO edge_change (edge_id, site_id, tenant_id, operation_id, trace_parent) VALUES (?, ?, ?, ?, ?)`,
		c.EdgeID, c.SiteID, c.TenantID, c.OperationID, c.TraceParent)
	if breaks(err, ForeignKey) {
		if _, err := t.GetEdge(ctx, c.EdgeID); err != nil {
			return err
		}
		return &lifecycle.NotFoundError{Kind: "site", ID: string(c.SiteID)}
	}
	return err
}

const changeColumns = `edge_id, seq, site_id, tenant_id, operation_id, trace_parent, proved_at`

func scanEdgeChange(r Row) (c edge.Change, err error) {
	err = r.Scan(&c.EdgeID, &c.Seq, &c.SiteID, &c.TenantID, &c.OperationID, &c.TraceParent, moment{&c.ProvedAt})
	return c, err
}

// Changes returns an edge's changes in order.
func (t *Tx) Changes(ctx context.Context, edgeID id.Edge) ([]edge.Change, error) {
	return all(ctx, t, "read the changes of the edge", scanEdgeChange,
		`SELECT `+changeColumns+` FROM edge_change WHERE edge_id = ? ORDER BY seq`, edgeID)
}

// ChangesOfSite returns a site's changes on all edges.
func (t *Tx) ChangesOfSite(ctx context.Context, siteID id.Site) ([]edge.Change, error) {
	return all(ctx, t, "read the changes of the site", scanEdgeChange,
		`SELECT `+changeColumns+` FROM edge_change WHERE site_id = ? ORDER BY seq`, siteID)
}

// SoakChanges notes that a canary has proved exactly the changes given.
func (t *Tx) SoakChanges(ctx context.Context, edgeID id.Edge, seqs []int64, at time.Time) error {
	return t.later(ctx, "note the proof of the changes", `
		UPDATE edge_change SET proved_at = ? WHERE seq IN (?numbers) AND edge_id = ?`, stamp(at), Numbers(seqs), edgeID)
}

// DeleteChanges removes exactly the changes given.
func (t *Tx) DeleteChanges(ctx context.Context, edgeID id.Edge, seqs []int64) error {
	err := t.later(ctx, "delete the changes", `
		DELETE FROM edge_change WHERE seq IN (?numbers) AND edge_id = ?`, Numbers(seqs), edgeID)
	return err
}
