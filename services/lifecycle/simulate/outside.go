package simulate

import (
	"time"

	"github.com/siteplane/siteplane/services/lifecycle/infra/fake"
	"github.com/siteplane/siteplane/services/lifecycle/network"
	"github.com/siteplane/siteplane/services/lifecycle/store"
)

// befalls are the actions of the world outside, and what befalls replicas.
func befalls() []verb {
	return []verb{
		{tick, 8, false, drawTick, func(w *world, a Action) { w.sleep(a.For) }},
		{"publish", 8, false, drawRecord, (*world).publish},
		{"keep", 2, false, drawName, (*world).keep},
		{"unpublish", 3, false, drawRecord, (*world).unpublish},
		{"lead_nowhere", 3, false, drawName, func(w *world, a Action) { w.dns.LeadNowhere(w.hostname(a)) }},
		{"lead_right", 3, false, drawName, func(w *world, a Action) { w.dns.LeadRight(w.hostname(a)) }},
		{"edge_down", 2, false, drawEdge, onEdge(func(h *fake.Host, _ Action) { h.SetDown(true) })},
		{"edge_up", 3, false, drawEdge, onEdge(func(h *fake.Host, _ Action) { h.SetDown(false) })},
		{"edge_refuses", 3, false, drawEdge, onEdge(func(h *fake.Host, _ Action) { h.Reject(poison, "refused") })},
		{"edge_accepts", 2, false, drawEdge, onEdge(func(h *fake.Host, _ Action) { h.Accept(poison) })},
		{"edge_unproven", 1, false, drawEdge, onEdge(func(h *fake.Host, a Action) { h.SetNotProven("old workers") })},
		{"edge_proven", 2, false, drawEdge, onEdge(func(h *fake.Host, a Action) { h.SetNotProven("") })},
		{"edge_wiped", 1, false, drawEdge, onEdge(func(h *fake.Host, _ Action) { h.Wipe() })},
		{"edge_edited", 1, false, drawEdge, onEdge(func(h *fake.Host, _ Action) { h.Edit("servers.conf") })},
		{"edge_holds_back", 2, false, drawEdge, onEdge(func(h *fake.Host, _ Action) { h.HoldBack() })},
		{"edge_delivers", 2, false, drawEdge, onEdge(func(h *fake.Host, _ Action) { h.Deliver() })},
		{"edge_hurt", 2, false, drawEdge, onEdge(func(h *fake.Host, _ Action) { h.Hurt("nginx master 7 was gone") })},
		{"tunnel_down", 2, false, drawNothing, func(w *world, _ Action) { w.tunnel.SetDown(true) }},
		{"tunnel_up", 3, false, drawNothing, func(w *world, _ Action) { w.tunnel.SetDown(false) }},
		{"tunnel_cut", 2, false, drawTimes, func(w *world, a Action) { w.tunnel.CutAfter(a.Args["times"]) }},
		{"tunnel_holds_back", 1, false, drawNothing, func(w *world, _ Action) { w.tunnel.HoldBack() }},
		{"tunnel_delivers", 1, false, drawNothing, func(w *world, _ Action) { w.tunnel.Deliver() }},
		{"route_lost", 2, false, drawName, func(w *world, a Action) { w.tunnel.RemoveRecord(w.hostname(a)) }},
		{"fault", 12, false, drawFault, (*world).arm},
		{"crash", 6, false, drawLife, func(w *world, a Action) { w.replica(a).crash(a.For) }},
		{"restart", 4, false, drawLife, func(w *world, a Action) { w.replica(a).restart(a.For) }},
		{"pause", 6, false, drawPause, func(w *world, a Action) { w.replica(a).pause(a.For) }},
		{"skew", 1, false, drawLife, (*world).skew},
		{"database_down", 2, false, drawOutage, (*world).databaseDown},
	}
}

// tick is the name of the action that only lets time pass.
const tick = "tick"

func drawNothing(*drawing) (Action, bool) { return Action{}, true }

func drawTick(d *drawing) (Action, bool) {
	spans := []time.Duration{time.Second, time.Minute, 20 * time.Minute, 20 * time.Minute, time.Hour}
	return Action{For: time.Duration(1+d.IntN(1000)) * spans[d.IntN(len(spans))] / 1000}, true
}

func drawName(d *drawing) (Action, bool) {
	return Action{Args: args("name", 1+d.IntN(len(hostnames)))}, true
}

func drawRecord(d *drawing) (Action, bool) {
	return Action{Args: args("name", 1+d.IntN(len(hostnames)), "tenant", d.IntN(d.Tenants))}, true
}

func drawEdge(d *drawing) (Action, bool) { return Action{Args: args("edge", d.IntN(d.Edges))}, true }

func drawTimes(d *drawing) (Action, bool) { return Action{Args: args("times", d.IntN(4))}, true }

func drawFault(d *drawing) (Action, bool) {
	a := d.asks(Action{})
	a.Args["door"], a.Args["how"], a.Args["times"] = d.IntN(int(doors)), 1+d.IntN(int(hows)-1), 1+d.IntN(3)
	a.For = time.Duration(d.IntN(40_000)) * time.Millisecond
	return a, true
}

func drawLife(d *drawing) (Action, bool) {
	a := d.asks(Action{})
	a.For = time.Duration(d.IntN(20_000)) * time.Millisecond
	return a, true
}

func drawPause(d *drawing) (Action, bool) {
	a := d.asks(Action{})
	a.For = time.Duration(d.IntN(90_000)) * time.Millisecond
	return a, true
}

func drawOutage(d *drawing) (Action, bool) {
	return Action{For: time.Duration(d.IntN(45_000)) * time.Millisecond}, true
}

func (w *world) hostname(a Action) string { return hostnames[(a.Args["name"]-1)%len(hostnames)] }

func (w *world) replica(a Action) *replica { return w.replicas[a.Args["replica"]%w.Replicas] }

func onEdge(do func(h *fake.Host, a Action)) func(w *world, a Action) {
	return func(w *world, a Action) { do(w.edges.Host(w.edgeIDs[a.Args["edge"]%w.Edges]), a) }
}

// publish writes a tenant's ownership record into DNS, if the tenant claims the name.
func (w *world) publish(a Action) {
	if token := w.tokenOf(a); token != "" {
		w.setText(w.hostname(a), token, true)
	}
}

// unpublish takes it out.
func (w *world) unpublish(a Action) {
	if token := w.tokenOf(a); token != "" {
		w.setText(w.hostname(a), token, false)
	}
}

// tokenOf is the token of a tenant's claim on a name, "" for none.
func (w *world) tokenOf(a Action) string {
	tenant := w.tenants[a.Args["tenant"]%w.Tenants].TenantID
	var claim network.Claim
	ctx := w.context()
	_ = w.db.View(ctx, func(tx store.Tx) (err error) {
		claim, err = tx.GetClaim(ctx, tenant, w.hostname(a))
		return err
	})
	return claim.Token
}

// keep writes the fresh record of whoever holds a contested name.
func (w *world) keep(a Action) {
	var open network.Contest
	ctx := w.context()
	_ = w.db.View(ctx, func(tx store.Tx) error {
		contests, err := tx.ContestsOn(ctx, w.hostname(a))
		open, _ = network.OpenContest(contests)
		return err
	})
	if open.Token != "" {
		w.setText(w.hostname(a), open.Token, true)
	}
}

func (w *world) setText(hostname, token string, there bool) {
	if w.texts[hostname] == nil {
		w.texts[hostname] = map[string]bool{}
	}
	w.texts[hostname][token] = there
	var values []string
	for value, published := range w.texts[hostname] {
		if published {
			values = append(values, value)
		}
	}
	w.dns.SetTXT(network.ChallengePrefix+hostname, values...)
}

// arm makes the next calls of a replica through a door go wrong.
func (w *world) arm(a Action) {
	r, d := w.replica(a), door(a.Args["door"]%int(doors))
	r.mu.Lock()
	defer r.mu.Unlock()
	for range a.Args["times"] {
		r.armed[d] = append(r.armed[d], fault{how: how(a.Args["how"] % int(hows)), takes: a.For})
	}
}

// skew makes a replica's knowledge of the database's time wrong by a little.
func (w *world) skew(a Action) {
	r := w.replica(a)
	r.mu.Lock()
	p := r.now
	r.mu.Unlock()
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.skew = a.For/20 - 500*time.Millisecond
}

// databaseDown takes the database away for a while.
func (w *world) databaseDown(a Action) {
	w.outageBy(1)
	w.run(func() {
		w.sleep(a.For)
		w.outageBy(-1)
	})
}

func (w *world) outageBy(n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.outages += n
}
