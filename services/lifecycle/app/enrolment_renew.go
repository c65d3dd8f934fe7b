package app

import (
	"context"
	"errors"
	"time"

	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/auth"
	"github.com/siteplane/siteplane/services/lifecycle/edge"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/infra"
	"github.com/siteplane/siteplane/services/lifecycle/store"
)

// joinSlack is how much a certificate may seem older than the join that it came from:
// certificates are dated back, and hosts differ in their clocks.
const joinSlack = 2 * time.Minute

// Renewal is what an edge says that wants another certificate.
type Renewal struct {
	// EdgeID, Serial and NotBefore are those of the certificate by which it called.
	EdgeID    id.Edge
	Serial    string
	NotBefore time.Time
	// Request is for the next certificate, PKCS #10.
	Request []byte
	// From is the network address of the call.
	From string
}

// RenewEdge gives an edge its next certificate. It must ask with its last one, or with
// the one before, for the answer may have been lost. Errors: *EvictedError; *ClonedError
// where another host has asked with that certificate before; *lifecycle.InvalidError,
// *BusyError.
func (c *ControlPlane) RenewEdge(ctx context.Context, in Renewal) (renewed Joined, err error) {
	if c.issuer == nil {
		return renewed, errNoIssuer()
	}
	if err := c.tries.renewals(in.EdgeID).take(c.clock()); err != nil {
		return renewed, err
	}
	if _, err := c.issuer.KeyHash(in.Request); err != nil {
		return renewed, requestProblem(err)
	}
	var found bool
	err = c.store.Update(ctx, func(tx store.Tx) (err error) {
		renewed, found, err = c.renew(ctx, tx, in)
		return err
	})
	log := c.logger.With("edge_id", in.EdgeID, "from", in.From)
	switch {
	case err != nil:
		return Joined{}, err
	case found:
		log.ErrorContext(ctx, "edge was cloned", "serial", in.Serial, "remedy", clonedRemedy)
		return Joined{}, &ClonedError{EdgeID: in.EdgeID}
	}
	log.InfoContext(ctx, "certificate of an edge renewed", "expires_at", renewed.ExpiresAt)
	return renewed, nil
}

// renew writes down the next certificate, or that the edge was found to be cloned: that
// must last, so it is no error of the transaction.
func (c *ControlPlane) renew(ctx context.Context, tx store.Tx, in Renewal) (renewed Joined, found bool, err error) {
	var missing *lifecycle.NotFoundError
	e, err := tx.GetEdge(ctx, in.EdgeID)
	switch {
	case errors.As(err, &missing), err == nil && e.Evicted():
		return renewed, false, &EvictedError{EdgeID: in.EdgeID}
	case err != nil:
		return renewed, false, err
	case cloned(e), in.beforeJoin(e):
		return renewed, false, &ClonedError{EdgeID: in.EdgeID}
	case !in.isOf(e):
		return renewed, true, c.markCloned(ctx, tx, e, in)
	}
	issued, err := c.issuer.Issue(e.ID, in.Request)
	if err != nil {
		return renewed, false, err
	}
	e.Certificate.Previous, e.Certificate.Serial, e.Certificate.ExpiresAt = in.Serial, issued.Serial, issued.NotAfter
	return Joined{
		EdgeID: e.ID, Name: e.Name, Certificate: issued.Certificate, CA: c.issuer.CertificatePEM(), ExpiresAt: issued.NotAfter,
	}, false, tx.DescribeEdge(ctx, e)
}

// beforeJoin reports whether it is of a host that was the edge before another one joined
// as it: that is no reason to keep the new one from renewing.
func (in Renewal) beforeJoin(e edge.Edge) bool {
	return !in.isOf(e) && in.NotBefore.Add(joinSlack).Before(e.Certificate.JoinedAt)
}

// isOf reports whether the certificate is the one that the edge should ask with. Of an
// edge whose certificate was made by hand none is known: the first that asks is it.
func (in Renewal) isOf(e edge.Edge) bool {
	has := e.Certificate
	return has.Serial == "" || in.Serial == has.Serial || in.Serial == has.Previous && has.Previous != ""
}

// markCloned keeps every host from renewing, for nobody can tell which is the right one.
func (c *ControlPlane) markCloned(ctx context.Context, tx store.Tx, e edge.Edge, in Renewal) error {
	before := auditedHost(e)
	e.Certificate.Serial, e.Certificate.Previous = clonedSerial, ""
	e.FaultReason, e.FaultMessage, e.FaultSiteID = infra.CodeEdgeCloned, clonedMessage, ""
	by := auth.Principal{Subject: "edge:" + e.Name, Address: in.From}
	return errors.Join(tx.DescribeEdge(ctx, e), tx.UpdateEdge(ctx, e),
		c.leave(ctx, tx, ask{by: by, action: "RenewEdge"}, record{object: string(e.ID), before: before, after: auditedHost(e)}))
}
