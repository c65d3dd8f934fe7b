package reconcile

import (
	"context"
	"errors"
	"slices"

	"github.com/siteplane/siteplane/services/lifecycle/condition"
	"github.com/siteplane/siteplane/services/lifecycle/desired"
	"github.com/siteplane/siteplane/services/lifecycle/drift"
	"github.com/siteplane/siteplane/services/lifecycle/hold"
	"github.com/siteplane/siteplane/services/lifecycle/infra"
	"github.com/siteplane/siteplane/services/lifecycle/store"
	"github.com/siteplane/siteplane/services/lifecycle/worker"
)

// tunnelProved writes down what a tunnel has proved: exactly the changes that
// were sent are gone, and whoever waits for a route is looked at.
func (r *Reconciler) tunnelProved(ctx context.Context, w worker.Work, p tunnelParcel, proof infra.TunnelProof) error {
	return r.update(ctx, w, func(tx store.Tx) error {
		t, err := tx.GetTunnel(ctx, p.tunnel.ID)
		if err != nil {
			return err
		}
		first := t.ProvenGeneration == 0
		t.ProvenGeneration, t.ProvenDigest = p.update.Fence.Generation, p.update.Digest
		t.FaultReason, t.FaultMessage, t.FaultActor, t.LastSeenAt = "", "", "", r.Clock()
		if err := tx.UpdateTunnel(ctx, t); err != nil {
			return err
		}
		seqs := make([]int64, len(p.changes))
		for i, change := range p.changes {
			seqs[i] = change.Seq
		}
		if err := tx.DeleteTunnelChanges(ctx, t.ID, seqs); err != nil {
			return err
		}
		if err := hold.End(ctx, tx, t.Target(), r.Clock()); err != nil {
			return err
		}
		if err := r.tunnelRepaired(ctx, tx, p, proof, first); err != nil {
			return err
		}
		return r.wakeRouted(ctx, tx, p, proof.Writes > 0)
	})
}

// driftCorrected is what an apply corrected besides the changes that it brought.
const driftCorrected = "CORRECTED"

// tunnelRepaired writes down that what was ours to repair is repaired, and what
// else an apply corrected on the way.
func (r *Reconciler) tunnelRepaired(ctx context.Context, tx store.Tx, p tunnelParcel, proof infra.TunnelProof, first bool) error {
	open, err := tx.OpenDrifts(ctx, p.tunnel.Target())
	if err != nil {
		return err
	}
	var foreign, found []drift.Finding
	known := map[string]bool{}
	for _, d := range open {
		known[d.Place] = true
		found = append(found, d.Finding)
		if d.Foreign {
			foreign = append(foreign, d.Finding)
		}
	}
	for _, hostname := range proof.Changed {
		if !first && !p.changed[hostname] && !known[hostname] && p.routes(hostname) {
			found = append(found, drift.Finding{
				Kind: driftCorrected, Place: hostname, Detail: "it was not as proved, and was corrected together with a change",
			})
		}
	}
	if len(found) == len(foreign) {
		return nil
	}
	if _, err := drift.Record(ctx, tx, p.tunnel.Target(), found, drift.Gone, r.observed(ctx)); err != nil {
		return err
	}
	_, err = drift.Record(ctx, tx, p.tunnel.Target(), foreign, drift.Repaired, r.observed(ctx))
	return err
}

// routes reports whether a hostname is among the routes.
func (p tunnelParcel) routes(hostname string) bool {
	return slices.ContainsFunc(p.update.Routes, func(route desired.TunnelRoute) bool { return route.Hostname == hostname })
}

// wakeRouted makes the domains behind the changes due, and, when something was
// written, those that wait for their route.
func (r *Reconciler) wakeRouted(ctx context.Context, tx store.Tx, p tunnelParcel, written bool) error {
	for _, change := range p.changes {
		if err := r.markDomain(ctx, tx, change.TenantID, change.DomainID, ""); err != nil {
			return err
		}
	}
	for _, d := range p.routed {
		if !written || !d.Waits {
			continue
		}
		if err := r.markDomain(ctx, tx, d.TenantID, d.DomainID, ""); err != nil {
			return err
		}
	}
	return nil
}

// tunnelFailed writes down why a tunnel does not prove what it was sent. When
// that is news, whoever waits looks at the reason.
func (r *Reconciler) tunnelFailed(ctx context.Context, w worker.Work, p tunnelParcel, cause error) error {
	reason, message, actor := infra.CodeServiceUnavailable, cause.Error(), condition.Operator
	var refused *infra.RefusedError
	if errors.As(cause, &refused) {
		reason, message, actor = refused.Diagnosis.Code, refused.Diagnosis.Summary, refused.Diagnosis.Actor
	}
	return r.update(ctx, w, func(tx store.Tx) error {
		t, err := tx.GetTunnel(ctx, p.tunnel.ID)
		if err != nil || t.FaultReason == reason && t.FaultMessage == message {
			return err
		}
		t.FaultReason, t.FaultMessage, t.FaultActor = reason, message, actor
		if err := tx.UpdateTunnel(ctx, t); err != nil {
			return err
		}
		return r.wakeRouted(ctx, tx, p, false)
	})
}
