package reconcile

import (
	"context"
	"errors"
	"time"

	"go.opentelemetry.io/otel/attribute"

	"github.com/siteplane/siteplane/services/lifecycle/condition"
	"github.com/siteplane/siteplane/services/lifecycle/desired"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/infra"
	"github.com/siteplane/siteplane/services/lifecycle/network"
	"github.com/siteplane/siteplane/services/lifecycle/store"
	"github.com/siteplane/siteplane/services/lifecycle/tunnel"
	"github.com/siteplane/siteplane/services/lifecycle/worker"
)

// handleTunnel brings a tunnel to what is desired. It sends the whole, always:
// the service reads before it writes, so that a tunnel which has everything gets
// no call that changes anything. It always comes back, so that what others changed
// is mended.
func (r *Reconciler) handleTunnel(ctx context.Context, w worker.Work) (time.Time, error) {
	tunnelID := id.Tunnel(w.Key)
	p, err := r.packTunnel(ctx, w, tunnelID)
	if err != nil {
		return time.Time{}, gone(err)
	}
	ctx, span := r.inTraceOf(ctx, "send tunnel", p.traces(), attribute.String("tunnel_id", string(tunnelID)))
	defer span.End()
	log := r.Logger.With("tunnel_id", tunnelID, "generation", p.update.Fence.Generation, "routes", len(p.update.Routes))
	if len(p.changes) > 0 {
		log.InfoContext(ctx, "tunnel apply intent", "changes", len(p.changes))
	}
	proof, err := r.Tunnel.Apply(ctx, p.update)
	if err != nil {
		log.WarnContext(ctx, "tunnel apply outcome", "error", err)
		return time.Time{}, errors.Join(err, r.tunnelFailed(ctx, w, p, err))
	}
	if len(p.changes) > 0 || proof.Writes > 0 {
		log.InfoContext(ctx, "tunnel apply outcome", "external_response", proof)
	}
	for hostname, d := range proof.Blocked {
		log.WarnContext(ctx, "route blocked", "hostname", hostname, "code", d.Code, "summary", d.Summary)
	}
	return r.Clock().Add(r.ReconcileEvery), r.tunnelProved(ctx, w, p, proof)
}

// tunnelParcel is one update of a tunnel with what it answers.
type tunnelParcel struct {
	tunnelID id.Tunnel
	update   infra.TunnelUpdate
	changes  []tunnel.Change
	// routed are the domains behind the routes.
	routed []network.Domain
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
		p = tunnelParcel{tunnelID: tunnelID}
		t, err := tx.GetTunnel(ctx, tunnelID)
		if err != nil {
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
		p.update.Routes = desired.ForTunnel(p.routed)
		p.update.Digest = desired.TunnelDigest(p.update.Routes)
		if t.ProvenDigest != p.update.Digest || t.ProvenGeneration != t.Generation {
			t.Generation++
			if err := tx.UpdateTunnel(ctx, t); err != nil {
				return err
			}
		}
		p.update.Fence.Epoch, p.update.Fence.Generation = w.Epoch, t.Generation
		return nil
	})
	return p, err
}

// tunnelProved writes down what a tunnel has proved: exactly the changes that
// were sent are gone, and whoever waits for a route is looked at.
func (r *Reconciler) tunnelProved(ctx context.Context, w worker.Work, p tunnelParcel, proof infra.TunnelProof) error {
	return r.update(ctx, w, func(tx store.Tx) error {
		t, err := tx.GetTunnel(ctx, p.tunnelID)
		if err != nil {
			return err
		}
		t.ProvenGeneration, t.ProvenDigest = p.update.Fence.Generation, p.update.Digest
		t.FaultReason, t.FaultMessage, t.FaultActor, t.LastSeenAt = "", "", "", r.Clock()
		if err := tx.UpdateTunnel(ctx, t); err != nil {
			return err
		}
		seqs := make([]int64, len(p.changes))
		for i, change := range p.changes {
			seqs[i] = change.Seq
		}
		if err := tx.DeleteTunnelChanges(ctx, p.tunnelID, seqs); err != nil {
			return err
		}
		return r.wakeRouted(ctx, tx, p, proof.Writes > 0)
	})
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
		t, err := tx.GetTunnel(ctx, p.tunnelID)
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
