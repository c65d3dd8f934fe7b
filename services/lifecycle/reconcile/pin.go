package reconcile

import (
	"context"
	"errors"
	"fmt"

	"github.com/siteplane/siteplane/internal/platform/digest"
	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/condition"
	"github.com/siteplane/siteplane/services/lifecycle/desired"
	"github.com/siteplane/siteplane/services/lifecycle/edge"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/infra"
	"github.com/siteplane/siteplane/services/lifecycle/saga"
	"github.com/siteplane/siteplane/services/lifecycle/site"
	"github.com/siteplane/siteplane/services/lifecycle/store"
	"github.com/siteplane/siteplane/services/lifecycle/worker"
)

// A pin is how a rejection returns to the database: while the refused revision is
// the wanted one, the edge is sent the confirmed one, so that rendering stays a
// function of the rows. An edge that refuses the confirmed one, to which a cancelled
// update returned, is sent what it kept: visitors are led to it. A pin is lifted by another wanted revision, by a
// retry, by ABSENT, and for one new try by another version of renderer or nginx.

// rejectedSome writes down the sites that an edge refused. all says whether it holds
// everything else: with the pins, what is desired has the digest that it proved.
// Else the changes stay, and are sent again: some were not judged yet, or a revision
// that the edge holds already is refused for what is new around it.
func (r *Reconciler) rejectedSome(ctx context.Context, tx store.Tx, e *edge.Edge, p parcel, proof infra.EdgeProof) (all bool, err error) {
	left, err := r.pin(ctx, tx, *e, p, proof.Rejected)
	if err != nil {
		return false, err
	}
	for _, rejection := range left {
		e.FaultReason, e.FaultMessage, e.FaultSiteID = infra.CodeConfigRejected, rejection.Message, rejection.SiteID
	}
	rows, _, err := r.desiredRows(ctx, tx, *e, nil)
	if err != nil {
		return false, err
	}
	held := digest.NewSet()
	for _, s := range desired.ForEdge(rows) {
		held.Put(string(s.SiteID), s.Sum())
	}
	return held.Digest() == proof.Digest, nil
}

// pin writes down what an edge refused, with the changes that shall be sent in its
// place. It returns the rejections that a pin cannot express: of a revision that
// the edge holds already, with other hostnames.
func (r *Reconciler) pin(ctx context.Context, tx store.Tx, e edge.Edge, p parcel, rejections []infra.Rejection) (left []infra.Rejection, err error) {
	for _, rejection := range rejections {
		if rejection.KeptRevision == rejection.Revision {
			left = append(left, rejection)
			continue
		}
		if err := r.pinOne(ctx, tx, e, p, rejection); err != nil {
			return nil, err
		}
	}
	return left, nil
}

func (r *Reconciler) pinOne(ctx context.Context, tx store.Tx, e edge.Edge, p parcel, rejection infra.Rejection) error {
	tenant, ok := p.tenants[rejection.SiteID]
	if !ok {
		return fmt.Errorf("edge %s rejects site %s, which it was not sent", e.Name, rejection.SiteID)
	}
	s, err := tx.GetSite(ctx, tenant, rejection.SiteID)
	var missing *lifecycle.NotFoundError
	if errors.As(err, &missing) || err == nil && (s.Wanted != site.Present || s.WantedRevision != rejection.Revision) {
		return nil // it says nothing about what is wanted now
	}
	if err != nil {
		return err
	}
	if err := tx.PutPin(ctx, edge.Pin{
		EdgeID: e.ID, SiteID: s.ID, TenantID: s.TenantID, Revision: rejection.Revision, KeptRevision: rejection.KeptRevision,
		RendererVersion: e.RendererVersion, NginxVersion: e.NginxVersion,
		Message: rejection.Message, CreatedAt: r.Clock(),
	}); err != nil {
		return err
	}
	c := r.condition(ctx, string(s.ID), condition.EdgeSynced, condition.False, infra.CodeConfigRejected,
		fmt.Sprintf("edge %s refuses revision %d: %s", e.Name, rejection.Revision, rejection.Message))
	c.Actor, c.Fix = condition.Tenant, []string{"correct the site"}
	if err := condition.Set(ctx, tx, c); err != nil {
		return err
	}
	return r.tellEdge(ctx, tx, e, s, p.operationOf(s.ID))
}

// tellEdge notes on one edge that it has not proved a site, and on all where that edge is a
// canary: a pin that comes or goes there is one for all.
func (r *Reconciler) tellEdge(ctx context.Context, tx store.Tx, e edge.Edge, s site.Site, operation string) error {
	if e.Canary() {
		return tellEdges(ctx, tx, s, saga.Operation{ID: id.Operation(operation)}, r.Clock())
	}
	if err := tx.AddChange(ctx, edge.Change{EdgeID: e.ID, SiteID: s.ID, TenantID: s.TenantID, OperationID: operation}); err != nil {
		return err
	}
	return tx.MarkWork(ctx, worker.Mark{Kind: worker.Edge, Key: string(e.ID), DueAt: r.Clock()})
}

// liftPins lets every edge try a site again.
func liftPins(ctx context.Context, tx store.Tx, siteID id.Site) error {
	pins, err := tx.PinsOfSite(ctx, siteID)
	if err != nil {
		return err
	}
	for _, p := range pins {
		if err := tx.DeletePin(ctx, p.EdgeID, p.SiteID); err != nil {
			return err
		}
	}
	return nil
}

// liftOldPins lets an edge whose renderer or nginx is another one try again what
// the one before refused, in an operation that confirms it if it succeeds.
func (r *Reconciler) liftOldPins(ctx context.Context, tx store.Tx, e edge.Edge) error {
	pins, err := tx.PinsOfEdge(ctx, e.ID)
	if err != nil {
		return err
	}
	for _, p := range pins {
		if p.RendererVersion == e.RendererVersion && p.NginxVersion == e.NginxVersion {
			continue
		}
		s, err := tx.GetSite(ctx, p.TenantID, p.SiteID)
		if err != nil {
			return err
		}
		if err := tx.DeletePin(ctx, e.ID, p.SiteID); err != nil {
			return err
		}
		opened, err := r.bringRevisionAgain(ctx, tx, s)
		if err == nil && !opened { // else its first step tells the edges
			err = r.tellEdge(ctx, tx, e, s, "")
		}
		if err != nil {
			return err
		}
	}
	return nil
}
