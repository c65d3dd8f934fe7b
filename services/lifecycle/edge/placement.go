package edge

import (
	"context"
	"time"
)

// Labels are what placements select edges by.
type Labels map[string]string

// CanaryLabel is the label that makes an edge a canary, with the value true.
const CanaryLabel = "canary"

// Have reports whether they have all of some others.
func (l Labels) Have(others Labels) bool {
	for key, value := range others {
		if has, ok := l[key]; !ok || has != value {
			return false
		}
	}
	return true
}

// Placement names the edges that serve a site.
type Placement struct {
	// Name is what sites are created with. The one called Default is that of sites
	// that were created with none.
	Name string
	// EdgeLabels are those that an edge must all have.
	EdgeLabels Labels
	// MinReady is how many edges must have proved something before it counts as
	// done; 0: every edge that was seen lately.
	MinReady int
	// CanarySoak is how long canaries must run a new revision before the others are
	// sent it.
	CanarySoak time.Duration
	CreatedAt  time.Time
}

// Default is the placement of sites that have none. Where nobody made it, it is
// every edge.
const Default = "default"

// Edges returns those that it selects; evicted ones never.
func (p Placement) Edges(edges []Edge) (selected []Edge) {
	for _, e := range edges {
		if !e.Evicted() && e.Labels.Have(p.EdgeLabels) {
			selected = append(selected, e)
		}
	}
	return selected
}

// Seen returns the edges that answered within the window before now.
func Seen(edges []Edge, now time.Time, window time.Duration) (seen []Edge) {
	for _, e := range edges {
		if e.Seen(now, window) {
			seen = append(seen, e)
		}
	}
	return seen
}

// Soak returns how long a canary must run what it proved: the longest that a placement
// which selects it asks for.
func (e Edge) Soak(placements []Placement) (soak time.Duration) {
	for _, p := range placements {
		if e.Canary() && e.Labels.Have(p.EdgeLabels) {
			soak = max(soak, p.CanarySoak)
		}
	}
	return soak
}

// PlacementStore keeps placements inside the caller's transaction.
type PlacementStore interface {
	// PutPlacement inserts a placement or replaces the one of that name; CreatedAt
	// is that of the first time.
	PutPlacement(ctx context.Context, p Placement) error
	// GetPlacement returns the placement of a name; the empty name is Default's, which
	// is never unknown. Others may be: a *lifecycle.NotFoundError.
	GetPlacement(ctx context.Context, name string) (Placement, error)
	// ListPlacements returns all placements, ordered by name.
	ListPlacements(ctx context.Context) ([]Placement, error)
	// DeletePlacement removes a placement; sites that were deleted forget it. An
	// unknown one is a *lifecycle.NotFoundError, one that other sites have a
	// *lifecycle.PreconditionError.
	DeletePlacement(ctx context.Context, name string) error
}
