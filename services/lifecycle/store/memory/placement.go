package memory

import (
	"cmp"
	"context"

	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/edge"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/site"
)

var placementSchema = &schema[edge.Placement]{
	key: &index[edge.Placement]{
		unique: "placement.name",
		then:   func(a, b *edge.Placement) int { return cmp.Compare(a.Name, b.Name) },
	},
	keep: func(p *edge.Placement) {
		micro(&p.CreatedAt)
		p.EdgeLabels = ownLabels(p.EdgeLabels)
	},
	rules: []rule[edge.Placement]{
		{"placement.name", func(p *edge.Placement) bool { return p.Name != "" }},
		{"placement.min_ready", func(p *edge.Placement) bool { return p.MinReady >= 0 }},
		{"placement.canary_soak_us", func(p *edge.Placement) bool { return p.CanarySoak >= 0 }},
		{"placement.created_at", func(p *edge.Placement) bool { return set(p.CreatedAt) }},
	},
}

// sitePlaced has the sites that have a placement.
var sitePlaced = &index[site.Site]{
	of: func(s *site.Site) bool { return s.Placement != "" },
	by: func(a, b *site.Site) int { return cmp.Compare(a.Placement, b.Placement) },
}

// PutPlacement inserts a placement or replaces the one of that name.
func (t *tx) PutPlacement(_ context.Context, p edge.Placement) error {
	if now, ok := t.placements.get(p); ok {
		p.CreatedAt = now.CreatedAt
	}
	return t.placements.put(t, p)
}

// GetPlacement returns the placement of a name.
func (t *tx) GetPlacement(_ context.Context, name string) (edge.Placement, error) {
	p, ok := t.placements.get(edge.Placement{Name: cmp.Or(name, edge.Default)})
	if !ok && name == "" {
		return edge.Placement{Name: edge.Default}, nil
	}
	if !ok {
		return p, &lifecycle.NotFoundError{Kind: "placement", ID: name}
	}
	return p, nil
}

// ListPlacements returns all placements, ordered by name.
func (t *tx) ListPlacements(context.Context) ([]edge.Placement, error) {
	return t.placements.list(t.placements.all(), all, nil), nil
}

// DeletePlacement removes a placement that no site has; tombstones forget it.
func (t *tx) DeletePlacement(_ context.Context, name string) error {
	for _, s := range t.sites.list(t.sites.in(sitePlaced, site.Site{Placement: name}), all, nil) {
		if siteLives(&s) {
			return &lifecycle.PreconditionError{Message: "sites have the placement " + name}
		}
		s.Placement = ""
		if err := t.sites.put(t, s); err != nil {
			return err
		}
	}
	was, err := t.placements.remove(t, edge.Placement{Name: name})
	if err == nil && !was {
		err = &lifecycle.NotFoundError{Kind: "placement", ID: name}
	}
	return err
}

// placementsOf returns which placements select an edge; the empty name is the default
// one's.
func (t *tx) placementsOf(edgeID id.Edge) map[string]bool {
	selecting := map[string]bool{"": true}
	e, _ := t.edges.get(edge.Edge{ID: edgeID})
	for p := range t.placements.all() {
		name := p.Name
		if name == edge.Default {
			name = ""
		}
		selecting[name] = e.Labels.Have(p.EdgeLabels)
	}
	return selecting
}
