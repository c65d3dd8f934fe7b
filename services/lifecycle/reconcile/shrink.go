package reconcile

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/siteplane/siteplane/internal/platform/shrink"
	"github.com/siteplane/siteplane/services/lifecycle/desired"
	"github.com/siteplane/siteplane/services/lifecycle/edge"
	"github.com/siteplane/siteplane/services/lifecycle/hold"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/infra"
	"github.com/siteplane/siteplane/services/lifecycle/network"
	"github.com/siteplane/siteplane/services/lifecycle/site"
	"github.com/siteplane/siteplane/services/lifecycle/store"
	"github.com/siteplane/siteplane/services/lifecycle/worker"
)

// The operations that take sites and hostnames away.
var (
	removesSites     = desired.Removers{Taking: []string{DeleteSite}, Making: []string{CreateSite}}
	removesHostnames = desired.Removers{Taking: []string{ReleaseDomain, LowerDomain}, Making: []string{ActivateDomain}}
)

// explain asks an edge what it holds before a whole snapshot, names the operation
// behind each site and hostname that the snapshot will take away, and holds the
// snapshot back if too much is left without one.
func (r *Reconciler) explain(ctx context.Context, w worker.Work, e edge.Edge, p *parcel) (heldBack bool, err error) {
	held, err := r.Edges.ListHeld(ctx, e.ID, p.sums())
	if err != nil {
		return false, errors.Join(err, r.fault(ctx, w, e.ID, p.changes, err))
	}
	dropped := missing(held, p.update.Sites)
	if len(dropped) == 0 {
		return false, nil
	}
	unexplained, err := r.explainEach(ctx, dropped, p.update.Explanations)
	if err != nil {
		return false, err
	}
	removal := shrink.Removal{Held: held.Hostnames, Left: names(p.update.Sites), Unexplained: unexplained}
	var tooMuch *shrink.HeldError
	if errors.As(shrink.Check(removal, p.update.ConfirmedHold), &tooMuch) {
		return true, r.holdBack(ctx, w, e, p.changes, hold.Hold{
			ID: tooMuch.ID, Names: tooMuch.Names, Count: len(tooMuch.Names), Held: tooMuch.Held,
		})
	}
	return false, nil
}

// names counts the hostnames of a whole snapshot; the internal name stands for a site.
func names(sent []desired.EdgeSite) (count int) {
	for _, s := range sent {
		count += 1 + len(s.Hostnames)
	}
	return count
}

// missing returns the names that an edge holds and is not sent, with the site that
// each belongs to. Mostly it holds little that differs, however much is sent.
func missing(held infra.Held, sent []desired.EdgeSite) map[string]id.Site {
	out := map[string]id.Site{}
	for siteID, hostnames := range held.Sites {
		out[site.InternalName(siteID)] = siteID
		for _, name := range hostnames {
			out[name] = siteID
		}
	}
	for _, s := range sent {
		if len(out) == 0 {
			break
		}
		delete(out, site.InternalName(s.SiteID))
		for _, name := range s.Hostnames {
			delete(out, name)
		}
	}
	return out
}

// explainEach adds the operation behind each dropped name to the explanations of
// its site, and returns the names that have none. A site is explained when all that
// goes of it is, as the receiver counts it, too.
func (r *Reconciler) explainEach(ctx context.Context, dropped map[string]id.Site, explanations map[id.Site]string) (unexplained []string, err error) {
	var (
		sites     []id.Site
		hostnames []string
		removed   map[id.Site]id.Operation
		released  map[string]string
	)
	for name, siteID := range dropped {
		if name == site.InternalName(siteID) {
			sites = append(sites, siteID)
			continue
		}
		hostnames = append(hostnames, name)
	}
	err = r.Store.View(ctx, func(tx store.Tx) error {
		if removed, err = tx.RemovedSites(ctx, sites, removesSites); err != nil {
			return err
		}
		released, err = removedHostnames(ctx, tx, hostnames, network.Hidden)
		return err
	})
	open := map[id.Site]bool{}
	for name, siteID := range dropped {
		operation := string(removed[siteID])
		if operation == "" {
			operation = released[name]
		}
		if operation == "" {
			open[siteID] = true
			continue
		}
		explanations[siteID] = operation
	}
	for name, siteID := range dropped {
		if open[siteID] {
			delete(explanations, siteID)
			unexplained = append(unexplained, name)
		}
	}
	slices.Sort(unexplained)
	return unexplained, err
}

// removedHostnames returns the operation behind each hostname that is wanted at a
// level at most.
func removedHostnames(ctx context.Context, tx store.Tx, hostnames []string, atMost network.Wanted) (map[string]string, error) {
	removals, err := tx.RemovedHostnames(ctx, hostnames, removesHostnames)
	out := map[string]string{}
	for hostname, removal := range removals {
		if levels[removal.Wanted] <= levels[atMost] {
			out[hostname] = string(removal.OperationID)
		}
	}
	return out, err
}

// holdBack writes a hold of an edge down, and has whoever waits look at the reason.
func (r *Reconciler) holdBack(ctx context.Context, w worker.Work, e edge.Edge, changes []edge.Change, h hold.Hold) error {
	h.Target, h.Since = e.Target(), r.Clock()
	r.Logger.ErrorContext(ctx, "edge held by the shrink guard", "edge_id", e.ID, "hold_id", h.ID, "count", h.Count, "held", h.Held)
	return r.update(ctx, w, func(tx store.Tx) error {
		if err := hold.Begin(ctx, tx, h); err != nil {
			return err
		}
		now, err := tx.GetEdge(ctx, e.ID)
		if err != nil {
			return err
		}
		now.FaultReason, now.FaultMessage, now.FaultSiteID = infra.CodeHeld, heldMessage(h), ""
		now.LastSeenAt = r.Clock()
		if err := tx.UpdateEdge(ctx, now); err != nil {
			return err
		}
		return r.wake(ctx, tx, changes)
	})
}

func heldMessage(h hold.Hold) string {
	return fmt.Sprintf("%d of %d names would go and no operation says why; `siteplane hold list` shows them, hold %s", h.Count, h.Held, h.ID)
}
