package memory

import (
	"cmp"
	"context"

	"github.com/siteplane/siteplane/services/lifecycle/edge"
	"github.com/siteplane/siteplane/services/lifecycle/id"
)

var pinOfSite = &index[edge.Pin]{by: bySite}

func bySite(a, b *edge.Pin) int { return cmp.Compare(a.SiteID, b.SiteID) }
func byEdge(a, b *edge.Pin) int { return cmp.Compare(a.EdgeID, b.EdgeID) }

var pinSchema = &schema[edge.Pin]{
	key:    &index[edge.Pin]{unique: "pin.site_id", by: byEdge, then: bySite},
	others: []*index[edge.Pin]{pinOfSite},
	keep:   func(p *edge.Pin) { micro(&p.CreatedAt) },
	rules: []rule[edge.Pin]{
		{"pin.revision", func(p *edge.Pin) bool { return p.Revision >= 1 }},
		{"pin.kept_revision", func(p *edge.Pin) bool {
			return p.KeptRevision == 0 || p.KeptRevision > 0 && p.KeptRevision != p.Revision
		}},
		{"pin.created_at", func(p *edge.Pin) bool { return set(p.CreatedAt) }},
	},
	refers: func(t *tx, p *edge.Pin) error {
		if err := t.hasEdge(p.EdgeID); err != nil {
			return err
		}
		return t.hasSite(p.TenantID, p.SiteID)
	},
}

// PutPin inserts or replaces the pin of a site on an edge.
func (t *tx) PutPin(_ context.Context, p edge.Pin) error { return t.pins.put(t, p) }

// PinsOfSite returns a site's pins, ordered by edge.
func (t *tx) PinsOfSite(_ context.Context, siteID id.Site) ([]edge.Pin, error) {
	return t.pins.list(t.pins.in(pinOfSite, edge.Pin{SiteID: siteID}), all, nil), nil
}

// PinsOfEdge returns an edge's pins, ordered by site.
func (t *tx) PinsOfEdge(_ context.Context, edgeID id.Edge) ([]edge.Pin, error) {
	return t.pins.list(t.pins.in(t.pins.key, edge.Pin{EdgeID: edgeID}), all, nil), nil
}

// DeletePin lifts a pin, if there is one.
func (t *tx) DeletePin(_ context.Context, edgeID id.Edge, siteID id.Site) error {
	_, err := t.pins.remove(t, edge.Pin{EdgeID: edgeID, SiteID: siteID})
	return err
}
