package reconcile_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/siteplane/siteplane/services/lifecycle/app"
	"github.com/siteplane/siteplane/services/lifecycle/app/apptest"
	"github.com/siteplane/siteplane/services/lifecycle/condition"
	"github.com/siteplane/siteplane/services/lifecycle/drift"
	"github.com/siteplane/siteplane/services/lifecycle/infra"
	"github.com/siteplane/siteplane/services/lifecycle/infra/fake"
	"github.com/siteplane/siteplane/services/lifecycle/network"
	"github.com/siteplane/siteplane/services/lifecycle/reconcile"
	"github.com/siteplane/siteplane/services/lifecycle/site"
)

// A hostile world: whatever happens in whatever order, the invariants hold after
// each of it; once everything is healed, every site is ACTIVE, in ERROR or gone,
// and the edges hold what is wanted.
func TestWorld(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		h := newHostile(t)
		t.Repeat(map[string]func(*rapid.T){
			"":               func(*rapid.T) { h.w.Check() },
			"create":         h.create,
			"delete":         h.pick(func(s site.Site) { h.w.Delete(s) }),
			"retry":          h.pick(func(s site.Site) { _ = h.w.TryRetry(s) }), // refused but in ERROR
			"reject":         h.pick(func(s site.Site) { h.host(t).Reject(string(s.ID), "refused") }),
			"deploy":         h.pick(func(s site.Site) { h.deploy(t, s) }),
			"cancel":         h.pick(func(s site.Site) { h.cancel(t, s) }),
			"edit":           func(t *rapid.T) { h.host(t).Edit("servers.conf") },
			"reload":         func(t *rapid.T) { h.host(t).Reload() },
			"other nginx":    func(t *rapid.T) { h.host(t).SetNginxVersion(rapid.StringMatching(`[1-3]`).Draw(t, "version")) },
			"rule gone":      func(t *rapid.T) { h.removeRule(h.anyName(t)) },
			"toggle policy":  func(t *rapid.T) { h.policy(t) },
			"poison":         func(t *rapid.T) { h.host(t).Reject(poison, "refused") },
			"reject name":    h.pick(func(s site.Site) { h.host(t).Reject(h.hostname(s), "refused") }),
			"accept":         h.pick(func(s site.Site) { h.accept(s) }),
			"contradict DNS": h.pick(func(s site.Site) { h.w.DNS.ScriptAddresses(h.hostname(s), contradicted) }),
			"flap probe":     h.pick(func(s site.Site) { h.w.DNS.ScriptProbes(h.hostname(s), contradicted, confirmed, contradicted) }),
			"heal DNS":       h.pick(func(s site.Site) { h.healDNS(s) }),
			"lose reply":     func(t *rapid.T) { h.host(t).LoseReply() },
			"hold back":      func(t *rapid.T) { h.host(t).HoldBack() },
			"deliver":        func(t *rapid.T) { h.host(t).Deliver() },
			"toggle edge":    func(t *rapid.T) { h.host(t).SetDown(rapid.Bool().Draw(t, "down")) },
			"toggle proof": func(t *rapid.T) {
				h.host(t).SetNotProven(rapid.SampledFrom([]string{"", "old workers"}).Draw(t, "why"))
			},
			"toggle tunnel": func(t *rapid.T) { h.w.Tunnel.SetDown(rapid.Bool().Draw(t, "down")) },
			"add domain":    h.pick(func(s site.Site) { h.addDomain(t, s) }),
			"remove domain": h.pick(func(s site.Site) { h.removeDomain(t, s) }),
			"cut tunnel":    func(t *rapid.T) { h.w.Tunnel.CutAfter(rapid.IntRange(0, 3).Draw(t, "effects")) },
			"late tunnel":   func(*rapid.T) { h.w.Tunnel.HoldBack() },
			"tunnel comes":  func(*rapid.T) { h.w.Tunnel.Deliver() },
			"tunnel mute":   func(*rapid.T) { h.w.Tunnel.LoseReply() },
			"record gone":   func(t *rapid.T) { h.w.Tunnel.RemoveRecord(h.anyName(t)) },
			"block name":    func(t *rapid.T) { h.block(t) },
			"unblock name":  func(t *rapid.T) { h.w.Tunnel.Unblock(h.anyName(t)) },
			"toggle token":  func(t *rapid.T) { h.allow(rapid.Bool().Draw(t, "allowed")) },
			"toggle DNS":    func(t *rapid.T) { h.w.DNS.SetDown(rapid.Bool().Draw(t, "down")) },
			"lose":          h.pick(func(s site.Site) { h.host(t).Lose(s.ID) }),
			"wipe":          func(t *rapid.T) { h.host(t).Wipe() },
			"crash":         h.crash,
			"step":          func(*rapid.T) { h.w.Step() },
			"run":           func(t *rapid.T) { h.w.RunFor(time.Duration(rapid.IntRange(0, 120).Draw(t, "s")) * time.Second) },
		})
		h.heal()
		h.w.Settle()
		h.w.RunFor(time.Minute)
		h.w.Settle()
		h.w.CheckSettled()
		for _, s := range h.sites {
			if got := h.w.Get(s).Site.Status; got != site.Active && got != site.Error && got != site.Deleted {
				t.Errorf("once all is well the site is %s: %+v", got, h.w.Operations(s))
			}
		}
		for _, d := range h.domains {
			if h.w.Get(site.Site{ID: d.SiteID, TenantID: d.TenantID}).Site.Status == site.Error {
				continue // its names wait until it is retried
			}
			if got := h.w.Domain(d).Status; got != network.Active && got != network.Error && got != network.Released {
				t.Errorf("once all is well %s is %s: %+v", d.Hostname, got, h.w.DomainConditions(d))
			}
		}
	})
}

var (
	contradicted = fake.Contradict("DNS_WRONG_TARGET", condition.Tenant)
	confirmed    = fake.Confirm()
)

// hostile is a world with two edges and a test that does what it can.
type hostile struct {
	w       *apptest.World
	sites   []site.Site
	domains []network.Domain
}

func newHostile(t *rapid.T) *hostile {
	h := &hostile{w: apptest.New(t, apptest.Options{Edges: 2, Tunnel: fake.NewTunnel("example.org")})}
	h.w.GrantZone("example.org", h.w.Caller.TenantID)
	return h
}

// names are the managed ones that sites compete for.
var names = []string{"a.example.org", "b.example.org"}

func (h *hostile) anyName(t *rapid.T) string { return rapid.SampledFrom(names).Draw(t, "name") }

// addDomain claims a name; one that is claimed already, or a site that goes, is
// refused.
func (h *hostile) addDomain(t *rapid.T, s site.Site) {
	if d, err := h.w.TryAddDomain(s, h.anyName(t), false, ""); err == nil {
		h.domains = append(h.domains, d)
	}
}

// removeDomain removes one of a site's; a primary is refused.
func (h *hostile) removeDomain(t *rapid.T, s site.Site) {
	if all := h.w.Domains(s); len(all) > 0 {
		_ = h.w.TryRemoveDomain(rapid.SampledFrom(all).Draw(t, "domain"))
	}
}

// poison is the header that edges may refuse.
const poison = "X-Poison"

// deploy gives a site one of a few specs; a site that goes, or is being provisioned,
// refuses it.
func (h *hostile) deploy(t *rapid.T, s site.Site) {
	header := rapid.SampledFrom([]string{"X-One", "X-Two", poison}).Draw(t, "header")
	_, _ = h.w.TryUpdate(s, apptest.SpecWith(header))
}

// cancel takes back what works on a site, if anything does that can be taken back.
func (h *hostile) cancel(t *rapid.T, s site.Site) {
	kinds := []string{reconcile.CreateSite, reconcile.UpdateSite, reconcile.DeleteSite}
	for _, op := range h.w.Operations(s) {
		if kind := rapid.SampledFrom(kinds).Draw(t, "kind"); op.Kind == kind {
			_ = h.w.TryCancel(s, kind)
			return
		}
	}
}

func (h *hostile) policy(t *rapid.T) {
	h.w.SetPolicy(rapid.SampledFrom([]drift.Policy{drift.Repair, drift.Hold}).Draw(t, "policy"))
}

// block puts somebody else's record where ours must go, if there is none of ours.
func (h *hostile) block(t *rapid.T) {
	if name := h.anyName(t); !h.w.Tunnel.Public(name) {
		h.w.Tunnel.Block(name)
	}
}

func (h *hostile) allow(allowed bool) {
	if allowed {
		h.w.Tunnel.Accept()
		return
	}
	h.w.Tunnel.Refuse(infra.Diagnosis{Code: "CLOUDFLARE_PERMISSION", Actor: condition.Operator, Summary: "the token may not"})
}

func (h *hostile) create(t *rapid.T) {
	name := rapid.StringMatching(`[a-z]{1,3}`).Draw(t, "name")
	s, err := h.w.TryCreate(h.w.Caller, app.NewSite{Name: name, Spec: apptest.Spec()}, "")
	if err != nil {
		t.Fatal(err)
	}
	h.sites = append(h.sites, s)
}

func (h *hostile) pick(do func(site.Site)) func(*rapid.T) {
	return func(t *rapid.T) {
		if len(h.sites) == 0 {
			t.Skip("no site")
		}
		do(rapid.SampledFrom(h.sites).Draw(t, "site"))
	}
}

func (h *hostile) host(t *rapid.T) *fake.Host {
	return h.w.Edges.Host(rapid.SampledFrom(h.w.EdgeIDs()).Draw(t, "edge"))
}

func (h *hostile) hostname(s site.Site) string { return s.Slug + "." + apptest.PlatformDomain }

// crash kills the process around one of the next commits, if there are so many.
func (h *hostile) crash(t *rapid.T) {
	n := rapid.IntRange(1, 12).Draw(t, "commit")
	if rapid.Bool().Draw(t, "before") {
		h.w.Store.DieBefore(n)
	} else {
		h.w.Store.DieAfter(n)
	}
	h.w.Run()
	h.w.Restart()
}

func (h *hostile) accept(s site.Site) {
	for _, e := range h.w.EdgeIDs() {
		h.w.Edges.Host(e).Accept(string(s.ID))
		h.w.Edges.Host(e).Accept(h.hostname(s))
	}
}

func (h *hostile) healDNS(s site.Site) {
	h.w.DNS.ScriptAddresses(h.hostname(s))
	h.w.DNS.ScriptProbes(h.hostname(s))
}

// heal ends everything that is wrong outside; what was held back arrives.
func (h *hostile) heal() {
	h.w.SetPolicy(drift.Repair)
	h.w.DNS.SetDown(false)
	h.w.Tunnel.SetDown(false)
	h.w.Tunnel.Accept()
	h.w.Tunnel.Deliver()
	for _, name := range names {
		h.w.Tunnel.Unblock(name)
	}
	for _, s := range h.sites {
		h.accept(s)
		h.healDNS(s)
	}
	for _, e := range h.w.EdgeIDs() {
		host := h.w.Edges.Host(e)
		host.SetDown(false)
		host.SetNotProven("")
		host.Accept(poison)
		host.Deliver()
	}
}

// removeRule takes a rule away by hand, but not from a public name: that is what the
// check after each action would blame on us.
func (h *hostile) removeRule(name string) {
	if !h.w.Tunnel.Public(name) {
		h.w.Tunnel.RemoveRule(name)
	}
}
