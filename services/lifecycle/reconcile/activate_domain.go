package reconcile

import (
	"context"
	"fmt"

	"github.com/siteplane/siteplane/services/lifecycle/condition"
	"github.com/siteplane/siteplane/services/lifecycle/edge"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/network"
	"github.com/siteplane/siteplane/services/lifecycle/saga"
	"github.com/siteplane/siteplane/services/lifecycle/site"
	"github.com/siteplane/siteplane/services/lifecycle/store"
)

// activateDomain brings a domain from PENDING_DNS to ACTIVE, one level at a
// time, and passes over the levels that it has. Opened by the domain's handler
// whenever it can go further. Names that do not serve yet are nobody's failure:
// the operation ends SUCCEEDED, and wanted stays as raised.
func (r *Reconciler) activateDomain() saga.Definition[store.Tx] {
	return saga.Definition[store.Tx]{
		Kind:        ActivateDomain,
		MaxAttempts: 8,
		Steps: []step{
			{
				Name: "validate", Skip: r.atLeast(network.Validated),
				Confirm: r.ofDomain(r.confirmValidated), Commit: r.commitValidated,
			},
			{
				Name: "publish_on_edges", Skip: r.atLeast(network.Routed), Apply: r.raise(network.OnEdge),
				Confirm: r.confirmOnEdges, Commit: r.commitOnEdges,
				Compensate: r.compensateTo(network.Hidden), Undone: r.confirmHidden,
			},
			{
				Name: "route", Skip: r.atLeast(network.Routed), Apply: r.raise(network.Public),
				Confirm: r.ofDomain(r.confirmRouted), Commit: r.commitDomain(network.Route, "the hostname is on the edges, and routed as the mode demands"),
				Compensate: r.compensateTo(network.OnEdge), Undone: r.ofDomain(r.confirmUnrouted),
			},
			{
				Name: "probe", Skip: r.atLeast(network.Active),
				Confirm: r.ofDomain(r.confirmServing), Commit: r.commitDomain(network.Serve, "a signed nonce came from our edge"),
			},
		},
		Fail: r.failDomain,
	}
}

// progress orders the statuses of a domain on its way up.
var progress = map[network.Status]int{network.Validated: 1, network.Routed: 2, network.Active: 3}

// levels orders the wanted levels.
var levels = map[network.Wanted]int{network.Hidden: 0, network.OnEdge: 1, network.Public: 2}

// domainOf reads the domain that an operation works on.
func domainOf(ctx context.Context, tx store.Tx, op saga.Operation) (network.Domain, error) {
	return tx.GetDomain(ctx, op.TenantID, id.Domain(op.ObjectID))
}

// atLeast passes over a step whose status the domain has reached.
func (r *Reconciler) atLeast(status network.Status) func(context.Context, store.Tx, saga.Operation) (bool, error) {
	return func(ctx context.Context, tx store.Tx, op saga.Operation) (bool, error) {
		d, err := domainOf(ctx, tx, op)
		return progress[d.Status] >= progress[status], err
	}
}

// ofDomain gives a look the domain that the operation works on.
func (r *Reconciler) ofDomain(look func(context.Context, network.Domain) (confirmation, error)) func(context.Context, saga.Operation) (confirmation, error) {
	return func(ctx context.Context, op saga.Operation) (confirmation, error) {
		d, _, err := r.domainAndSite(ctx, op.TenantID, id.Domain(op.ObjectID))
		if err != nil {
			return confirmation{}, err
		}
		return look(ctx, d)
	}
}

// commitDomain moves the domain by an event, and counts attempts anew.
func (r *Reconciler) commitDomain(event network.Event, reason string) func(context.Context, store.Tx, saga.Operation) error {
	return func(ctx context.Context, tx store.Tx, op saga.Operation) error {
		d, err := domainOf(ctx, tx, op)
		if err != nil {
			return err
		}
		d, err = network.Apply(ctx, tx, d, event, r.cause(ctx, op, reason))
		if err != nil || d.Attempts == 0 {
			return err
		}
		d.Attempts, d.UpdatedAt = 0, r.Clock()
		return tx.UpdateDomain(ctx, d)
	}
}

// raise lifts what is wanted of the domain to a level that it does not have.
func (r *Reconciler) raise(level network.Wanted) func(context.Context, store.Tx, saga.Operation) (bool, error) {
	return func(ctx context.Context, tx store.Tx, op saga.Operation) (bool, error) {
		d, err := domainOf(ctx, tx, op)
		if err != nil || levels[d.Wanted] >= levels[level] {
			return false, err
		}
		return true, r.setLevel(ctx, tx, d, level, op)
	}
}

// lower drops what is wanted of the domain to a level.
func (r *Reconciler) lower(level network.Wanted) func(context.Context, store.Tx, saga.Operation) (bool, error) {
	return func(ctx context.Context, tx store.Tx, op saga.Operation) (bool, error) {
		d, err := domainOf(ctx, tx, op)
		if err != nil || levels[d.Wanted] <= levels[level] {
			return false, err
		}
		return true, r.setLevel(ctx, tx, d, level, op)
	}
}

// compensateTo drops what is wanted of the domain back to a level.
func (r *Reconciler) compensateTo(level network.Wanted) func(context.Context, store.Tx, saga.Operation) error {
	lower := r.lower(level)
	return func(ctx context.Context, tx store.Tx, op saga.Operation) error {
		_, err := lower(ctx, tx, op)
		return err
	}
}

// setLevel writes what is wanted of a domain. The edges are told when the
// hostname comes or goes; what lies between EDGE and ROUTED is the tunnel's.
func (r *Reconciler) setLevel(ctx context.Context, tx store.Tx, d network.Domain, level network.Wanted, op saga.Operation) error {
	s, err := tx.GetSite(ctx, d.TenantID, d.SiteID)
	if err != nil {
		return err
	}
	if levels[level] > levels[d.Wanted] && (s.Wanted != site.Present || !s.Status.PastProvisioning()) {
		return fmt.Errorf("raise %s to %s: its site is %s and wanted %s", d.Hostname, level, s.Status, s.Wanted)
	}
	forEdges := d.Wanted == network.Hidden || level == network.Hidden
	d.Wanted, d.UpdatedAt = level, r.Clock()
	if err := tx.UpdateDomain(ctx, d); err != nil {
		return err
	}
	if forEdges {
		return tellEdges(ctx, tx, s, op, r.Clock())
	}
	return r.tellTunnels(ctx, tx, d, op)
}

// confirmOnEdges reads whether the required edges have proved the site with its
// hostnames.
func (r *Reconciler) confirmOnEdges(ctx context.Context, op saga.Operation) (confirmation, error) {
	d, _, err := r.domainAndSite(ctx, op.TenantID, id.Domain(op.ObjectID))
	if err != nil {
		return confirmation{}, err
	}
	p, err := r.presenceOf(ctx, d.TenantID, d.SiteID)
	if err != nil {
		return confirmation{}, err
	}
	required := p.required(r.Clock(), r.EdgeWindow)
	if len(required) == 0 {
		required = p.edges // their faults say why nobody answers
	}
	if err := p.refused(d.SiteID, required); err != nil {
		return confirmation{}, err
	}
	if err := p.pinned(d.SiteID, required); err != nil && !p.served {
		return confirmation{}, err
	}
	missing, ok := p.unproven(d.SiteID, required)
	if !ok {
		return r.noted(ctx, op, condition.EdgeRouted, missing), nil
	}
	return confirmation{
		Done: true, Response: generations(required),
		Message: fmt.Sprintf("%d of %d required edges have proved the hostname", len(required), len(required)),
	}, nil
}

// generations says what each edge has proved.
func generations(edges []edge.Edge) map[id.Edge]uint64 {
	out := map[id.Edge]uint64{}
	for _, e := range edges {
		out[e.ID] = e.ProvenGeneration
	}
	return out
}

func (r *Reconciler) commitOnEdges(ctx context.Context, tx store.Tx, op saga.Operation) error {
	return condition.Set(ctx, tx, r.condition(ctx, op.ObjectID, condition.EdgeRouted, condition.True,
		condition.ReasonConfirmed, "the required edges answer for the hostname"))
}

// failDomain moves a domain to ERROR once everything is undone.
func (r *Reconciler) failDomain(ctx context.Context, tx store.Tx, op saga.Operation) error {
	d, err := domainOf(ctx, tx, op)
	if err != nil || !network.Machine.Allows(d.Status, network.Fail) {
		return err
	}
	_, err = network.Apply(ctx, tx, d, network.Fail, r.cause(ctx, op, op.Reason+": "+op.Message))
	return err
}
