package relational

import (
	"cmp"
	"context"
	"time"

	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/edge"
	"github.com/siteplane/siteplane/services/lifecycle/id"
)

const placementColumns = `name, edge_labels, min_ready, canary_soak_us, created_at`

func scanPlacement(r Row) (p edge.Placement, err error) {
	var soak int64
	err = r.Scan(&p.Name, labels{&p.EdgeLabels}, &p.MinReady, &soak, moment{&p.CreatedAt})
	p.CanarySoak = time.Duration(soak) * time.Microsecond
	return p, err
}

// PutPlacement inserts a placement or replaces the one of that name.
func (t *Tx) PutPlacement(ctx context.Context, p edge.Placement) error {
	return t.later(ctx, "put the placement", `
		INSERT INTO placement (`+placementColumns+`) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (name) DO UPDATE SET edge_labels = excluded.edge_labels, min_ready = excluded.min_ready,
			canary_soak_us = excluded.canary_soak_us`,
		p.Name, labelled(p.EdgeLabels), p.MinReady, p.CanarySoak.Microseconds(), stamp(p.CreatedAt))
}

// GetPlacement returns the placement of a name.
func (t *Tx) GetPlacement(ctx context.Context, name string) (edge.Placement, error) {
	named := cmp.Or(name, edge.Default)
	p, ok, err := one(ctx, t, "read the placement", scanPlacement, `SELECT `+placementColumns+` FROM placement WHERE name = ?`, named)
	if err == nil && !ok && name == "" {
		return edge.Placement{Name: edge.Default}, nil
	}
	if err == nil && !ok {
		err = &lifecycle.NotFoundError{Kind: "placement", ID: name}
	}
	return p, err
}

// ListPlacements returns all placements, ordered by name.
func (t *Tx) ListPlacements(ctx context.Context) ([]edge.Placement, error) {
	return all(ctx, t, "list the placements", scanPlacement, `SELECT `+placementColumns+` FROM placement ORDER BY name`)
}

// DeletePlacement removes a placement that no site has; tombstones forget it.
func (t *Tx) DeletePlacement(ctx context.Context, name string) error {
	if err := t.later(ctx, "forget the placement", `
		UPDATE site SET placement = NULL WHERE placement = ? AND status = 'DELETED'`, name); err != nil {
		return err
	}
	n, err := t.exec(ctx, "delete the placement", `DELETE FROM placement WHERE name = ?`, name)
	switch {
	case breaks(err, ForeignKey):
		return &lifecycle.PreconditionError{Message: "sites have the placement " + name}
	case err == nil && n == 0:
		return &lifecycle.NotFoundError{Kind: "placement", ID: name}
	}
	return err
}

// selection is which placements select an edge.
type selection struct {
	names []string
	// byDefault says that the default one does.
	byDefault bool
}

// selectionOf returns which placements select an edge.
func (t *Tx) selectionOf(ctx context.Context, edgeID id.Edge) (selection, error) {
	chosen := selection{byDefault: true}
	placements, err := t.ListPlacements(ctx)
	if err != nil || len(placements) == 0 {
		return chosen, err
	}
	e, _, err := one(ctx, t, "read the edge", scanEdge, `SELECT `+edgeColumns+` FROM edge WHERE id = ?`, edgeID)
	if err != nil {
		return chosen, err
	}
	for _, p := range placements {
		switch selects := e.Labels.Have(p.EdgeLabels); {
		case p.Name == edge.Default:
			chosen.byDefault = selects
		case selects:
			chosen.names = append(chosen.names, p.Name)
		}
	}
	return chosen, nil
}

// condition limits a query on sites s to those that are placed there.
func (c selection) condition() (text string, args []any) {
	switch {
	case len(c.names) == 0 && c.byDefault:
		return ` AND s.placement IS NULL`, nil
	case len(c.names) == 0:
		return ` AND 1 = 0`, nil
	case c.byDefault:
		return ` AND (s.placement IS NULL OR s.placement IN (?texts))`, []any{texts(c.names)}
	}
	return ` AND s.placement IN (?texts)`, []any{texts(c.names)}
}
