package app

import (
	"context"
	"errors"
	"maps"
	"regexp"
	"time"

	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/auth"
	"github.com/siteplane/siteplane/services/lifecycle/edge"
	"github.com/siteplane/siteplane/services/lifecycle/event"
	"github.com/siteplane/siteplane/services/lifecycle/store"
)

// PlacementView is a placement as callers see it.
type PlacementView struct {
	Placement edge.Placement
	// Edges is how many it selects now, Canaries how many of them are canaries.
	Edges    int
	Canaries int
}

func viewPlacement(p edge.Placement, edges []edge.Edge) PlacementView {
	view := PlacementView{Placement: p}
	for _, e := range p.Edges(edges) {
		view.Edges++
		if e.Canary() {
			view.Canaries++
		}
	}
	return view
}

// ListPlacements returns all placements, ordered by name.
func (c *ControlPlane) ListPlacements(ctx context.Context) (views []PlacementView, err error) {
	err = c.store.View(ctx, func(tx store.Tx) error {
		views = nil
		placements, err := tx.ListPlacements(ctx)
		if err != nil {
			return err
		}
		edges, err := tx.ListEdges(ctx)
		for _, p := range placements {
			views = append(views, viewPlacement(p, edges))
		}
		return err
	})
	return views, err
}

// PutPlacement makes a placement or replaces the one of that name. Every edge that it
// selected and does not select any more, or the other way round, is sent everything
// anew. A *lifecycle.InvalidError when something in it is wrong.
func (c *ControlPlane) PutPlacement(ctx context.Context, by auth.Principal, p edge.Placement, request RequestID) (PlacementView, error) {
	problems := checkPlacement(p)
	p.CreatedAt = time.Time{} // ours to say, and no part of what is asked for
	return mutate(ctx, c, ask{by: by, action: "PutPlacement", request: request, body: p}, func(tx store.Tx, r *record) (PlacementView, error) {
		if err := problems.Err(); err != nil {
			return PlacementView{}, err
		}
		was, found, err := findPlacement(ctx, tx, p.Name)
		if err != nil {
			return PlacementView{}, err
		}
		p := p
		p.CreatedAt = c.clock()
		if err := tx.PutPlacement(ctx, p); err != nil {
			return PlacementView{}, err
		}
		if p, err = tx.GetPlacement(ctx, p.Name); err != nil {
			return PlacementView{}, err
		}
		after := auditedPlacement(p)
		*r = record{object: p.Name, after: after}
		if found {
			r.before = auditedPlacement(was)
		}
		if !found || !asks(was, p) {
			r.event, r.data = event.PlacementPut, after
		}
		if !found && p.Name != edge.Default {
			was = p // no site has it yet
		}
		edges, err := c.replaced(ctx, tx, was, p)
		return viewPlacement(p, edges), err
	})
}

// DeletePlacement removes a placement. Errors: *lifecycle.NotFoundError,
// *lifecycle.PreconditionError while sites have it. Without the default one, every edge
// serves the sites that have none, and is sent everything anew if it did not.
func (c *ControlPlane) DeletePlacement(ctx context.Context, by auth.Principal, name string, request RequestID) error {
	_, err := mutate(ctx, c, ask{by: by, action: "DeletePlacement", request: request, body: name}, func(tx store.Tx, r *record) (none, error) {
		was, found, err := findPlacement(ctx, tx, name)
		if err == nil && !found {
			err = &lifecycle.NotFoundError{Kind: "placement", ID: name}
		}
		if err != nil {
			return none{}, err
		}
		if err := tx.DeletePlacement(ctx, name); err != nil {
			return none{}, err
		}
		before := auditedPlacement(was)
		*r = record{object: name, before: before, event: event.PlacementDeleted, data: before}
		is := was // no site has it any more
		if name == edge.Default {
			is = edge.Placement{}
		}
		_, err = c.replaced(ctx, tx, was, is)
		return none{}, err
	})
	return err
}

// auditPlacement is what the audit and events keep of a placement.
type auditPlacement struct {
	EdgeLabels edge.Labels `json:"edge_labels,omitempty"`
	MinReady   int         `json:"min_ready"`
	CanarySoak string      `json:"canary_soak"`
}

func auditedPlacement(p edge.Placement) auditPlacement {
	return auditPlacement{EdgeLabels: p.EdgeLabels, MinReady: p.MinReady, CanarySoak: p.CanarySoak.String()}
}

// asks reports whether one placement asks for what another does.
func asks(a, b edge.Placement) bool {
	return maps.Equal(a.EdgeLabels, b.EdgeLabels) && a.MinReady == b.MinReady && a.CanarySoak == b.CanarySoak
}

// findPlacement returns the placement that somebody made under a name.
func findPlacement(ctx context.Context, tx store.Tx, name string) (p edge.Placement, found bool, err error) {
	p, err = tx.GetPlacement(ctx, name)
	var missing *lifecycle.NotFoundError
	if errors.As(err, &missing) {
		return edge.Placement{}, false, nil
	}
	return p, err == nil && name != "", err
}

// replaced has the edges sent everything anew that one of two placements of a name
// selects and the other does not, and all of them looked at: what waits for canaries may
// wait no more. It returns all edges.
func (c *ControlPlane) replaced(ctx context.Context, tx store.Tx, was, is edge.Placement) ([]edge.Edge, error) {
	edges, err := tx.ListEdges(ctx)
	if err != nil {
		return nil, err
	}
	for i, e := range edges {
		if e.Evicted() || e.Labels.Have(was.EdgeLabels) == e.Labels.Have(is.EdgeLabels) {
			continue
		}
		edges[i].NeedsWhole = true
		if err := tx.DescribeEdge(ctx, edges[i]); err != nil {
			return nil, err
		}
	}
	return edges, c.markEdges(ctx, tx, edges)
}

// markEdges has edges looked at now.
func (c *ControlPlane) markEdges(ctx context.Context, tx store.Tx, edges []edge.Edge) error {
	for _, e := range edges {
		if e.Evicted() {
			continue
		}
		if err := c.markTarget(ctx, tx, e.Target()); err != nil {
			return err
		}
	}
	return nil
}

// The most that a placement may ask for.
const (
	maxMinReady   = 1000
	maxCanarySoak = 7 * 24 * time.Hour
)

var placementName = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$`)

func checkPlacement(p edge.Placement) (problems lifecycle.Violations) {
	if !placementName.MatchString(p.Name) {
		problems.Add("placement.name", "is not of up to 40 small letters, digits and -, with a letter or digit at both ends")
	}
	p.EdgeLabels.Check(&problems, "placement.edge_labels")
	if p.MinReady < 0 || p.MinReady > maxMinReady {
		problems.Add("placement.min_ready", "is not between 0 and %d", maxMinReady)
	}
	if p.CanarySoak < 0 || p.CanarySoak > maxCanarySoak {
		problems.Add("placement.canary_soak", "is not between 0 and %s", maxCanarySoak)
	}
	return problems
}
