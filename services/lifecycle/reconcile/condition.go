package reconcile

import (
	"context"

	"github.com/siteplane/siteplane/internal/platform/tracecontext"
	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/condition"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/infra"
	"github.com/siteplane/siteplane/services/lifecycle/network"
	"github.com/siteplane/siteplane/services/lifecycle/saga"
	"github.com/siteplane/siteplane/services/lifecycle/store"
)

// operatorReasons are the reasons that the operator must act on.
var operatorReasons = map[string]bool{
	infra.CodeNoEdges: true, infra.CodeEdgeNotProven: true, infra.CodeEdgeUnreachable: true,
	infra.CodeServiceUnavailable: true, infra.CodeDriftHeld: true, infra.CodeHeld: true,
	infra.CodeCanaryUnwell: true, infra.CodeEdgeCloned: true,
}

// NoDomain is the condition of a site that no domain leads to.
func NoDomain(siteID id.Site, cause lifecycle.Cause) condition.Condition {
	return condition.Condition{
		ObjectID: string(siteID), Type: condition.Resolves, Status: condition.False, Reason: infra.CodeNoDomain,
		Message: "the site has no domain", Actor: condition.Tenant, Fix: []string{"Add a domain to the site."},
		Since: cause.At, TraceID: cause.TraceID,
	}
}

// condition makes a condition of now.
func (r *Reconciler) condition(ctx context.Context, objectID string, t condition.Type, s condition.Status, reason, message string) condition.Condition {
	return condition.Condition{
		ObjectID: objectID, Type: t, Status: s, Reason: reason, Message: message,
		Since: r.Clock(), TraceID: tracecontext.ID(ctx),
	}
}

// missing makes the condition of something that is not there yet. An unreachable
// collaborator leaves it Unknown.
func (r *Reconciler) missing(ctx context.Context, objectID string, t condition.Type, reason, message string) condition.Condition {
	status := condition.False
	if reason == infra.CodeEdgeUnreachable || reason == infra.CodeServiceUnavailable || reason == condition.ReasonWaiting {
		status = condition.Unknown
	}
	c := r.condition(ctx, objectID, t, status, reason, message)
	if operatorReasons[reason] {
		c.Actor = condition.Operator
	}
	return c
}

// noted makes a confirmation that is not done record its reason as a condition
// of the operation's object.
func (r *Reconciler) noted(ctx context.Context, op saga.Operation, t condition.Type, seen confirmation) confirmation {
	c := r.missing(ctx, op.ObjectID, t, seen.Reason, seen.Message)
	seen.Record = func(ctx context.Context, tx store.Tx) error { return condition.Set(ctx, tx, c) }
	return seen
}

// found makes the condition that a finding about a hostname amounts to. An error
// about a domain that serves is a risk: nothing is known to have changed.
func (r *Reconciler) found(ctx context.Context, d network.Domain, t condition.Type, f infra.Finding, confirmed string) condition.Condition {
	status := map[infra.Outcome]condition.Status{
		infra.Confirmed: condition.True, infra.Contradicted: condition.False,
	}[f.Outcome]
	if status == "" {
		status = condition.Unknown
	}
	c := r.condition(ctx, string(d.ID), t, status, condition.ReasonConfirmed, confirmed)
	c.Evidence = f.Seen
	if f.Outcome == infra.Confirmed {
		return c
	}
	c.Reason, c.Message, c.Actor = infra.CodeServiceUnavailable, "no evidence could be had", condition.Operator
	if len(f.Diagnoses) > 0 {
		first := f.Diagnoses[0]
		c.Reason, c.Message, c.Actor = first.Code, first.Summary, first.Actor
	}
	for _, d := range f.Diagnoses {
		c.Fix = append(c.Fix, d.Fix...)
	}
	if d.Status == network.Active && status == condition.Unknown {
		c.Message = "It could not be looked at (" + c.Reason + "), and nothing was changed: " + c.Message
		c.Reason, c.Actor = infra.CodeAtRisk, condition.Nobody
	}
	return c
}

// blocked is a look that only the condition's actor can bring further.
func (r *Reconciler) blocked(c condition.Condition) confirmation {
	return confirmation{
		Reason: c.Reason, Message: c.Message, WaitingFor: waitingFor(c.Actor), RetryAfter: slowPoll,
		Response: map[string]any{"reason": c.Reason, "message": c.Message, "seen": c.Evidence},
		Record:   func(ctx context.Context, tx store.Tx) error { return condition.Set(ctx, tx, c) },
	}
}
