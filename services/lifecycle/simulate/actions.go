package simulate

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/admin"
	"github.com/siteplane/siteplane/services/lifecycle/app"
	"github.com/siteplane/siteplane/services/lifecycle/auth"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/network"
	"github.com/siteplane/siteplane/services/lifecycle/site"
	"github.com/siteplane/siteplane/services/lifecycle/store"
)

// verb is a kind of action.
type verb struct {
	name string
	// weight is how often it is drawn, against the others.
	weight int
	// request says that it asks a replica for something, and may be repeated.
	request bool
	// draw chooses its arguments; ok is false where there is nothing to do it to.
	draw func(d *drawing) (a Action, ok bool)
	do   func(w *world, a Action)
}

// verbs are all actions: those of tenants and operators here, those of the world
// outside, and what befalls replicas, in outside.go; what operators do to edges in
// fleet.go.
var verbs = slices.Concat(asked(), befalls(), operated())

func verbOf(name string) (v verb, ok bool) {
	for _, v := range verbs {
		if v.name == name {
			return v, true
		}
	}
	return verb{}, false
}

// asked are the actions that ask a replica for something.
func asked() []verb {
	return []verb{
		{"create_site", 8, true, drawCreate, (*world).createSite},
		{"add_domain", 8, true, drawNamed, (*world).addDomain},
		{"set_primary", 3, true, drawDomain, onDomain(setPrimary)},
		{"remove_domain", 4, true, drawDomain, onDomain(removeDomain)},
		{"check_domain", 4, true, drawDomain, onDomain(checkDomain)},
		{"update_site", 5, true, drawUpdate, (*world).updateSite},
		{"rollback", 2, true, drawUpdate, (*world).rollback},
		{"retry_site", 3, true, drawSite, onSite(retrySite)},
		{"cancel", 3, true, drawSite, (*world).cancel},
		{"delete_site", 4, true, drawSite, onSite(deleteSite)},
		{"suspend", 1, true, drawTenant, (*world).suspend},
		{"resume", 2, true, drawTenant, (*world).resume},
		{"repeat", 6, false, drawRepeat, (*world).repeat},
		{"repeat_other", 2, false, drawRepeat, (*world).repeatOther},
		{"reconcile_now", 2, true, drawTarget, (*world).reconcileNow},
	}
}

func (d *drawing) asks(a Action) Action {
	if a.Args == nil {
		a.Args = map[string]int{}
	}
	a.Args["replica"] = d.IntN(d.Replicas)
	return a
}

func args(pairs ...any) map[string]int {
	out := map[string]int{}
	for i := 0; i < len(pairs); i += 2 {
		out[pairs[i].(string)] = pairs[i+1].(int)
	}
	return out
}

func drawCreate(d *drawing) (Action, bool) {
	if d.sites >= 6 {
		return Action{}, false
	}
	d.sites++
	tenant := d.IntN(d.Tenants)
	d.tenants[d.sites] = tenant
	name := 0 // the platform's
	if d.IntN(3) == 0 {
		name = 1 + d.IntN(len(hostnames))
		d.claims(d.sites, name)
	}
	d.cancels(d.sites, 4)
	return d.asks(Action{Args: args("site", d.sites, "tenant", tenant, "name", name)}), true
}

// cancels has what works on a site taken back soon, once in n times.
func (d *drawing) cancels(site, n int) {
	if d.IntN(n) == 0 {
		d.then = append(d.then, d.asks(Action{Verb: "cancel", Args: args("site", site)}))
	}
}

// claims notes that a site claims a name, and mostly has it proved soon.
func (d *drawing) claims(site, name int) {
	d.domains = append(d.domains, [2]int{site, name})
	if d.IntN(4) > 0 {
		d.then = append(d.then, Action{Verb: "publish", Args: args("name", name, "tenant", d.tenants[site])})
	}
}

func drawSite(d *drawing) (Action, bool) {
	if d.sites == 0 {
		return Action{}, false
	}
	return d.asks(Action{Args: args("site", 1+d.IntN(d.sites))}), true
}

func drawNamed(d *drawing) (Action, bool) {
	a, ok := drawSite(d)
	if ok {
		a.Args["name"] = 1 + d.IntN(len(hostnames))
		if len(d.domains) > 0 && d.IntN(2) == 0 { // what another may have
			a.Args["name"] = d.domains[d.IntN(len(d.domains))][1]
		}
		a.Args["direct"] = d.IntN(2)
		d.claims(a.Args["site"], a.Args["name"])
	}
	return a, ok
}

func drawDomain(d *drawing) (Action, bool) {
	if len(d.domains) == 0 {
		return Action{}, false
	}
	which := d.domains[d.IntN(len(d.domains))]
	return d.asks(Action{Args: args("site", which[0], "name", which[1])}), true
}

func drawUpdate(d *drawing) (Action, bool) {
	a, ok := drawSite(d)
	if ok {
		a.Args["header"] = d.IntN(len(headers))
		d.cancels(a.Args["site"], 5)
	}
	return a, ok
}

func drawTenant(d *drawing) (Action, bool) {
	return d.asks(Action{Args: args("tenant", d.IntN(d.Tenants))}), true
}

func drawRepeat(d *drawing) (Action, bool) {
	if len(d.requests) == 0 {
		return Action{}, false
	}
	back := min(1+d.IntN(4), len(d.requests))
	return d.asks(Action{Args: args("request", d.requests[len(d.requests)-back], "times", 1+d.IntN(4))}), true
}

func drawTarget(d *drawing) (Action, bool) {
	return d.asks(Action{Args: args("edge", d.IntN(d.Edges+1))}), true
}

// headers are what specs may send; the last is one that edges may refuse.
var headers = []string{"X-One", "X-Two", poison}

func spec(header int) site.Spec {
	return site.Spec{
		Origin:  &site.Origin{Targets: []site.Target{{Address: "1.1.1.1:8080"}}},
		Options: site.Options{RequestHeaders: []site.Header{{Name: headers[header%len(headers)], Value: "v"}}},
	}
}

// createSite creates the site of a number; its name is the number's.
func (w *world) createSite(a Action) {
	n, tenant := a.Args["site"], a.Args["tenant"]%w.Tenants
	in := app.NewSite{Name: fmt.Sprintf("site %d", n), Spec: spec(0)}
	if name := a.Args["name"]; name > 0 {
		in.PrimaryHostname = hostnames[name-1]
	}
	w.begin(&request{
		id: a.ID, by: w.tenants[tenant],
		ask: func(ctx context.Context, cp *app.ControlPlane, id app.RequestID) (any, error) {
			return cp.CreateSite(ctx, w.tenants[tenant], in, id)
		},
		answered: func(answer any) {
			view := answer.(app.SiteView)
			w.mu.Lock()
			defer w.mu.Unlock()
			w.sites[n], w.owners[n] = view.Site.ID, tenant
			if view.Primary != nil {
				w.domains[[2]int{n, a.Args["name"]}] = view.Primary.Domain
			}
		},
	}, a.Args["replica"])
}

// site returns the site of a number and its owner, if it is known.
func (w *world) site(n int) (siteID id.Site, by auth.Principal, ok bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	siteID, ok = w.sites[n]
	return siteID, w.tenants[w.owners[n]], ok
}

// domain returns the domain of a site by its name, and its owner.
func (w *world) domain(a Action) (d network.Domain, by auth.Principal, ok bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	d, ok = w.domains[[2]int{a.Args["site"], a.Args["name"]}]
	return d, w.tenants[w.owners[a.Args["site"]]], ok
}

type siteCall func(ctx context.Context, cp *app.ControlPlane, by auth.Principal, s id.Site, id app.RequestID) (any, error)

// onSite asks for something about a site.
func onSite(call siteCall) func(w *world, a Action) {
	return func(w *world, a Action) {
		s, by, ok := w.site(a.Args["site"])
		if !ok {
			return
		}
		w.begin(&request{id: a.ID, by: by, ask: func(ctx context.Context, cp *app.ControlPlane, id app.RequestID) (any, error) {
			return call(ctx, cp, by, s, id)
		}}, a.Args["replica"])
	}
}

func retrySite(ctx context.Context, cp *app.ControlPlane, by auth.Principal, s id.Site, id app.RequestID) (any, error) {
	return cp.RetrySite(ctx, by, s, id)
}

func deleteSite(ctx context.Context, cp *app.ControlPlane, by auth.Principal, s id.Site, id app.RequestID) (any, error) {
	return cp.DeleteSite(ctx, by, s, id)
}

// updateSite gives a site the spec with a header.
func (w *world) updateSite(a Action) {
	onSite(func(ctx context.Context, cp *app.ControlPlane, by auth.Principal, s id.Site, id app.RequestID) (any, error) {
		wanted := spec(a.Args["header"])
		return cp.UpdateSite(ctx, by, s, app.SiteChange{Spec: &wanted}, id)
	})(w, a)
}

// rollback wants one of the first revisions of a site again.
func (w *world) rollback(a Action) {
	onSite(func(ctx context.Context, cp *app.ControlPlane, by auth.Principal, s id.Site, id app.RequestID) (any, error) {
		return cp.RollbackSite(ctx, by, s, int64(1+a.Args["header"]), 0, id)
	})(w, a)
}

// cancel takes back what works on a site.
func (w *world) cancel(a Action) {
	s, by, ok := w.site(a.Args["site"])
	if !ok {
		return
	}
	var op id.Operation
	ctx := w.context()
	_ = w.db.View(ctx, func(tx store.Tx) error {
		active, _, err := tx.ActiveOperation(ctx, string(s))
		op = active.ID
		return err
	})
	if op == "" {
		return
	}
	w.begin(&request{id: a.ID, by: by, ask: func(ctx context.Context, cp *app.ControlPlane, id app.RequestID) (any, error) {
		return cp.CancelOperation(ctx, by, op, id)
	}}, a.Args["replica"])
}

// addDomain claims a name for a site.
func (w *world) addDomain(a Action) {
	s, by, ok := w.site(a.Args["site"])
	if !ok {
		return
	}
	in := app.NewDomain{Hostname: hostnames[(a.Args["name"]-1)%len(hostnames)], Direct: a.Args["direct"] == 1}
	w.begin(&request{
		id: a.ID, by: by,
		ask: func(ctx context.Context, cp *app.ControlPlane, id app.RequestID) (any, error) {
			return cp.AddDomain(ctx, by, s, in, id)
		},
		answered: func(answer any) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.domains[[2]int{a.Args["site"], a.Args["name"]}] = answer.(app.DomainView).Domain
		},
	}, a.Args["replica"])
}

type domainCall func(ctx context.Context, cp *app.ControlPlane, by auth.Principal, d network.Domain, id app.RequestID) (any, error)

// onDomain asks for something about a domain.
func onDomain(call domainCall) func(w *world, a Action) {
	return func(w *world, a Action) {
		d, by, ok := w.domain(a)
		if !ok {
			return
		}
		w.begin(&request{id: a.ID, by: by, ask: func(ctx context.Context, cp *app.ControlPlane, id app.RequestID) (any, error) {
			return call(ctx, cp, by, d, id)
		}}, a.Args["replica"])
	}
}

func setPrimary(ctx context.Context, cp *app.ControlPlane, by auth.Principal, d network.Domain, id app.RequestID) (any, error) {
	return cp.SetPrimaryDomain(ctx, by, d.SiteID, d.ID, id)
}

func removeDomain(ctx context.Context, cp *app.ControlPlane, by auth.Principal, d network.Domain, id app.RequestID) (any, error) {
	return cp.RemoveDomain(ctx, by, d.ID, "", id)
}

func checkDomain(ctx context.Context, cp *app.ControlPlane, by auth.Principal, d network.Domain, id app.RequestID) (any, error) {
	return cp.CheckDomain(ctx, by, d.ID, id)
}

func (w *world) suspend(a Action) {
	tenant := w.tenants[a.Args["tenant"]%w.Tenants].TenantID
	w.begin(&request{id: a.ID, by: w.boss, ask: func(ctx context.Context, cp *app.ControlPlane, id app.RequestID) (any, error) {
		return cp.SuspendTenant(ctx, w.boss, tenant, "unpaid", id)
	}}, a.Args["replica"])
}

func (w *world) resume(a Action) {
	tenant := w.tenants[a.Args["tenant"]%w.Tenants].TenantID
	w.begin(&request{id: a.ID, by: w.boss, ask: func(ctx context.Context, cp *app.ControlPlane, id app.RequestID) (any, error) {
		return cp.ResumeTenant(ctx, w.boss, tenant, id)
	}}, a.Args["replica"])
}

// reconcileNow has an edge, or the tunnel, looked at now.
func (w *world) reconcileNow(a Action) {
	target := string(w.tunnelID)
	if n := a.Args["edge"]; n > 0 {
		target = string(w.edgeIDs[(n-1)%w.Edges])
	}
	w.begin(&request{id: a.ID, by: w.boss, ask: func(ctx context.Context, cp *app.ControlPlane, id app.RequestID) (any, error) {
		return none{}, cp.SyncTarget(ctx, w.boss, target, id)
	}}, a.Args["replica"])
}

// repeat asks for an earlier request again, of several replicas at once.
func (w *world) repeat(a Action) {
	w.mu.Lock()
	r := w.requests[a.Args["request"]]
	w.mu.Unlock()
	if r == nil {
		return
	}
	for n := range a.Args["times"] {
		if p, ok := w.replicas[(a.Args["replica"]+n)%w.Replicas].serving(); ok {
			w.run(func() { r.askOne(p, fmt.Sprintf("%s in %d.%d", r.name(), a.ID, n)) })
		}
	}
}

// repeatOther asks for something else with the id of an earlier request that was
// answered.
func (w *world) repeatOther(a Action) {
	w.mu.Lock()
	r := w.requests[a.Args["request"]]
	w.mu.Unlock()
	p, ok := w.replicas[a.Args["replica"]%w.Replicas].serving()
	if r == nil || r.has() == "" || !ok {
		return
	}
	w.run(func() {
		ctx, cancel := context.WithTimeout(asCaller(w.context(), fmt.Sprintf("other %d", a.ID)), callLimit)
		defer cancel()
		_, err := p.cp.CreateSite(ctx, r.by, app.NewSite{Name: "another", Spec: spec(1)}, r.name())
		var taken *lifecycle.TakenError
		switch {
		case errors.As(err, &taken) && taken.Kind == "request id":
			w.tally.saw(sawOtherBody)
		case err == nil || definite(err) && !isSuspended(err):
			w.violate("I2 a request id is for one request", "request %d with another body: %v", r.id, err)
		}
	})
}

func isSuspended(err error) bool {
	var suspended *admin.SuspendedError
	return errors.As(err, &suspended)
}
