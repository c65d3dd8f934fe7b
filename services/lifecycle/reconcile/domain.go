package reconcile

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/siteplane/siteplane/internal/platform/tracecontext"
	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/condition"
	"github.com/siteplane/siteplane/services/lifecycle/edge"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/infra"
	"github.com/siteplane/siteplane/services/lifecycle/network"
	"github.com/siteplane/siteplane/services/lifecycle/saga"
	"github.com/siteplane/siteplane/services/lifecycle/site"
	"github.com/siteplane/siteplane/services/lifecycle/store"
	"github.com/siteplane/siteplane/services/lifecycle/worker"
)

// handleDomain walks the operation of a domain; without one it makes an attempt
// to bring the domain forward. A look that can bring it no further opens no
// operation: it records what was seen and comes back later.
func (r *Reconciler) handleDomain(ctx context.Context, w worker.Work) (time.Time, error) {
	if _, ok, err := r.activeOperation(ctx, w.Key); err != nil {
		return time.Time{}, err
	} else if ok {
		next, err := r.advance(ctx, w)
		if err != nil || !next.IsZero() {
			return next, err
		}
	}
	d, s, err := r.domainAndSite(ctx, id.Tenant(w.TenantID), id.Domain(w.Key))
	if err != nil {
		return time.Time{}, gone(err)
	}
	if !s.Status.PastProvisioning() {
		return time.Time{}, nil // the site makes it due once the edges answer
	}
	switch d.Status {
	case network.PendingDNS, network.Validated, network.Routed:
		return r.attempt(ctx, w, d)
	}
	return time.Time{}, nil
}

// gone makes a missing object nothing to do.
func gone(err error) error {
	var missing *lifecycle.NotFoundError
	if errors.As(err, &missing) {
		return nil
	}
	return err
}

func (r *Reconciler) domainAndSite(ctx context.Context, tenant id.Tenant, domain id.Domain) (d network.Domain, s site.Site, err error) {
	err = r.Store.View(ctx, func(tx store.Tx) error {
		if d, err = tx.GetDomain(ctx, tenant, domain); err != nil {
			return err
		}
		s, err = tx.GetSite(ctx, tenant, d.SiteID)
		return err
	})
	return d, s, err
}

// attempt finds out whether the domain can go further, and opens activate_domain
// if so.
func (r *Reconciler) attempt(ctx context.Context, w worker.Work, d network.Domain) (time.Time, error) {
	if d.Mode == network.ModeUnknown {
		return r.chooseMode(ctx, w, d)
	}
	further := true
	var record func(ctx context.Context, tx store.Tx) error
	switch d.Status {
	case network.PendingDNS:
		seen, err := r.confirmResolves(ctx, d)
		if err != nil {
			return time.Time{}, err
		}
		further, record = seen.Done, seen.Record
	case network.Routed:
		seen, err := r.confirmServing(ctx, d)
		if err != nil {
			return time.Time{}, err
		}
		further, record = seen.Done, seen.Record
	}
	if !further {
		return r.later(ctx, w, d, record)
	}
	return r.activate(ctx, w, d)
}

// chooseMode looks up the zone, fixes the mode for good, and attempts again at
// once. A look-up that fails is repeated; it is never taken for "no zone".
func (r *Reconciler) chooseMode(ctx context.Context, w worker.Work, d network.Domain) (time.Time, error) {
	zone, err := r.Tunnel.LookupZone(ctx, d.Hostname)
	if err != nil {
		c := r.missing(ctx, string(d.ID), condition.TunnelRouted, infra.CodeServiceUnavailable, "the zone cannot be looked up: "+err.Error())
		return r.later(ctx, w, d, func(ctx context.Context, tx store.Tx) error { return condition.Set(ctx, tx, c) })
	}
	if zone.Found {
		// The only backend yet has no zones; modes that write outside come
		// with one that has.
		return time.Time{}, errors.New("a zone of ours holds " + d.Hostname + ", but no mode for it is known")
	}
	d.Mode, d.UpdatedAt = network.Direct, r.Clock()
	fixed := []condition.Condition{
		r.condition(ctx, string(d.ID), condition.Owned, condition.NotApplicable, condition.ReasonPlatformName, "the name is given by the platform"),
		r.condition(ctx, string(d.ID), condition.TunnelRouted, condition.NotApplicable, condition.ReasonModeDirect, "the name's records lead to the edges (zone look-up by "+zone.Backend+")"),
		r.condition(ctx, string(d.ID), condition.CertReady, condition.NotApplicable, condition.ReasonHTTP, "the edges speak HTTP"),
	}
	err = r.update(ctx, w, func(tx store.Tx) error {
		if err := condition.Set(ctx, tx, fixed...); err != nil {
			return err
		}
		return tx.UpdateDomain(ctx, d)
	})
	if err != nil {
		return time.Time{}, err
	}
	d.Version++
	r.Logger.InfoContext(ctx, "domain mode chosen", "domain_id", d.ID, "hostname", d.Hostname, "mode", d.Mode, "backend", zone.Backend)
	return r.attempt(ctx, w, d)
}

// later records what was seen and comes back after a growing while.
func (r *Reconciler) later(ctx context.Context, w worker.Work, d network.Domain, record func(ctx context.Context, tx store.Tx) error) (time.Time, error) {
	d.Attempts++
	err := r.update(ctx, w, func(tx store.Tx) error {
		if err := record(ctx, tx); err != nil {
			return err
		}
		return tx.UpdateDomain(ctx, d)
	})
	return r.Clock().Add(r.retry.Delay(d.Attempts)), err
}

// activate opens activate_domain and walks it at once.
func (r *Reconciler) activate(ctx context.Context, w worker.Work, d network.Domain) (time.Time, error) {
	var op saga.Operation
	err := r.update(ctx, w, func(tx store.Tx) (err error) {
		op, err = saga.Open(ctx, tx, saga.Opening{
			Kind: ActivateDomain, TenantID: d.TenantID, ObjectKind: worker.Domain,
			ObjectID: string(d.ID), Actor: "worker:domain", At: r.Clock(),
		})
		return err
	})
	if err != nil {
		return time.Time{}, err
	}
	return r.engine.Advance(ctx, w, op)
}

// confirmResolves asks where a hostname leads.
func (r *Reconciler) confirmResolves(ctx context.Context, d network.Domain) (confirmation, error) {
	edges, err := r.listEdges(ctx)
	if err != nil {
		return confirmation{}, err
	}
	finding, err := r.DNS.CheckAddresses(ctx, d.Hostname, edge.PublicAddresses(edges))
	if err != nil {
		finding = unanswered(err)
	}
	c := r.found(ctx, d.ID, condition.Resolves, finding, d.Hostname+" leads to the edges")
	if d.Kind == network.Platform && finding.Outcome != infra.Confirmed {
		c.Actor = condition.Operator // the platform's records are the operator's
	}
	return r.seen(d, network.EvidenceResolves, finding, c), nil
}

// confirmServing fetches a signed nonce through a hostname, by policy.
func (r *Reconciler) confirmServing(ctx context.Context, d network.Domain) (confirmation, error) {
	if r.ProbePolicy == infra.ProbeOff {
		c := r.condition(ctx, string(d.ID), condition.Serving, condition.NotApplicable, condition.ReasonProbeOff, "the operator turned the probe off")
		return confirmation{Done: true, Message: c.Message, Response: map[string]string{"policy": "off"},
			Record: func(ctx context.Context, tx store.Tx) error { return condition.Set(ctx, tx, c) }}, nil
	}
	edges, err := r.listEdges(ctx)
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
	c := r.found(ctx, d.ID, condition.Serving, finding, "our edge signed a nonce fetched through "+d.Hostname)
	if finding.Outcome == infra.Confirmed && r.ProbePolicy == infra.ProbeEdge {
		c.Reason = condition.ReasonProbeWeak
	}
	return r.seen(d, network.EvidenceNonce, finding, c), nil
}

// seen makes a confirmation out of a finding: evidence that confirms or
// contradicts is kept, any other outcome leaves it as it is.
func (r *Reconciler) seen(d network.Domain, kind network.EvidenceKind, f infra.Finding, c condition.Condition) confirmation {
	at := r.Clock()
	out := confirmation{Done: f.Outcome == infra.Confirmed, Response: f, Reason: c.Reason, Message: c.Message, WaitingFor: waitingFor(c.Actor)}
	out.Record = func(ctx context.Context, tx store.Tx) error {
		says := f.Outcome == infra.Confirmed || f.Outcome == infra.Contradicted
		if err := condition.Set(ctx, tx, c); err != nil || !says {
			return err
		}
		e, err := tx.GetEvidence(ctx, d.ID, kind)
		if err != nil {
			return err
		}
		e.DomainID, e.TenantID, e.Kind, e.TraceID = d.ID, d.TenantID, kind, tracecontext.ID(ctx)
		switch {
		case f.Outcome == infra.Confirmed:
			e.PositiveAt, e.ContradictedAt = at, time.Time{}
		case e.ContradictedAt.IsZero():
			e.ContradictedAt = at
		}
		detail, err := json.Marshal(f)
		if err != nil {
			return err
		}
		e.Detail = string(detail)
		return tx.PutEvidence(ctx, e)
	}
	return out
}

// waitingFor names the outsider behind an actor; everybody but the tenant is
// the operator's to reach.
func waitingFor(actor condition.Actor) string {
	if actor == condition.Tenant {
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

func (r *Reconciler) listEdges(ctx context.Context) (edges []edge.Edge, err error) {
	err = r.Store.View(ctx, func(tx store.Tx) error {
		edges, err = tx.ListEdges(ctx)
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
