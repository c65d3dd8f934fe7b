package reconcile

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/siteplane/siteplane/services/lifecycle/desired"
	"github.com/siteplane/siteplane/services/lifecycle/edge"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/infra"
	"github.com/siteplane/siteplane/services/lifecycle/saga"
	"github.com/siteplane/siteplane/services/lifecycle/site"
	"github.com/siteplane/siteplane/services/lifecycle/store"
)

// A canary is sent each new revision first. Until it has proved that, and has run it for as
// long as a placement asks, the other edges that serve the site are sent the confirmed
// revision: what a canary has not proved acts there like a pin, and what it refuses they
// refuse with it. So what an edge is sent stays a function of the rows, and its digest
// comes out.
//
// A canary that is faulty keeps the gate shut, which halts every rollout that passes it,
// until it is mended, evicted or no canary any more. One that was not seen lately keeps
// nothing back but what it had proved and was watched for, since that may be what has
// killed it, and what it refuses.

// keeping is why an edge is not sent what is new of a site.
type keeping int

const (
	// waiting: a canary has it to prove. The changes stay until then.
	waiting keeping = iota + 1
	// refused: a canary has pinned it. Nothing is to come, so the changes are proved.
	refused
)

// gate is what an edge must not be sent, and why.
type gate map[id.Site]keeping

// gateOf reads which sites the canaries have not proved, or refuse. A pin of a revision that
// is not wanted does no harm: what is wanted then is on its way to the canary, too. Canaries
// pass the gate themselves.
func (r *Reconciler) gateOf(ctx context.Context, tx store.Tx, e edge.Edge) (gate, error) {
	if e.Canary() {
		return nil, nil
	}
	edges, err := tx.ListEdges(ctx)
	if err != nil {
		return nil, err
	}
	shut := gate{}
	for _, canary := range edges {
		if !canary.Canary() || canary.Evicted() {
			continue
		}
		if err := r.shutBy(ctx, tx, canary, shut); err != nil {
			return nil, err
		}
	}
	if len(shut) == 0 || e.ProvenGeneration == 0 {
		return shut, nil
	}
	return shut, passed(ctx, tx, e, shut)
}

// passed takes out of a gate what an edge has proved before it was shut: it is not sent what
// was before.
func passed(ctx context.Context, tx store.Tx, e edge.Edge, shut gate) error {
	changes, err := tx.Changes(ctx, e.ID)
	if err != nil {
		return err
	}
	pending := map[id.Site]bool{}
	for _, c := range changes {
		pending[c.SiteID] = true
	}
	maps.DeleteFunc(shut, func(siteID id.Site, why keeping) bool { return why == waiting && !pending[siteID] })
	return nil
}

// remember notes what the gate keeps from an edge that has proved nothing yet, and so has
// no changes that would bring it later.
func remember(ctx context.Context, tx store.Tx, edgeID id.Edge, p parcel) error {
	known := sitesOf(p.changes)
	for _, siteID := range slices.Sorted(maps.Keys(p.kept)) {
		if _, found := slices.BinarySearch(known, siteID); found || p.kept[siteID] != waiting {
			continue
		}
		if err := tx.AddChange(ctx, edge.Change{EdgeID: edgeID, SiteID: siteID, TenantID: p.tenants[siteID]}); err != nil {
			return err
		}
	}
	return nil
}

// shutBy adds to a gate what one canary keeps back.
func (r *Reconciler) shutBy(ctx context.Context, tx store.Tx, canary edge.Edge, shut gate) error {
	pins, err := tx.PinsOfEdge(ctx, canary.ID)
	if err != nil {
		return err
	}
	for _, pin := range pins {
		if shut[pin.SiteID] == 0 {
			shut[pin.SiteID] = refused
		}
	}
	changes, err := tx.Changes(ctx, canary.ID)
	if err != nil {
		return err
	}
	seen := canary.Seen(r.Clock(), r.EdgeWindow)
	for _, c := range changes {
		if seen || !c.ProvedAt.IsZero() {
			shut[c.SiteID] = waiting
		}
	}
	return nil
}

// CanaryChanged has every edge look again at the sites of which an edge refuses a revision.
// Whoever makes an edge a canary, or no canary any more, calls it: what a canary refuses
// is not sent to the others.
func CanaryChanged(ctx context.Context, tx store.Tx, edgeID id.Edge, at time.Time) error {
	pins, err := tx.PinsOfEdge(ctx, edgeID)
	if err != nil {
		return err
	}
	for _, pin := range pins {
		s, err := tx.GetSite(ctx, pin.TenantID, pin.SiteID)
		if err != nil {
			return err
		}
		if err := tellEdges(ctx, tx, s, saga.Operation{}, at); err != nil {
			return err
		}
	}
	return nil
}

// desiredRows returns what an edge is sent of the sites, of all for nil, and which of them
// the gate keeps as they were confirmed.
func (r *Reconciler) desiredRows(ctx context.Context, tx store.Tx, e edge.Edge, sites []id.Site) (rows []desired.Row, kept gate, err error) {
	if rows, err = tx.DesiredRows(ctx, e.ID, sites); err != nil {
		return nil, nil, err
	}
	shut, err := r.gateOf(ctx, tx, e)
	if err != nil || len(shut) == 0 {
		return rows, nil, err
	}
	confirmed, err := tx.ConfirmedRows(ctx, e.ID, shut.among(rows))
	if err != nil {
		return nil, nil, err
	}
	before := map[id.Site]desired.Row{}
	for _, row := range confirmed {
		before[row.SiteID] = row
	}
	kept = gate{}
	for i, row := range rows {
		if was, found := before[row.SiteID]; found && was.Revision != row.Revision {
			rows[i], kept[row.SiteID] = was, shut[row.SiteID]
		}
	}
	return rows, kept, nil
}

// among returns the sites of rows that the gate is shut for. What goes passes it.
func (g gate) among(rows []desired.Row) (sites []id.Site) {
	for _, row := range rows {
		if g[row.SiteID] != 0 && row.Wanted == site.Present {
			sites = append(sites, row.SiteID)
		}
	}
	return sites
}

// waits reports whether there is nothing to send to an edge: no change, or none but those
// that the gate keeps, and without them the edge holds what it has proved.
func (r *Reconciler) waits(ctx context.Context, e edge.Edge, changes []edge.Change) (waits bool, err error) {
	if len(changes) == 0 {
		return true, nil
	}
	err = r.Store.View(ctx, func(tx store.Tx) error {
		waits = false
		shut, err := r.gateOf(ctx, tx, e)
		if err != nil || len(shut) == 0 {
			return err
		}
		p := parcel{changes: changes, tenants: map[id.Site]id.Tenant{}, update: infra.EdgeUpdate{Removals: map[id.Site]string{}}}
		err = r.fill(ctx, tx, &p, e, r.digests.get(e.ID, e.ProvenGeneration))
		waits = len(p.settled()) == 0 && p.update.Digest == e.ProvenDigest
		return err
	})
	return waits, err
}

// sitesOf returns the sites that changed, in order and without duplicates.
func sitesOf(changes []edge.Change) []id.Site {
	sites := make([]id.Site, 0, len(changes))
	for _, c := range changes {
		sites = append(sites, c.SiteID)
	}
	slices.Sort(sites)
	return slices.Compact(sites)
}
