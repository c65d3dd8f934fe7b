package reconcile

import (
	"context"
	"errors"
	"slices"
	"time"

	"go.opentelemetry.io/otel/attribute"

	"github.com/siteplane/siteplane/services/lifecycle/condition"
	"github.com/siteplane/siteplane/services/lifecycle/desired"
	"github.com/siteplane/siteplane/services/lifecycle/drift"
	"github.com/siteplane/siteplane/services/lifecycle/hold"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/infra"
	"github.com/siteplane/siteplane/services/lifecycle/network"
	"github.com/siteplane/siteplane/services/lifecycle/store"
	"github.com/siteplane/siteplane/services/lifecycle/tunnel"
	"github.com/siteplane/siteplane/services/lifecycle/worker"
)

// handleTunnel brings a tunnel to what is desired: it sends what the tunnel has not
// proved, or, when there is nothing, compares it with what was proved. What it sends
// is always the whole. It always comes back, so that drift is seen.
func (r *Reconciler) handleTunnel(ctx context.Context, w worker.Work) (time.Time, error) {
	tunnelID := id.Tunnel(w.Key)
	r.Reached.At(beforeTunnelPack)
	p, err := r.packTunnel(ctx, w, tunnelID)
	r.Reached.At(afterTunnelPack)
	if err != nil {
		return time.Time{}, gone(err)
	}
	again := r.Clock().Add(r.ReconcileEvery)
	ctx, span := r.inTraceOf(ctx, "send tunnel", p.traces(), attribute.String("tunnel_id", string(tunnelID)))
	defer span.End()
	if p.proven || p.tunnel.DriftPolicy == drift.Hold {
		send, err := r.observeTunnel(ctx, w, &p)
		if err != nil || !send {
			return again, err
		}
	}
	return again, r.sendTunnel(ctx, w, p)
}

// tunnelParcel is one update of a tunnel with what it answers.
type tunnelParcel struct {
	tunnel  tunnel.Tunnel
	update  infra.TunnelUpdate
	changes []tunnel.Change
	// routed are the domains behind the routes.
	routed []network.Domain
	// changed are the hostnames of the changes.
	changed map[string]bool
	// proven says that nothing differs from what the tunnel proved last.
	proven bool
}

// traces are those that the changes were made in.
func (p tunnelParcel) traces() (out []string) {
	for _, change := range p.changes {
		out = append(out, change.TraceParent)
	}
	return out
}

// packTunnel reads what the tunnel shall hold, in one transaction, and assigns
// the next generation if it holds something else.
func (r *Reconciler) packTunnel(ctx context.Context, w worker.Work, tunnelID id.Tunnel) (p tunnelParcel, err error) {
	err = r.update(ctx, w, func(tx store.Tx) error {
		p = tunnelParcel{changed: map[string]bool{}}
		if p.tunnel, err = tx.GetTunnel(ctx, tunnelID); err != nil {
			return err
		}
		if p.changes, err = tx.TunnelChanges(ctx, tunnelID); err != nil {
			return err
		}
		if p.routed, err = tx.RoutedDomains(ctx, tunnelID); err != nil {
			return err
		}
		if p.update.Fence.Era, err = tx.Era(ctx); err != nil {
			return err
		}
		if p.update.Installation, err = tx.InstallationID(ctx); err != nil {
			return err
		}
		if p.update.ConfirmedHold, err = hold.Confirmed(ctx, tx, p.tunnel.Target()); err != nil {
			return err
		}
		p.update.Routes = desired.ForTunnel(p.routed)
		p.update.Digest = desired.TunnelDigest(p.update.Routes)
		if err := p.nameRemovals(ctx, tx); err != nil {
			return err
		}
		t := p.tunnel
		if t.ProvenDigest != p.update.Digest || t.ProvenGeneration != t.Generation {
			t.Generation++
			if err := tx.UpdateTunnel(ctx, t); err != nil {
				return err
			}
		}
		p.proven = len(p.changes) == 0 && t.Generation == t.ProvenGeneration
		p.update.Fence.Epoch, p.update.Fence.Generation = w.Epoch, t.Generation
		return nil
	})
	return p, err
}

// nameRemovals names the operation behind each hostname that changed and is not
// routed any more.
func (p *tunnelParcel) nameRemovals(ctx context.Context, tx store.Tx) error {
	p.update.Removals = map[string]string{}
	for _, change := range p.changes {
		d, err := tx.GetDomain(ctx, change.TenantID, change.DomainID)
		if err != nil {
			return err
		}
		p.changed[d.Hostname] = true
		p.update.Removals[d.Hostname] = change.OperationID
	}
	for _, route := range p.update.Routes {
		delete(p.update.Removals, route.Hostname)
	}
	return nil
}

// observeTunnel compares a tunnel with what it shall hold and writes down how it
// drifted. It says whether to send: there is something of ours to bring back, or
// changes, and nothing is held.
func (r *Reconciler) observeTunnel(ctx context.Context, w worker.Work, p *tunnelParcel) (send bool, err error) {
	found, err := r.Tunnel.Observe(ctx, p.update.Installation, p.update.Routes)
	if err != nil {
		return false, errors.Join(err, r.tunnelFailed(ctx, w, *p, err))
	}
	found = slices.DeleteFunc(found, func(f drift.Finding) bool { return !f.Foreign && p.changed[f.Place] })
	ours := drift.Ours(found)
	held := len(ours) > 0 && p.tunnel.DriftPolicy == drift.Hold
	err = r.update(ctx, w, func(tx store.Tx) error {
		t, err := tx.GetTunnel(ctx, p.tunnel.ID)
		if err != nil {
			return err
		}
		opened, err := drift.Record(ctx, tx, t.Target(), found, drift.Gone, r.observed(ctx))
		if err != nil {
			return err
		}
		for _, d := range opened {
			r.Logger.WarnContext(ctx, "tunnel drifted", "tunnel_id", t.ID, "kind", d.Kind, "place", d.Place,
				"detail", d.Detail, "since", d.Since, "cause", d.Cause, "foreign", d.Foreign, "policy", t.DriftPolicy)
		}
		if err := p.nameSurplus(ctx, tx, ours); err != nil {
			return err
		}
		t.LastSeenAt = r.Clock()
		t.FaultReason, t.FaultMessage, t.FaultActor = "", "", ""
		if held {
			t.FaultReason, t.FaultMessage, t.FaultActor = infra.CodeDriftHeld, ours[0].Place+": "+ours[0].Detail, condition.Operator
		}
		return tx.UpdateTunnel(ctx, t)
	})
	return !held && (len(ours) > 0 || !p.proven), err
}

// nameSurplus names the operation behind each hostname that the tunnel holds and
// that was taken away.
func (p *tunnelParcel) nameSurplus(ctx context.Context, tx store.Tx, ours []drift.Finding) error {
	var hostnames []string
	for _, f := range ours {
		hostnames = append(hostnames, f.Place)
	}
	removed, err := removedHostnames(ctx, tx, hostnames, network.OnEdge)
	for hostname, operation := range removed {
		p.update.Removals[hostname] = operation
	}
	return err
}

// sendTunnel sends a tunnel everything. When the receiver holds it back, it is told
// what the database knows of each name that would go, and asked once more.
func (r *Reconciler) sendTunnel(ctx context.Context, w worker.Work, p tunnelParcel) error {
	log := r.Logger.With("tunnel_id", p.tunnel.ID, "generation", p.update.Fence.Generation, "routes", len(p.update.Routes))
	log.InfoContext(ctx, "tunnel apply intent", "changes", len(p.changes))
	proof, err := r.Tunnel.Apply(ctx, p.update)
	var held *infra.HeldError
	if errors.As(err, &held) {
		proof, err = r.explainTunnel(ctx, &p)
	}
	if errors.As(err, &held) {
		return r.holdBackTunnel(ctx, w, p, held)
	}
	if err != nil {
		log.WarnContext(ctx, "tunnel apply outcome", "error", err)
		return errors.Join(err, r.tunnelFailed(ctx, w, p, err))
	}
	log.InfoContext(ctx, "tunnel apply outcome", "external_response", proof)
	for hostname, d := range proof.Blocked {
		log.WarnContext(ctx, "route blocked", "hostname", hostname, "code", d.Code, "summary", d.Summary)
	}
	r.Reached.At(beforeTunnelProved)
	err = r.tunnelProved(ctx, w, p, proof)
	r.Reached.At(afterTunnelProved)
	return err
}

// explainTunnel asks what the tunnel holds too much, names the operations behind
// it, and sends once more.
func (r *Reconciler) explainTunnel(ctx context.Context, p *tunnelParcel) (infra.TunnelProof, error) {
	found, err := r.Tunnel.Observe(ctx, p.update.Installation, p.update.Routes)
	if err != nil {
		return infra.TunnelProof{}, err
	}
	err = r.Store.View(ctx, func(tx store.Tx) error { return p.nameSurplus(ctx, tx, drift.Ours(found)) })
	if err != nil {
		return infra.TunnelProof{}, err
	}
	return r.Tunnel.Apply(ctx, p.update)
}

// holdBackTunnel writes a hold of a tunnel down.
func (r *Reconciler) holdBackTunnel(ctx context.Context, w worker.Work, p tunnelParcel, held *infra.HeldError) error {
	h := hold.Hold{ID: held.ID, Target: p.tunnel.Target(), Names: held.Names, Count: max(held.Count, len(held.Names)), Held: held.Held, Since: r.Clock()}
	r.Logger.ErrorContext(ctx, "tunnel held by the shrink guard", "tunnel_id", p.tunnel.ID, "hold_id", h.ID, "count", h.Count, "held", h.Held)
	return r.update(ctx, w, func(tx store.Tx) error {
		if err := hold.Begin(ctx, tx, h); err != nil {
			return err
		}
		t, err := tx.GetTunnel(ctx, p.tunnel.ID)
		if err != nil {
			return err
		}
		t.FaultReason, t.FaultMessage, t.FaultActor = infra.CodeHeld, heldMessage(h), condition.Operator
		if err := tx.UpdateTunnel(ctx, t); err != nil {
			return err
		}
		return r.wakeRouted(ctx, tx, p, false)
	})
}

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
		if !written || d.Status != network.Validated {
			continue
		}
		if err := r.markDomain(ctx, tx, d.TenantID, d.ID, ""); err != nil {
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
