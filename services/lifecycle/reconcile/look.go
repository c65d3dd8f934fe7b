package reconcile

import (
	"context"
	"encoding/json"
	"time"

	"github.com/siteplane/siteplane/internal/platform/tracecontext"
	"github.com/siteplane/siteplane/services/lifecycle/condition"
	"github.com/siteplane/siteplane/services/lifecycle/edge"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/infra"
	"github.com/siteplane/siteplane/services/lifecycle/network"
	"github.com/siteplane/siteplane/services/lifecycle/store"
)

// slowPoll is how soon an operation looks again at a collaborator that does not
// answer.
const slowPoll = time.Minute

// confirmResolves asks where a hostname leads.
func (r *Reconciler) confirmResolves(ctx context.Context, d network.Domain) (confirmation, error) {
	right, err := r.rightTarget(ctx, d)
	if err != nil {
		return confirmation{}, err
	}
	if d.Mode == network.Direct && len(right.EdgeAddresses) == 0 {
		return r.blocked(r.missing(ctx, string(d.ID), condition.Resolves, infra.CodeNoEdges, "no edge has a public address")), nil
	}
	finding, err := r.DNS.CheckAddresses(ctx, d.Hostname, right)
	if err != nil {
		finding = unanswered(err)
	}
	c := r.found(ctx, d, condition.Resolves, finding, d.Hostname+" leads to the edges")
	if d.Kind == network.Platform && finding.Outcome != infra.Confirmed {
		c.Actor = condition.Operator // the platform's records are the operator's
	}
	return r.seen(d, network.EvidenceResolves, finding, c), nil
}

// rightTarget says where the hostname may lead, by its mode.
func (r *Reconciler) rightTarget(ctx context.Context, d network.Domain) (infra.RightTarget, error) {
	if d.Mode != network.Direct {
		return infra.RightTarget{Name: d.Target, Cloudflare: true}, nil
	}
	edges, err := r.edgesOf(ctx, d)
	return infra.RightTarget{EdgeAddresses: edge.PublicAddresses(edges)}, err
}

// confirmServing looks at what ACTIVE needs: through a tunnel the hostname must
// lead there, and in every mode a signed nonce must come through it.
func (r *Reconciler) confirmServing(ctx context.Context, d network.Domain) (confirmation, error) {
	var resolves confirmation
	if d.Mode != network.Direct {
		var err error
		if resolves, err = r.confirmResolves(ctx, d); err != nil || !resolves.Done {
			return resolves, err
		}
	}
	nonce, err := r.confirmNonce(ctx, d)
	if err != nil {
		return confirmation{}, err
	}
	if !nonce.Done && d.Mode != network.Direct {
		// The way may have lost its middle: then that is the thing to mend.
		route, err := r.confirmRouted(ctx, d)
		if err != nil {
			return confirmation{}, err
		}
		if !route.Done {
			return both(both(resolves, nonce), route), nil
		}
	}
	return both(resolves, nonce), nil
}

// confirmNonce fetches a signed nonce through a hostname, by policy.
func (r *Reconciler) confirmNonce(ctx context.Context, d network.Domain) (confirmation, error) {
	if r.ProbePolicy == infra.ProbeOff {
		c := r.condition(ctx, string(d.ID), condition.Serving, condition.NotApplicable, condition.ReasonProbeOff, "the operator turned the probe off")
		return confirmation{Done: true, Message: c.Message, Response: map[string]string{"policy": "off"},
			Record: func(ctx context.Context, tx store.Tx) error { return condition.Set(ctx, tx, c) }}, nil
	}
	edges, err := r.edgesOf(ctx, d)
	if err != nil {
		return confirmation{}, err
	}
	finding, err := r.DNS.ProbeHostname(ctx, infra.Probe{
		Hostname: d.Hostname, Policy: r.ProbePolicy,
		Accepted: probeKeys(edges), EdgeAddresses: edge.PublicAddresses(edges),
	})
	if err != nil {
		finding = unanswered(err)
	}
	c := r.found(ctx, d, condition.Serving, finding, "our edge signed a nonce fetched through "+d.Hostname)
	if finding.Outcome == infra.Confirmed && r.ProbePolicy == infra.ProbeEdge {
		c.Reason = condition.ReasonProbeWeak
	}
	return r.seen(d, network.EvidenceNonce, finding, c), nil
}

// both joins two looks: done when both are, else as the last that is not. The zero
// first is one that was not taken, and counts for nothing.
func both(first, second confirmation) confirmation {
	out := second
	taken := first.Record != nil
	if second.Done && taken && !first.Done {
		out = first
	}
	out.Record = func(ctx context.Context, tx store.Tx) error {
		for _, c := range []confirmation{first, second} {
			if c.Record == nil {
				continue
			}
			if err := c.Record(ctx, tx); err != nil {
				return err
			}
		}
		return nil
	}
	return out
}

// seen makes a confirmation out of a finding: evidence that confirms or
// contradicts is kept, any other outcome leaves it as it is.
func (r *Reconciler) seen(d network.Domain, kind network.EvidenceKind, f infra.Finding, c condition.Condition) confirmation {
	out := confirmation{Done: f.Outcome == infra.Confirmed, Response: f, Reason: c.Reason, Message: c.Message, WaitingFor: waitingFor(c.Actor)}
	out.Record = func(ctx context.Context, tx store.Tx) error {
		if err := condition.Set(ctx, tx, c); err != nil {
			return err
		}
		return r.keepEvidence(ctx, tx, d, kind, f)
	}
	return out
}

// keepEvidence writes down what a finding says, if it says anything.
func (r *Reconciler) keepEvidence(ctx context.Context, tx store.Tx, d network.Domain, kind network.EvidenceKind, f infra.Finding) error {
	if f.Outcome != infra.Confirmed && f.Outcome != infra.Contradicted {
		return nil
	}
	e, err := tx.GetEvidence(ctx, d.ID, kind)
	if err != nil {
		return err
	}
	e.DomainID, e.TenantID, e.Kind, e.TraceID = d.ID, d.TenantID, kind, tracecontext.ID(ctx)
	switch {
	case f.Outcome == infra.Confirmed:
		e.PositiveAt, e.ContradictedAt = r.Clock(), time.Time{}
	case e.ContradictedAt.IsZero():
		e.ContradictedAt = r.Clock()
	}
	detail, err := json.Marshal(f)
	if err != nil {
		return err
	}
	e.Detail = string(detail)
	return tx.PutEvidence(ctx, e)
}

// waitingFor names the outsider behind an actor: who waits for nobody waits for
// time, as a tenant does; everybody else is the operator's to reach.
func waitingFor(actor condition.Actor) string {
	if actor == condition.Tenant || actor == condition.Nobody {
		return "tenant"
	}
	return "operator"
}

// unanswered is the finding of a validator that answers with an error.
func unanswered(err error) infra.Finding {
	return infra.Finding{Outcome: infra.Unknown, Seen: []string{err.Error()}, Diagnoses: []infra.Diagnosis{{
		Code: infra.CodeServiceUnavailable, Actor: condition.Operator, Summary: "the DNS validator cannot be asked: " + err.Error(),
	}}}
}

// edgesOf returns the edges that serve the site of a domain.
func (r *Reconciler) edgesOf(ctx context.Context, d network.Domain) (edges []edge.Edge, err error) {
	err = r.Store.View(ctx, func(tx store.Tx) error {
		s, err := tx.GetSite(ctx, d.TenantID, d.SiteID)
		if err != nil {
			return err
		}
		edges, _, err = edgesOf(ctx, tx, s)
		return err
	})
	return edges, err
}

func probeKeys(edges []edge.Edge) map[id.Edge][]byte {
	keys := map[id.Edge][]byte{}
	for _, e := range edges {
		if len(e.ProbePublicKey) > 0 {
			keys[e.ID] = e.ProbePublicKey
		}
	}
	return keys
}
