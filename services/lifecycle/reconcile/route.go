package reconcile

import (
	"context"
	"errors"
	"time"

	"github.com/siteplane/siteplane/services/lifecycle/condition"
	"github.com/siteplane/siteplane/services/lifecycle/desired"
	"github.com/siteplane/siteplane/services/lifecycle/infra"
	"github.com/siteplane/siteplane/services/lifecycle/network"
	"github.com/siteplane/siteplane/services/lifecycle/saga"
	"github.com/siteplane/siteplane/services/lifecycle/store"
	"github.com/siteplane/siteplane/services/lifecycle/tunnel"
	"github.com/siteplane/siteplane/services/lifecycle/worker"
)

// tunnelPoll is how soon a step looks again at a tunnel that has not proved yet;
// its proof marks the domain, so this only bounds the loss of a mark.
const tunnelPoll = 5 * time.Second

// tellTunnels notes on every tunnel that it has not proved the domain as it is
// now wanted. In the direct mode there is nothing to tell.
func (r *Reconciler) tellTunnels(ctx context.Context, tx store.Tx, d network.Domain, op saga.Operation) error {
	if _, routed := desired.RouteOf(d); !routed {
		return nil
	}
	tunnels, err := tx.ListTunnels(ctx)
	if err != nil {
		return err
	}
	for _, t := range tunnels {
		change := tunnel.Change{
			TunnelID: t.ID, DomainID: d.ID, TenantID: d.TenantID,
			OperationID: string(op.ID), TraceParent: op.TraceParent,
		}
		if err := tx.AddTunnelChange(ctx, change); err != nil {
			return err
		}
	}
	return r.markTunnels(ctx, tx, 0)
}

// markTunnels makes every tunnel due after a while.
func (r *Reconciler) markTunnels(ctx context.Context, tx store.Tx, after time.Duration) error {
	tunnels, err := tx.ListTunnels(ctx)
	if err != nil {
		return err
	}
	for _, t := range tunnels {
		if err := tx.MarkWork(ctx, worker.Mark{Kind: worker.Tunnel, Key: string(t.ID), DueAt: r.Clock().Add(after)}); err != nil {
			return err
		}
	}
	return nil
}

// confirmRouted reads back whether the tunnel brings the hostname to the edges.
func (r *Reconciler) confirmRouted(ctx context.Context, d network.Domain) (confirmation, error) {
	route, routed := desired.RouteOf(d)
	if !routed {
		return confirmation{Done: true, Message: "the mode has no route beyond the edges"}, nil
	}
	reading, missing, err := r.readRoute(ctx, d, route)
	if err != nil {
		return confirmation{}, err
	}
	if missing != nil {
		return *missing, nil
	}
	if reading.State != infra.RouteReady {
		return r.notRouted(ctx, d, reading), nil
	}
	c := r.condition(ctx, string(d.ID), condition.TunnelRouted, condition.True, condition.ReasonConfirmed, "the tunnel has the rule, and visitors are led to it")
	c.Evidence = reading.Seen
	return confirmation{
		Done: true, Response: reading, Message: c.Message,
		Record: func(ctx context.Context, tx store.Tx) error {
			if err := condition.Set(ctx, tx, c); err != nil {
				return err
			}
			return r.instruct(ctx, tx, d, []network.Instruction{})
		},
	}, nil
}

// confirmUnrouted reads back whether nothing of ours leads the hostname to the
// tunnel any more.
func (r *Reconciler) confirmUnrouted(ctx context.Context, d network.Domain) (confirmation, error) {
	route, routed := desired.RouteOf(d)
	if !routed {
		return confirmation{Done: true, Message: "the mode has no route beyond the edges"}, nil
	}
	reading, missing, err := r.readRoute(ctx, d, route)
	if err != nil {
		return confirmation{}, err
	}
	if missing != nil { // what is on its way out waits for our own, whoever must mend it
		missing.WaitingFor, missing.RetryAfter = "", tunnelPoll
		return *missing, nil
	}
	if reading.State == infra.RouteAbsent {
		return confirmation{Done: true, Response: reading, Message: "neither record nor rule is left"}, nil
	}
	c := r.condition(ctx, string(d.ID), condition.TunnelRouted, condition.False, condition.ReasonWaiting, "the record or the rule is still there")
	c.Evidence = reading.Seen
	return confirmation{
		Reason: c.Reason, Message: c.Message, Response: reading, RetryAfter: tunnelPoll,
		Record: func(ctx context.Context, tx store.Tx) error {
			if err := condition.Set(ctx, tx, c); err != nil {
				return err
			}
			return r.markTunnels(ctx, tx, 0)
		},
	}, nil
}

// readRoute reads a route, once every tunnel has proved the domain as it is
// wanted. Else it says what is missing.
func (r *Reconciler) readRoute(ctx context.Context, d network.Domain, route desired.TunnelRoute) (infra.RouteReading, *confirmation, error) {
	var (
		installation string
		tunnels      []tunnel.Tunnel
		pending      []tunnel.Change
	)
	err := r.Store.View(ctx, func(tx store.Tx) (err error) {
		if installation, err = tx.InstallationID(ctx); err != nil {
			return err
		}
		if tunnels, err = tx.ListTunnels(ctx); err != nil {
			return err
		}
		pending, err = tx.TunnelChangesOf(ctx, d.ID)
		return err
	})
	if err != nil {
		return infra.RouteReading{}, nil, err
	}
	if missing := r.tunnelPending(ctx, d, tunnels, pending); missing != nil {
		return infra.RouteReading{}, missing, nil
	}
	reading, err := r.Tunnel.ReadRoute(ctx, installation, route)
	if err != nil {
		missing := r.tunnelAnswered(ctx, d, "the route cannot be read", err)
		return reading, &missing, nil
	}
	return reading, nil, nil
}

// tunnelPending says why a domain's route is not worth reading yet, nil when it
// is.
func (r *Reconciler) tunnelPending(ctx context.Context, d network.Domain, tunnels []tunnel.Tunnel, pending []tunnel.Change) *confirmation {
	if len(tunnels) == 0 {
		seen := r.blocked(r.missing(ctx, string(d.ID), condition.TunnelRouted, infra.CodeServiceUnavailable, "the installation has no tunnel"))
		return &seen
	}
	if len(pending) == 0 {
		return nil
	}
	for _, t := range tunnels {
		if t.FaultReason == "" {
			continue
		}
		c := r.missing(ctx, string(d.ID), condition.TunnelRouted, t.FaultReason, t.FaultMessage)
		c.Actor = t.FaultActor
		seen := r.blocked(c)
		if c.Status == condition.Unknown { // an error waits for itself
			seen.WaitingFor, seen.RetryAfter = "", tunnelPoll
		}
		return &seen
	}
	c := r.missing(ctx, string(d.ID), condition.TunnelRouted, condition.ReasonWaiting, "the tunnel has not proved it yet")
	seen := r.blocked(c)
	seen.WaitingFor, seen.RetryAfter = "", tunnelPoll
	return &seen
}

// notRouted is the look at a route that is not ready: what is in the way, or else
// that the tunnel must be sent everything again.
func (r *Reconciler) notRouted(ctx context.Context, d network.Domain, reading infra.RouteReading) confirmation {
	c := r.condition(ctx, string(d.ID), condition.TunnelRouted, condition.False, infra.CodeTunnelNoRule, "the tunnel does not have "+d.Hostname)
	c.Actor, c.Evidence = condition.Operator, reading.Seen
	ours := true // until something else than a missing rule is found
	for _, found := range reading.Diagnoses {
		if ours {
			c.Reason, c.Message, c.Actor = found.Code, found.Summary, found.Actor
		}
		ours = ours && found.Code == infra.CodeTunnelNoRule
		c.Fix = append(c.Fix, found.Fix...)
	}
	seen := r.blocked(c)
	seen.Response = reading
	if ours {
		seen.WaitingFor, seen.RetryAfter = "", tunnelPoll
	}
	seen.Record = func(ctx context.Context, tx store.Tx) error {
		if err := condition.Set(ctx, tx, c); err != nil {
			return err
		}
		if err := r.instruct(ctx, tx, d, append([]network.Instruction{}, reading.Records...)); err != nil {
			return err
		}
		if ours {
			return r.markTunnels(ctx, tx, 0)
		}
		return r.markTunnels(ctx, tx, r.retry.Delay(d.Attempts+1))
	}
	return seen
}

// tunnelAnswered is the look at a tunnel service that answered with an error:
// unknown when it cannot be asked, false when the provider refuses.
func (r *Reconciler) tunnelAnswered(ctx context.Context, d network.Domain, what string, err error) confirmation {
	var refused *infra.RefusedError
	if errors.As(err, &refused) {
		c := r.condition(ctx, string(d.ID), condition.TunnelRouted, condition.False, refused.Diagnosis.Code, refused.Diagnosis.Summary)
		c.Actor, c.Fix, c.Evidence = refused.Diagnosis.Actor, refused.Diagnosis.Fix, refused.Diagnosis.Observed
		return r.blocked(c)
	}
	c := r.missing(ctx, string(d.ID), condition.TunnelRouted, infra.CodeServiceUnavailable, what+": "+err.Error())
	seen := r.blocked(c)
	seen.WaitingFor = "" // our own infrastructure: the operation waits for it
	return seen
}
