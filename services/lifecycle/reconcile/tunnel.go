package reconcile

import (
	"context"
	"errors"
	"time"

	"go.opentelemetry.io/otel/attribute"

	"github.com/siteplane/siteplane/services/lifecycle/condition"
	"github.com/siteplane/siteplane/services/lifecycle/drift"
	"github.com/siteplane/siteplane/services/lifecycle/hold"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/infra"
	"github.com/siteplane/siteplane/services/lifecycle/store"
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
