package simulate

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/siteplane/siteplane/services/lifecycle/admin"
	"github.com/siteplane/siteplane/services/lifecycle/app"
	"github.com/siteplane/siteplane/services/lifecycle/desired"
	"github.com/siteplane/siteplane/services/lifecycle/event"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/network"
	"github.com/siteplane/siteplane/services/lifecycle/saga"
	"github.com/siteplane/siteplane/services/lifecycle/site"
	"github.com/siteplane/siteplane/services/lifecycle/store"
	"github.com/siteplane/siteplane/services/lifecycle/worker"
)

const (
	// step is how much time passes between two looks whether the world is idle.
	step = 20 * time.Second
	// convergeWithin is when a healed world must be: attempts that grew far apart, and a
	// contest, lie within.
	convergeWithin = 3 * time.Hour
	// still is how long a converged world must write nothing.
	still = 12 * time.Minute
	// promptly is how soon something new is done in a healed world. Looks that come
	// anyhow are further apart.
	promptly = 20 * time.Second
)

// heal ends everything that is wrong; what was held back arrives.
func (w *world) heal() {
	w.mu.Lock()
	w.calm = true
	w.mu.Unlock()
	for _, e := range w.edgeIDs {
		h := w.edges.Host(e)
		h.SetDown(false)
		h.SetNotProven("")
		h.Accept(poison)
		h.Deliver()
	}
	w.tunnel.SetDown(false)
	w.tunnel.Deliver()
	for _, name := range hostnames {
		w.dns.LeadRight(name)
	}
	for _, r := range w.replicas {
		r.mu.Lock()
		clear(r.armed)
		p := r.now
		r.mu.Unlock()
		if p != nil {
			p.goOn()
			p.mu.Lock()
			p.skew = 0
			p.mu.Unlock()
		}
	}
}

// converge heals the world and judges what becomes of it.
func (w *world) converge(settle func()) {
	w.heal()
	w.watchNobody()
	w.sleep(6 * time.Minute) // what was on its way arrives, who was down is up
	for i := range w.tenants {
		w.resume(Action{ID: 10_000 + i, Args: args("tenant", i, "replica", i)})
	}
	for _, stage := range []func(settle func()){w.answerAll, w.idle, w.judgeEnd, w.keepStill, w.beginAnew} {
		if stage(settle); w.violation() != nil {
			return
		}
	}
}

// answerAll asks for everything again: what got no answer until it has one, the rest
// to see that it is the same.
func (w *world) answerAll(settle func()) {
	w.sleep(30 * time.Second)
	w.mu.Lock()
	all := slices.Clone(w.order)
	w.mu.Unlock()
	for i, r := range all {
		switch kept := r.isKept(); {
		case r.has() == "" && (kept || r.why() == nil): // a refusal may have passed a call that was still on its way
			r.askAll(i)
		case kept:
			if p, ok := w.replicas[i%w.Replicas].serving(); ok && !r.askOne(p, fmt.Sprintf("%s at last", r.name())) {
				w.violate("I2 a repeated request is answered as the first", "request %d got an answer first, and none now", r.id)
			}
		}
		if r.has() == "" && r.why() == nil {
			w.violate("I1 every request is answered in the end", "request %d got none", r.id)
		}
	}
	settle()
	w.judge.look()
}

// idle waits until nothing is left to do but the regular looks.
func (w *world) idle(settle func()) {
	var left string
	for passed := time.Duration(0); passed < convergeWithin; passed += step {
		w.sleep(step)
		settle()
		if left = w.left(); left == "" {
			return
		}
	}
	w.violate("I1, I25 everything ends in bounded time", "after %s: %s", convergeWithin, left)
}

// left says what is left to do, "" for nothing.
func (w *world) left() (left string) {
	p, err := w.judge.read()
	if err != nil {
		return err.Error()
	}
	for _, op := range p.ops {
		if !op.State.Terminal() {
			return fmt.Sprintf("%s of %s is %s: %s %s", op.Kind, op.ObjectID, op.State, op.Reason, op.Message)
		}
	}
	for _, d := range p.domains {
		if d.Status == network.Validated || d.Status == network.Routed || d.Status == network.Releasing {
			if p.siteOf(d).Status != site.Error {
				return fmt.Sprintf("%s is %s", d.Hostname, d.Status)
			}
		}
	}
	ctx := w.context()
	err = w.db.View(ctx, func(tx store.Tx) (err error) {
		left, err = w.leftIn(ctx, tx, p)
		return err
	})
	if err != nil {
		return err.Error()
	}
	return left
}

// maySoon reports whether a name that waits is proved, and may be had: that nobody has
// it, nor one above it where that counts, or that who has it may be contested.
func (w *world) maySoon(ctx context.Context, tx store.Tx, p picture, d network.Domain, contests []network.Contest) (bool, error) {
	granted := strings.HasSuffix(d.Hostname, "."+ourZone)
	switch {
	case d.Status != network.PendingDNS || !p.siteOf(d).Status.PastProvisioning():
		return false, nil
	case d.Kind == network.Platform:
		return true, nil
	case granted && d.TenantID == w.tenants[w.Tenants-1].TenantID:
		return false, nil // nobody granted it
	}
	if !granted {
		claim, err := tx.GetClaim(ctx, d.TenantID, d.Hostname)
		if err != nil || !w.texts[d.Hostname][claim.Token] {
			return false, err
		}
	}
	if parked, err := w.parked(ctx, tx, d); err != nil || parked {
		return false, err
	}
	kept := func(c network.Contest) bool { return c.ContenderID == d.ID && c.Outcome == network.ContestKept }
	for _, o := range p.domains {
		above := slices.Contains(network.Above(d.Hostname), o.Hostname) && o.TenantID != d.TenantID && !granted
		same := o.ID != d.ID && o.Hostname == d.Hostname && (granted || o.TenantID == d.TenantID || slices.ContainsFunc(contests, kept))
		if (above || same) && o.Status.Verified() {
			return false, nil
		}
	}
	return true, nil
}

// parked reports whether a domain was given up, because calls that never end in time took
// its work from everybody five times in a row. It waits for an operator.
func (w *world) parked(ctx context.Context, tx store.Tx, d network.Domain) (bool, error) {
	ops, err := tx.OperationsOf(ctx, []string{string(d.ID)})
	return len(ops) > 0 && ops[len(ops)-1].State == saga.NeedsAttention, err
}

// siteOf returns the site of a domain.
func (p picture) siteOf(d network.Domain) site.Site {
	return p.sites[slices.IndexFunc(p.sites, func(s site.Site) bool { return s.ID == d.SiteID })]
}

func (w *world) leftIn(ctx context.Context, tx store.Tx, p picture) (string, error) {
	for _, s := range p.sites {
		if at, dirty, err := tx.DueAt(ctx, worker.Site, string(s.ID)); err != nil || dirty {
			return fmt.Sprintf("site %s (%s) is due at %s", s.ID, s.Status, at), err
		}
	}
	for _, d := range p.domains {
		if at, dirty, err := tx.DueAt(ctx, worker.Domain, string(d.ID)); err != nil || dirty && !waits(d) {
			return fmt.Sprintf("%s (%s) is due at %s", d.Hostname, d.Status, at), err
		}
		contests, err := tx.ContestsOn(ctx, d.Hostname)
		if _, open := network.OpenContest(contests); err != nil || open {
			return d.Hostname + " is contested", err
		}
		if soon, err := w.maySoon(ctx, tx, p, d, contests); err != nil || soon {
			return fmt.Sprintf("%s of %s is %s, and nothing is in its way", d.Hostname, d.ID, d.Status), err
		}
	}
	for _, e := range p.edges {
		if changes, err := tx.Changes(ctx, e.ID); err != nil || len(changes) > 0 || !e.Synced() || e.Generation != e.ProvenGeneration {
			return fmt.Sprintf("edge %s has not proved %d changes, whole %v: %s %s", e.Name, len(changes), e.NeedsWhole, e.FaultReason, e.FaultMessage), err
		}
	}
	t, err := tx.GetTunnel(ctx, w.tunnelID)
	if err != nil {
		return "", err
	}
	if changes, err := tx.TunnelChanges(ctx, w.tunnelID); err != nil || len(changes) > 0 || t.Generation != t.ProvenGeneration {
		return fmt.Sprintf("the tunnel has not proved %d changes: %s", len(changes), t.FaultReason), err
	}
	return "", nil
}

// waits reports whether a domain is looked at again and again: one that serves, and
// one that waits for its tenant.
func waits(d network.Domain) bool {
	return d.Status == network.Active || d.Status == network.PendingDNS
}

// judgeEnd judges a world that is idle.
func (w *world) judgeEnd(settle func()) {
	settle()
	p, err := w.judge.read()
	if err == nil {
		err = w.ended(p)
	}
	if err != nil {
		w.violate("the end", "%v", err)
	}
}

func (w *world) ended(p picture) error {
	for _, rule := range []func(picture) error{w.restsWell, w.holdsWhatIsWanted, w.askedOnce} {
		if err := rule(p); err != nil {
			return err
		}
	}
	outbox, err := w.outbox()
	if err != nil {
		return err
	}
	w.sleep(promptly) // who watches needs a while for the last
	return w.judge.told(p, outbox)
}

// restsWell: every site is where it may stay.
func (w *world) restsWell(p picture) error {
	for _, s := range p.sites {
		switch s.Status {
		case site.Active, site.Error, site.Deleted, site.DomainPendingDNS:
		default:
			return wrongly("I1 everything ends", "site %s rests %s", s.ID, s.Status)
		}
	}
	return nil
}

// holdsWhatIsWanted: edges and tunnel hold exactly what the wanted columns say.
func (w *world) holdsWhatIsWanted(p picture) error {
	ctx := w.context()
	return w.db.View(ctx, func(tx store.Tx) error {
		for _, e := range p.edges {
			rows, err := wantedOn(ctx, tx, e, p.edges)
			if err != nil {
				return err
			}
			same := func(a, b desired.EdgeSite) bool { return a.Sum() == b.Sum() }
			if held, want := w.edges.Host(e.ID).Sites(), desired.ForEdge(rows); !slices.EqualFunc(held, want, same) {
				return wrongly("I16 no drift is left", "edge %s holds %v, desired is %v", e.Name, held, want)
			}
		}
		routed, err := tx.RoutedDomains(ctx, w.tunnelID)
		if err != nil {
			return err
		}
		var want []string
		for _, r := range desired.ForTunnel(routed) {
			want = append(want, r.Hostname)
		}
		public := slices.Concat(w.tunnel.Records(), w.tunnel.CustomHostnames())
		slices.Sort(public)
		if rules := w.tunnel.Rules(); !slices.Equal(rules, want) || !slices.Equal(public, want) {
			return wrongly("I13 routes are what is wanted", "the tunnel has rules %v and leads %v here, desired are %v", rules, public, want)
		}
		return nil
	})
}

// askedOnce: each request that was answered was done once, and no other.
func (w *world) askedOnce(picture) error {
	ctx := w.context()
	done := map[app.RequestID]int{}
	err := w.db.View(ctx, func(tx store.Tx) error {
		clear(done)
		audit, err := tx.ListAudit(ctx, admin.AuditPage{Limit: 1 << 20})
		for _, e := range audit {
			done[app.RequestID(e.RequestID)]++
		}
		return err
	})
	if err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, r := range w.order {
		want := 0
		if r.has() != "" {
			want = 1
		}
		if done[r.name()] != want {
			return wrongly("I2 a request is done once", "request %d was done %d times, answered %d times", r.id, done[r.name()], want)
		}
	}
	return nil
}

// outbox reads every event that has a place.
func (w *world) outbox() (events []event.Event, err error) {
	ctx := w.context()
	err = w.db.View(ctx, func(tx store.Tx) error {
		events, err = tx.Events(ctx, event.Query{Limit: 1 << 20})
		return err
	})
	return events, err
}

// written is how much there is of what only grows.
type written struct {
	edges, tunnel, history, events int
}

func (w *world) written() (n written) {
	for _, e := range w.edgeIDs {
		n.edges += w.edges.Host(e).Writes()
	}
	n.tunnel = w.tunnel.Writes()
	if p, err := w.judge.read(); err == nil {
		for _, rows := range p.history {
			n.history += len(rows)
		}
	}
	if events, err := w.outbox(); err == nil {
		n.events = len(events)
	}
	return n
}

// keepStill: a converged world writes nothing.
func (w *world) keepStill(settle func()) {
	before := w.written()
	w.sleep(still)
	settle()
	if now := w.written(); now != before {
		w.violate("I16 a converged world writes nothing", "%+v grew to %+v", before, now)
	}
	w.judge.look()
}

// beginAnew: in a healed world a new site is ACTIVE at once, and gone at once.
func (w *world) beginAnew(settle func()) {
	const n = 99
	w.createSite(Action{ID: 10_100, Args: args("site", n, "tenant", 0, "name", 0, "replica", 0)})
	w.sleep(promptly)
	settle()
	s, by, ok := w.site(n)
	if got := w.statusOf(by.TenantID, s); !ok || got != site.Active {
		w.violate("I25 nobody waits for nothing", "%s after it was created a site is %q", promptly, got)
		return
	}
	onSite(deleteSite)(w, Action{ID: 10_101, Args: args("site", n, "replica", 1)})
	w.sleep(promptly)
	settle()
	if got := w.statusOf(by.TenantID, s); got != site.Deleted {
		w.violate("I25 nobody waits for nothing", "%s after that was asked for a site is %q", promptly, got)
	}
	w.judge.look()
}

// statusOf reads how far a site is, "" for one that there is not.
func (w *world) statusOf(tenant id.Tenant, s id.Site) (status site.Status) {
	ctx := w.context()
	_ = w.db.View(ctx, func(tx store.Tx) error {
		found, err := tx.GetSite(ctx, tenant, s)
		status = found.Status
		return err
	})
	return status
}

// why returns the last refusal.
func (r *request) why() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.refusal
}
