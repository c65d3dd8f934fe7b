package reconcile

import (
	"context"
	"errors"
	"slices"

	"github.com/siteplane/siteplane/services/lifecycle/condition"
	"github.com/siteplane/siteplane/services/lifecycle/drift"
	"github.com/siteplane/siteplane/services/lifecycle/infra"
	"github.com/siteplane/siteplane/services/lifecycle/network"
	"github.com/siteplane/siteplane/services/lifecycle/store"
	"github.com/siteplane/siteplane/services/lifecycle/worker"
)

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
