package reconcile

import (
	"context"

	"github.com/siteplane/siteplane/internal/platform/tracecontext"
	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/network"
	"github.com/siteplane/siteplane/services/lifecycle/saga"
	"github.com/siteplane/siteplane/services/lifecycle/store"
	"github.com/siteplane/siteplane/services/lifecycle/worker"
)

// lowerDomain takes a domain that DNS has lost off, one level at a time; it stays
// the tenant's claim. Opened by lose, in the transaction that lost it.
func (r *Reconciler) lowerDomain() saga.Definition[store.Tx] {
	return saga.Definition[store.Tx]{
		Kind: LowerDomain,
		Steps: []step{
			{Name: "unroute", Skip: r.unrouted, Apply: r.lower(network.OnEdge), Confirm: r.ofDomain(r.confirmUnrouted)},
			{Name: "hide_from_edges", Skip: r.hidden, Apply: r.lower(network.Hidden), Confirm: r.confirmHidden},
		},
		MaxAttempts: unbounded,
	}
}

// lose moves a domain back to PENDING_DNS and opens its lowering: downwards the
// status goes first.
func (r *Reconciler) lose(ctx context.Context, tx store.Tx, d network.Domain, reason string) error {
	opID := id.NewOperation()
	cause := lifecycle.Cause{Actor: "worker:domain", Reason: reason, OperationID: string(opID), TraceID: tracecontext.ID(ctx), At: r.Clock()}
	d, err := network.Apply(ctx, tx, d, network.DNSLost, cause)
	if err != nil {
		return err
	}
	d.Lost, d.Attempts = true, 0
	if err := tx.UpdateDomain(ctx, d); err != nil {
		return err
	}
	_, err = saga.Open(ctx, tx, saga.Opening{
		ID: opID, Kind: LowerDomain, TenantID: d.TenantID, ObjectKind: worker.Domain,
		ObjectID: string(d.ID), Actor: cause.Actor, At: cause.At,
	})
	return err
}
