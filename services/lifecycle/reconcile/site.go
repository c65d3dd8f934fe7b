package reconcile

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/siteplane/siteplane/services/lifecycle/condition"
	"github.com/siteplane/siteplane/services/lifecycle/edge"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/infra"
	"github.com/siteplane/siteplane/services/lifecycle/saga"
	"github.com/siteplane/siteplane/services/lifecycle/site"
	"github.com/siteplane/siteplane/services/lifecycle/store"
	"github.com/siteplane/siteplane/services/lifecycle/worker"
)

// edgePoll is how soon a step looks again at edges that have not proved yet;
// their proof marks the object, so this only bounds the loss of a mark.
const edgePoll = 5 * time.Second

// handleSite walks the operation of a site.
func (r *Reconciler) handleSite(ctx context.Context, w worker.Work) (time.Time, error) {
	return r.advance(ctx, w)
}

// advance walks the active operation of the claimed object, if there is one.
func (r *Reconciler) advance(ctx context.Context, w worker.Work) (time.Time, error) {
	op, ok, err := r.activeOperation(ctx, w.Key)
	if err != nil || !ok {
		return time.Time{}, err
	}
	return r.engine.Advance(ctx, w, op)
}

func (r *Reconciler) activeOperation(ctx context.Context, objectID string) (op saga.Operation, ok bool, err error) {
	err = r.Store.View(ctx, func(tx store.Tx) error {
		op, ok, err = tx.ActiveOperation(ctx, objectID)
		return err
	})
	return op, ok, err
}

// setWanted writes what the edges shall hold for a site and tells them, unless it
// is so already.
func (r *Reconciler) setWanted(ctx context.Context, tx store.Tx, s site.Site, wanted site.Wanted, op saga.Operation) (changed bool, err error) {
	if s.Wanted == wanted {
		return false, nil
	}
	if err := liftPins(ctx, tx, s.ID); err != nil {
		return false, err
	}
	s.Wanted, s.UpdatedAt = wanted, r.Clock()
	if err := tx.UpdateSite(ctx, s); err != nil {
		return false, err
	}
	return true, tellEdges(ctx, tx, s, op, r.Clock())
}

// tellEdges notes on every edge that it has not proved the site as it is now
// wanted, and makes the edges due.
func tellEdges(ctx context.Context, tx store.Tx, s site.Site, op saga.Operation, at time.Time) error {
	edges, _, err := edgesOf(ctx, tx, s)
	if err != nil {
		return err
	}
	for _, e := range edges {
		change := edge.Change{
			EdgeID: e.ID, SiteID: s.ID, TenantID: s.TenantID,
			OperationID: string(op.ID), TraceParent: op.TraceParent,
		}
		if err := tx.AddChange(ctx, change); err != nil {
			return err
		}
		if err := tx.MarkWork(ctx, worker.Mark{Kind: worker.Edge, Key: string(e.ID), DueAt: at}); err != nil {
			return err
		}
	}
	return nil
}

// edgesOf returns the edges that serve a site, and the placement that selects them.
func edgesOf(ctx context.Context, tx store.Tx, s site.Site) ([]edge.Edge, edge.Placement, error) {
	placement, err := tx.GetPlacement(ctx, s.Placement)
	if err != nil {
		return nil, placement, err
	}
	edges, err := tx.ListEdges(ctx)
	return placement.Edges(edges), placement, err
}

// presence is what the database knows of a site on its edges.
type presence struct {
	edges []edge.Edge
	// minReady is how many of them must have proved it, 0 for all that were seen.
	minReady int
	// changes are what they have not proved of the site.
	changes []edge.Change
	// revision is the one that is wanted.
	revision int64
	// pins are the edges that refuse the revision that is wanted.
	pins map[id.Edge]edge.Pin
	// served says that an edge which refuses the revision serves the one before.
	served bool
}

// presenceOf reads how a site is on its edges.
func (r *Reconciler) presenceOf(ctx context.Context, tenant id.Tenant, siteID id.Site) (p presence, err error) {
	err = r.Store.View(ctx, func(tx store.Tx) error {
		p = presence{pins: map[id.Edge]edge.Pin{}}
		s, err := tx.GetSite(ctx, tenant, siteID)
		if err != nil {
			return err
		}
		p.revision = s.WantedRevision
		placement := edge.Placement{}
		if p.edges, placement, err = edgesOf(ctx, tx, s); err != nil {
			return err
		}
		p.minReady = placement.MinReady
		if p.changes, err = tx.ChangesOfSite(ctx, siteID); err != nil {
			return err
		}
		pins, err := tx.PinsOfSite(ctx, siteID)
		for _, pin := range pins {
			if pin.Revision == s.WantedRevision {
				p.pins[pin.EdgeID] = pin
				p.served = s.ConfirmedRevision > 0 && s.ConfirmedRevision != pin.Revision
			}
		}
		return err
	})
	return p, err
}

// required returns the edges that must have proved the site now: those that have, once
// they are as many as the placement asks for, and else all that were seen lately.
func (p presence) required(now time.Time, window time.Duration) []edge.Edge {
	seen := edge.Seen(p.edges, now, window)
	if p.minReady == 0 {
		return seen
	}
	var ready []edge.Edge
	for _, e := range seen {
		if _, pinned := p.pins[e.ID]; !pinned && p.proved(e) {
			ready = append(ready, e)
		}
	}
	if len(ready) >= p.minReady {
		return ready
	}
	return seen
}

// short says that fewer edges answer than must have proved the site.
func (p presence) short(required []edge.Edge, window time.Duration) (missing confirmation, ok bool) {
	if len(required) >= max(1, p.minReady) {
		return confirmation{}, false
	}
	missing = confirmation{Reason: infra.CodeNoEdges, RetryAfter: time.Second, Message: fmt.Sprintf("no edge answered within the last %s", window)}
	if len(required) > 0 {
		missing.Message = fmt.Sprintf("%d of the %d edges that must be ready answered within the last %s", len(required), p.minReady, window)
	}
	return missing, true
}

// proved reports whether an edge has proved the site as it is wanted.
func (p presence) proved(e edge.Edge) bool {
	return e.Synced() && !slices.ContainsFunc(p.changes, func(c edge.Change) bool { return c.EdgeID == e.ID })
}

// unproven looks for an edge among those given that has not proved the site as it
// is wanted. ok is true when all have. The fault of another site is not told: it
// may be another tenant's.
func (p presence) unproven(siteID id.Site, edges []edge.Edge) (missing confirmation, ok bool) {
	for _, e := range edges {
		if p.proved(e) {
			continue
		}
		missing = confirmation{Reason: condition.ReasonWaiting, Message: "edge " + e.Name + " has not proved it yet", RetryAfter: edgePoll}
		if canary, waits := p.behind(e); waits {
			missing.Message = "edge " + e.Name + " is sent it once the canary " + canary.Name + " has proved that it runs it well"
			e = canary
		}
		if e.FaultReason != "" && (e.FaultSiteID == "" || e.FaultSiteID == siteID) {
			missing.Reason, missing.Message = e.FaultReason, "edge "+e.Name+": "+e.FaultMessage
		}
		return missing, false
	}
	return confirmation{}, true
}

// behind returns the canary that an edge waits for.
func (p presence) behind(e edge.Edge) (canary edge.Edge, waits bool) {
	if e.Canary() {
		return canary, false
	}
	for _, canary := range p.edges {
		if canary.Canary() && !p.proved(canary) {
			return canary, true
		}
	}
	return canary, false
}

// pinned returns the permanent error of an edge, among those given, that refuses
// the revision that is wanted.
func (p presence) pinned(siteID id.Site, edges []edge.Edge) error {
	for _, e := range edges {
		if pin, found := p.pins[e.ID]; found {
			return rejected(siteID, e, fmt.Sprintf("revision %d: %s", pin.Revision, pin.Message))
		}
	}
	return nil
}

// refused returns the permanent error of an edge, among those given, that refuses
// what is new of the site although it accepted its revision before.
func (p presence) refused(siteID id.Site, edges []edge.Edge) error {
	for _, e := range edges {
		if e.FaultReason == infra.CodeConfigRejected && e.FaultSiteID == siteID {
			return rejected(siteID, e, "it: "+e.FaultMessage)
		}
	}
	return nil
}

func rejected(siteID id.Site, e edge.Edge, message string) error {
	return &saga.PermanentError{Reason: infra.CodeConfigRejected, Err: &infra.RejectedError{
		SiteID: string(siteID), Message: "edge " + e.Name + " refuses " + message,
	}}
}
