package memory

import (
	"cmp"
	"context"
	"time"

	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/drift"
	"github.com/siteplane/siteplane/services/lifecycle/edge"
	"github.com/siteplane/siteplane/services/lifecycle/id"
)

var edgeSchema = &schema[edge.Edge]{
	key: &index[edge.Edge]{
		unique: "edge.id",
		by:     func(a, b *edge.Edge) int { return cmp.Compare(a.ID, b.ID) },
	},
	keep: func(e *edge.Edge) {
		micro(&e.LastSeenAt)
		micro(&e.Certificate.ExpiresAt, &e.Certificate.JoinedAt, &e.EvictedAt)
		e.PublicAddresses, e.ProbePublicKey, e.Labels = own(e.PublicAddresses), own(e.ProbePublicKey), ownLabels(e.Labels)
	},
	rules: []rule[edge.Edge]{
		{"edge.drift_policy", func(e *edge.Edge) bool { return e.DriftPolicy != "" }},
	},
}

var changeOfSite = &index[edge.Change]{
	by:   func(a, b *edge.Change) int { return cmp.Compare(a.SiteID, b.SiteID) },
	then: func(a, b *edge.Change) int { return cmp.Compare(a.Seq, b.Seq) },
}

var changeSchema = &schema[edge.Change]{
	key: &index[edge.Change]{
		unique: "edge_change.seq",
		by:     func(a, b *edge.Change) int { return cmp.Compare(a.EdgeID, b.EdgeID) },
		then:   func(a, b *edge.Change) int { return cmp.Compare(a.Seq, b.Seq) },
	},
	others: []*index[edge.Change]{changeOfSite},
	keep:   func(c *edge.Change) { micro(&c.ProvedAt) },
	number: func(c *edge.Change, n int64) { c.Seq = n },
	refers: func(t *tx, c *edge.Change) error {
		if err := t.hasEdge(c.EdgeID); err != nil {
			return err
		}
		return t.hasSite(c.TenantID, c.SiteID)
	},
}

// PutEdge inserts an edge or replaces its name and addresses. A policy that is
// not given is to repair.
func (t *tx) PutEdge(_ context.Context, e edge.Edge) error {
	e.DriftPolicy = cmp.Or(e.DriftPolicy, drift.Repair)
	if now, ok := t.edges.get(e); ok {
		now.Name, now.Address, now.PublicAddresses = e.Name, e.Address, e.PublicAddresses
		e = now
	}
	return t.edges.put(t, e)
}

// GetEdge returns an edge.
func (t *tx) GetEdge(_ context.Context, edgeID id.Edge) (edge.Edge, error) {
	e, ok := t.edges.get(edge.Edge{ID: edgeID})
	if !ok {
		return e, &lifecycle.NotFoundError{Kind: "edge", ID: string(edgeID)}
	}
	return e, nil
}

// hasEdge returns the error for an edge that there is not.
func (t *tx) hasEdge(edgeID id.Edge) error {
	_, err := t.GetEdge(context.Background(), edgeID)
	return err
}

// ListEdges returns all edges, ordered by id.
func (t *tx) ListEdges(_ context.Context) ([]edge.Edge, error) {
	return t.edges.list(t.edges.all(), all, nil), nil
}

// UpdateEdge writes what the edge was sent, proved and reported, and its policy.
func (t *tx) UpdateEdge(ctx context.Context, e edge.Edge) error {
	now, err := t.GetEdge(ctx, e.ID)
	if err != nil {
		return err
	}
	e.Name, e.Address, e.PublicAddresses, e.Labels = now.Name, now.Address, now.PublicAddresses, now.Labels
	e.Certificate, e.EvictedAt = now.Certificate, now.EvictedAt
	return t.edges.put(t, e)
}

// DescribeEdge writes what operators and enrolment say of an edge.
func (t *tx) DescribeEdge(ctx context.Context, e edge.Edge) error {
	now, err := t.GetEdge(ctx, e.ID)
	if err != nil {
		return err
	}
	now.Name, now.Address, now.PublicAddresses, now.Labels = e.Name, e.Address, e.PublicAddresses, e.Labels
	now.Certificate, now.EvictedAt = e.Certificate, e.EvictedAt
	if e.NeedsWhole {
		now.NeedsWhole = true
		now.Generation++
	}
	return t.edges.put(t, now)
}

// ForgetEdge removes the changes and pins of an edge.
func (t *tx) ForgetEdge(_ context.Context, edgeID id.Edge) error {
	if err := t.changes.clear(t, t.changes.key, edge.Change{EdgeID: edgeID}); err != nil {
		return err
	}
	return t.pins.clear(t, t.pins.key, edge.Pin{EdgeID: edgeID})
}

// AddChange notes that an edge has not proved a site.
func (t *tx) AddChange(_ context.Context, c edge.Change) error { return t.changes.insert(t, c) }

// Changes returns an edge's changes in order.
func (t *tx) Changes(_ context.Context, edgeID id.Edge) ([]edge.Change, error) {
	return t.changes.list(t.changes.in(t.changes.key, edge.Change{EdgeID: edgeID}), all, nil), nil
}

// ChangesOfSite returns a site's changes on all edges.
func (t *tx) ChangesOfSite(_ context.Context, siteID id.Site) ([]edge.Change, error) {
	return t.changes.list(t.changes.in(changeOfSite, edge.Change{SiteID: siteID}), all, nil), nil
}

// SoakChanges notes that a canary has proved exactly the changes given.
func (t *tx) SoakChanges(_ context.Context, edgeID id.Edge, seqs []int64, at time.Time) error {
	for _, seq := range seqs {
		c, ok := t.changes.get(edge.Change{EdgeID: edgeID, Seq: seq})
		if !ok {
			continue
		}
		c.ProvedAt = at
		if err := t.changes.put(t, c); err != nil {
			return err
		}
	}
	return t.changes.own(t)
}

// DeleteChanges removes exactly the changes given.
func (t *tx) DeleteChanges(_ context.Context, edgeID id.Edge, seqs []int64) error {
	for _, seq := range seqs {
		if _, err := t.changes.remove(t, edge.Change{EdgeID: edgeID, Seq: seq}); err != nil {
			return err
		}
	}
	return t.changes.own(t)
}
