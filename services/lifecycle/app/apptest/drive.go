package apptest

import (
	"context"
	"errors"
	"time"

	"github.com/siteplane/siteplane/internal/platform/tracecontext"
	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/network"
	"github.com/siteplane/siteplane/services/lifecycle/store"
	"github.com/siteplane/siteplane/services/lifecycle/worker"
)

// maxSteps bounds what a World does without time passing; beyond it, it goes
// round in circles.
const maxSteps = 2000

// Mark makes an object due now.
func (w *World) Mark(kind worker.Kind, key string, tenant id.Tenant) {
	w.tb.Helper()
	w.Update(func(ctx context.Context, tx store.Tx) error {
		return tx.MarkWork(ctx, worker.Mark{Kind: kind, Key: key, TenantID: string(tenant), DueAt: w.Clock.Now()})
	})
}

// Claim leases the row that is due longest; ok is false when nothing is due.
func (w *World) Claim() (work worker.Work, ok bool) {
	w.tb.Helper()
	claimed, _, err := w.Store.ClaimWork(w.tb.Context(), worker.Claim{Owner: "apptest", Lease: w.cfg.Lease, Limit: 1})
	if ok = len(claimed) > 0; ok {
		work = claimed[0]
	}
	w.alive(err)
	return work, ok && err == nil
}

// Handle calls the handler of a claim.
func (w *World) Handle(work worker.Work) (next time.Time, err error) {
	ctx, span := w.tracer.Start(tracecontext.WithParent(w.tb.Context(), work.TraceParent), "work "+string(work.Kind))
	defer span.End()
	return w.handlers[work.Kind](ctx, work)
}

// Finish ends a claim as the loop does: what failed is due again after a growing
// while, what was taken over is due at once.
func (w *World) Finish(work worker.Work, next time.Time, failed error) {
	w.tb.Helper()
	raced := errors.Is(failed, lifecycle.ErrFenced) || errors.Is(failed, lifecycle.ErrLostRace)
	if raced {
		next = w.Clock.Now()
	}
	w.alive(w.Store.Update(w.tb.Context(), func(tx store.Tx) error {
		if failed == nil || raced {
			return tx.FinishWork(w.tb.Context(), work, next)
		}
		delay := min(500*time.Millisecond<<min(work.Failures+1, 10), time.Minute)
		return tx.FailWork(w.tb.Context(), work, w.Clock.Now().Add(delay), false)
	}))
}

// Step does one piece of work; ok is false when nothing is due now.
func (w *World) Step() (work worker.Work, ok bool) {
	w.tb.Helper()
	if work, ok = w.Claim(); !ok {
		return work, false
	}
	next, err := w.Handle(work)
	if !w.Store.Dead() {
		w.Finish(work, next, err)
	}
	return work, true
}

// Run works until nothing is due now, or the process is dead.
func (w *World) Run() {
	w.tb.Helper()
	for range maxSteps {
		if _, ok := w.Step(); !ok || w.Store.Dead() {
			return
		}
	}
	w.tb.Fatalf("there is still something due after %d pieces of work", maxSteps)
}

// RunFor works while time passes, from one due time to the next.
func (w *World) RunFor(d time.Duration) {
	w.tb.Helper()
	end := w.Clock.Now().Add(d)
	for w.Run(); !w.Store.Dead(); w.Run() {
		next, ok := w.nextDue()
		if !ok || next.After(end) {
			break
		}
		w.Clock.advanceTo(next)
	}
	w.Clock.advanceTo(end)
}

// Settle works until no site and no domain has anything left to do. It takes an
// hour at most.
func (w *World) Settle() {
	w.tb.Helper()
	end := w.Clock.Now().Add(time.Hour)
	for w.Run(); !w.Store.Dead(); w.Run() {
		next, ok := w.nextDue()
		if !ok || w.settled() {
			return
		}
		if next.After(end) {
			w.tb.Fatalf("the world does not settle within an hour")
		}
		w.Clock.advanceTo(next)
	}
}

// settled reports whether nothing but the regular looks at edges, tunnels and
// ACTIVE domains is left.
func (w *World) settled() (settled bool) {
	w.tb.Helper()
	settled = true
	w.View(func(ctx context.Context, tx store.Tx) error {
		for _, r := range w.sites {
			domains, err := tx.DomainsOfSite(ctx, r.tenant, r.site)
			if err != nil {
				return err
			}
			due := map[string]worker.Kind{string(r.site): worker.Site}
			serving := map[string]bool{} // is looked at again and again
			for _, d := range domains {
				due[string(d.ID)], serving[string(d.ID)] = worker.Domain, d.Status == network.Active
			}
			for key, kind := range due {
				at, dirty, err := tx.DueAt(ctx, kind, key)
				if err != nil {
					return err
				}
				settled = settled && (!dirty || serving[key] && at.After(w.Clock.Now()))
			}
		}
		for _, e := range w.edges {
			changes, err := tx.Changes(ctx, e)
			if err != nil {
				return err
			}
			settled = settled && len(changes) == 0
		}
		if w.tunnel == "" {
			return nil
		}
		changes, err := tx.TunnelChanges(ctx, w.tunnel)
		settled = settled && len(changes) == 0
		return err
	})
	return settled
}

func (w *World) nextDue() (at time.Time, ok bool) {
	w.tb.Helper()
	w.View(func(ctx context.Context, tx store.Tx) (err error) {
		at, ok, err = tx.NextDue(ctx)
		return err
	})
	return at, ok
}

// alive fails the test for any error but that of a dead process.
func (w *World) alive(err error) {
	w.tb.Helper()
	if !errors.Is(err, ErrDead) {
		w.must(err)
	}
}
