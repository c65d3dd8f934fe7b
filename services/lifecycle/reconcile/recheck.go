package reconcile

import (
	"context"
	"slices"
	"time"

	"github.com/siteplane/siteplane/services/lifecycle/edge"
	"github.com/siteplane/siteplane/services/lifecycle/network"
	"github.com/siteplane/siteplane/services/lifecycle/store"
	"github.com/siteplane/siteplane/services/lifecycle/worker"
)

// recheck looks whether an ACTIVE domain still serves. Errors change nothing but
// the conditions; what contradicts beyond the grace loses the domain, unless its
// name is the platform's. While the nonce answers, ownership holds.
func (r *Reconciler) recheck(ctx context.Context, w worker.Work, d network.Domain) (time.Time, error) {
	resolves, err := r.confirmResolves(ctx, d)
	if err != nil {
		return time.Time{}, err
	}
	nonce, err := r.confirmNonce(ctx, d)
	if err != nil {
		return time.Time{}, err
	}
	seen := both(resolves, nonce)
	if !seen.Done && d.Mode != network.Direct {
		route, err := r.confirmRouted(ctx, d)
		if err != nil {
			return time.Time{}, err
		}
		seen = both(seen, route)
	}
	lost, held := false, false
	err = r.update(ctx, w, func(tx store.Tx) (err error) {
		if err := seen.Record(ctx, tx); err != nil {
			return err
		}
		reason, gone, err := r.beyondGrace(ctx, tx, d)
		if err != nil {
			return err
		}
		if !gone {
			return r.endLosses(ctx, tx)
		}
		if held, err = r.tooManyLost(ctx, tx, d); err != nil || held {
			return err
		}
		lost = true
		return r.lose(ctx, tx, d, reason)
	})
	if lost {
		r.Logger.WarnContext(ctx, "domain lost", "domain_id", d.ID, "hostname", d.Hostname)
		return r.Clock(), err
	}
	return r.Clock().Add(r.RecheckEvery), err
}

// beyondGrace reports whether evidence has contradicted the domain for longer
// than the grace, and which.
func (r *Reconciler) beyondGrace(ctx context.Context, tx store.Tx, d network.Domain) (reason string, gone bool, err error) {
	if d.Kind == network.Platform {
		return "", false, nil
	}
	for _, kind := range []network.EvidenceKind{network.EvidenceResolves, network.EvidenceNonce} {
		e, err := tx.GetEvidence(ctx, d.ID, kind)
		if err != nil {
			return "", false, err
		}
		if e.ContradictedAt.IsZero() || r.Clock().Sub(e.ContradictedAt) <= r.Grace {
			continue
		}
		ours, err := withheld(ctx, tx, d)
		if err != nil {
			return "", false, err
		}
		if kind != network.EvidenceNonce || !ours {
			return "DNS has contradicted it since " + e.ContradictedAt.UTC().Format(time.RFC3339) + " (" + string(kind) + ")", true, nil
		}
	}
	return "", false, nil
}

// withheld reports whether an edge is sent nothing of the domain's site, because it refuses
// it. That the edge does not answer says nothing about the domain then.
func withheld(ctx context.Context, tx store.Tx, d network.Domain) (bool, error) {
	pins, err := tx.PinsOfSite(ctx, d.SiteID)
	if err != nil || len(pins) == 0 {
		return false, err
	}
	s, err := tx.GetSite(ctx, d.TenantID, d.SiteID)
	return slices.ContainsFunc(pins, func(p edge.Pin) bool { return p.Served(s.WantedRevision, s.ConfirmedRevision) == 0 }), err
}
