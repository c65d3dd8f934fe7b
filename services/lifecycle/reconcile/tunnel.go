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
	cargo, err := r.packTunnel(ctx, w, tunnelID)
	if err != nil {
		return time.Time{}, gone(err)
	}
	ctx, span := r.inTraceOf(ctx, "send tunnel", cargo.traces(), attribute.String("tunnel_id", string(tunnelID)))
	defer span.End()
	log := r.Logger.With("tunnel_id", tunnelID, "generation", cargo.update.Fence.Generation, "routes", len(cargo.update.Routes))
	if len(cargo.changes) > 0 {
		log.InfoContext(ctx, "tunnel apply intent", "changes", len(cargo.changes))
	}
	proof, err := r.Tunnel.Apply(ctx, cargo.update)
	if err != nil {
		log.WarnContext(ctx, "tunnel apply outcome", "error", err)
		return time.Time{}, errors.Join(err, r.tunnelFailed(ctx, w, cargo, err))
	}
	if len(cargo.changes) > 0 || proof.Writes > 0 {
		log.InfoContext(ctx, "tunnel apply outcome", "external_response", proof)
	}
	for hostname, d := range proof.Blocked {
		log.WarnContext(ctx, "route blocked", "hostname", hostname, "code", d.Code, "summary", d.Summary)
	}
	return r.Clock().Add(r.ReconcileEvery), r.tunnelProved(ctx, w, cargo, proof)
}

// cargo is one update of a tunnel with what it answers.
type cargo struct {
	tunnelID id.Tunnel
	update   infra.TunnelUpdate
	changes  []tunnel.Change
	// routed are the domains behind the routes.
	routed []network.Domain
}

// traces are those that the changes were made in.
func (c cargo) traces() (out []string) {
	for _, change := range c.changes {
		out = append(out, change.TraceParent)
	}
	return out
}

// packTunnel reads what the tunnel shall hold, in one transaction, and assigns
// the next generation if it holds something else.
func (r *Reconciler) packTunnel(ctx context.Context, w worker.Work, tunnelID id.Tunnel) (c cargo, err error) {
	err = r.update(ctx, w, func(tx store.Tx) error {
		c = cargo{tunnelID: tunnelID}
		t, err := tx.GetTunnel(ctx, tunnelID)
		if err != nil {
			return err
		}
		if c.changes, err = tx.TunnelChanges(ctx, tunnelID); err != nil {
			return err
		}
		if c.routed, err = tx.RoutedDomains(ctx, tunnelID); err != nil {
			return err
		}
		if c.update.Fence.Era, err = tx.Era(ctx); err != nil {
			return err
		}
		if c.update.Installation, err = tx.InstallationID(ctx); err != nil {
			return err
		}
		c.update.Routes = desired.ForTunnel(c.routed)
		c.update.Digest = desired.TunnelDigest(c.update.Routes)
		if t.ProvenDigest != c.update.Digest || t.ProvenGeneration != t.Generation {
			t.Generation++
			if err := tx.UpdateTunnel(ctx, t); err != nil {
				return err
			}
		}
		c.update.Fence.Epoch, c.update.Fence.Generation = w.Epoch, t.Generation
		return nil
	})
	return c, err
}

// tunnelProved writes down what a tunnel has proved: exactly the changes that
// were sent are gone, and whoever waits for a route is looked at.
func (r *Reconciler) tunnelProved(ctx context.Context, w worker.Work, c cargo, proof infra.TunnelProof) error {
	return r.update(ctx, w, func(tx store.Tx) error {
		t, err := tx.GetTunnel(ctx, c.tunnelID)
		if err != nil {
			return err
		}
		t.ProvenGeneration, t.ProvenDigest = c.update.Fence.Generation, c.update.Digest
		t.FaultReason, t.FaultMessage, t.FaultActor, t.LastSeenAt = "", "", "", r.Clock()
		if err := tx.UpdateTunnel(ctx, t); err != nil {
			return err
		}
		seqs := make([]int64, len(c.changes))
		for i, change := range c.changes {
			seqs[i] = change.Seq
		}
		if err := tx.DeleteTunnelChanges(ctx, c.tunnelID, seqs); err != nil {
			return err
		}
		return r.wakeRouted(ctx, tx, c, proof.Writes > 0)
	})
}

// wakeRouted makes the domains behind the changes due, and, when something was
// written, those that wait for their route.
func (r *Reconciler) wakeRouted(ctx context.Context, tx store.Tx, c cargo, written bool) error {
	for _, change := range c.changes {
		if err := r.markDomain(ctx, tx, change.TenantID, change.DomainID, ""); err != nil {
			return err
		}
	}
	for _, d := range c.routed {
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
func (r *Reconciler) tunnelFailed(ctx context.Context, w worker.Work, c cargo, cause error) error {
	reason, message, actor := infra.CodeServiceUnavailable, cause.Error(), condition.Operator
	var refused *infra.RefusedError
	if errors.As(cause, &refused) {
		reason, message, actor = refused.Diagnosis.Code, refused.Diagnosis.Summary, refused.Diagnosis.Actor
	}
	return r.update(ctx, w, func(tx store.Tx) error {
		t, err := tx.GetTunnel(ctx, c.tunnelID)
		if err != nil || t.FaultReason == reason && t.FaultMessage == message {
			return err
		}
		t.FaultReason, t.FaultMessage, t.FaultActor = reason, message, actor
		if err := tx.UpdateTunnel(ctx, t); err != nil {
			return err
		}
		return r.wakeRouted(ctx, tx, c, false)
	})
}
