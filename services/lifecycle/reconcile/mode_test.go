package reconcile_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/app/apptest"
	"github.com/siteplane/siteplane/services/lifecycle/condition"
	"github.com/siteplane/siteplane/services/lifecycle/desired"
	"github.com/siteplane/siteplane/services/lifecycle/infra"
	"github.com/siteplane/siteplane/services/lifecycle/infra/fake"
	"github.com/siteplane/siteplane/services/lifecycle/network"
	"github.com/siteplane/siteplane/services/lifecycle/site"
)

const target = "target.example.edu"

// withTunnel is a world with a zone of ours, custom hostnames and a site that is
// ACTIVE under its platform name.
func withTunnel(t *testing.T, zones ...string) (*apptest.World, site.Site) {
	t.Helper()
	return withTunnelThrough(t, nil, zones...)
}

// withTunnelThrough is the same with something around what is outside.
func withTunnelThrough(t *testing.T, around func(apptest.Providers) apptest.Providers, zones ...string) (*apptest.World, site.Site) {
	t.Helper()
	tunnel := fake.NewTunnel(append(zones, "example.org")...)
	tunnel.OfferCustomHostnames(target)
	w := apptest.New(t, apptest.Options{Tunnel: tunnel, Configure: rarely, Outside: around})
	s := w.Create("Shop")
	w.Settle()
	wantStatus(t, w, s, site.Active)
	return w, s
}

// halfTunnel is a tunnel that does only half of what it is asked.
type halfTunnel struct {
	infra.TunnelProvider
	refuseWrites bool // as a token that may only read
	stuck        bool // routes look as if they were still there
}

func (h *halfTunnel) around(p apptest.Providers) apptest.Providers {
	h.TunnelProvider, p.Tunnel = p.Tunnel, h
	return p
}

func (h *halfTunnel) Apply(ctx context.Context, u infra.TunnelUpdate) (infra.TunnelProof, error) {
	if h.refuseWrites {
		return infra.TunnelProof{}, &infra.RefusedError{Diagnosis: infra.Diagnosis{
			Code: "CLOUDFLARE_PERMISSION", Actor: condition.Operator, Summary: "the token may not write",
		}}
	}
	return h.TunnelProvider.Apply(ctx, u)
}

func (h *halfTunnel) ReadRoute(ctx context.Context, installation string, route desired.TunnelRoute) (infra.RouteReading, error) {
	reading, err := h.TunnelProvider.ReadRoute(ctx, installation, route)
	if h.stuck {
		reading.State = infra.RoutePartial
	}
	return reading, err
}

// rarely makes the regular looks rare, for tests in which days pass.
func rarely(c *lifecycle.Config) {
	c.ObserveEvery, c.EdgeWindow, c.ReconcileEvery, c.RecheckEvery = time.Hour, 100*time.Hour, time.Hour, time.Hour
}

func wantDomain(t *testing.T, w *apptest.World, d network.Domain, want network.Status) network.Domain {
	t.Helper()
	d = w.Domain(d)
	if d.Status != want {
		t.Fatalf("%s is %s, want %s: %+v", d.Hostname, d.Status, want, w.DomainConditions(d))
	}
	return d
}

func wantSaid(t *testing.T, w *apptest.World, d network.Domain, kind condition.Type, status condition.Status, reason string, actor condition.Actor) {
	t.Helper()
	c := w.DomainCondition(d, kind)
	if c.Status != status || c.Reason != reason || c.Actor != actor {
		t.Fatalf("%s is %s %s, actor %q (%s); want %s %s, actor %q", kind, c.Status, c.Reason, c.Actor, c.Message, status, reason, actor)
	}
}

func TestMode_of_a_name(t *testing.T) {
	t.Parallel()
	t.Run("in a zone that is granted: managed, nothing to write, ACTIVE by itself", func(t *testing.T) {
		w, s := withTunnel(t)
		w.GrantZone("example.org", w.Caller.TenantID)
		d := w.AddDomain(s, "www.example.org", false)
		w.Settle()
		d = wantDomain(t, w, d, network.Active)
		if d.Mode != network.Managed || d.ZoneName != "example.org" || d.ZoneID != fake.ZoneID("example.org") {
			t.Errorf("mode %s, zone %s %s", d.Mode, d.ZoneName, d.ZoneID)
		}
		if n := len(w.Records(d, network.Ownership)) + len(w.Records(d, network.Traffic)); n != 0 {
			t.Errorf("there are %d records to write", n)
		}
		wantSaid(t, w, d, condition.Owned, condition.True, condition.ReasonZoneGranted, "")
		wantSaid(t, w, d, condition.TunnelRouted, condition.True, condition.ReasonConfirmed, "")
		w.CheckSettled()
	})
	t.Run("in a zone that is not: DOMAIN_PARENT_TAKEN until it is granted, and nothing is made outside", func(t *testing.T) {
		w, s := withTunnel(t)
		writes := w.Tunnel.Writes()
		d := w.AddDomain(s, "www.example.org", false)
		w.RunFor(10 * time.Minute)
		wantSaid(t, w, d, condition.Owned, condition.False, infra.CodeDomainParentTaken, condition.Tenant)
		if d = wantDomain(t, w, d, network.PendingDNS); d.Mode != network.ModeUnknown || w.Tunnel.Writes() != writes {
			t.Errorf("mode %q, %d writes", d.Mode, w.Tunnel.Writes()-writes)
		}
		w.GrantZone("example.org", w.Caller.TenantID)
		w.Settle()
		wantDomain(t, w, d, network.Active)
	})
	t.Run("in anybody's zone: a custom hostname, with the target to write", func(t *testing.T) {
		w, s := withTunnel(t)
		w.DNS.LeadNowhere("www.example.com")
		d := w.AddDomain(s, "www.example.com", false)
		publishProof(w, d)
		w.RunFor(time.Minute)
		d = wantDomain(t, w, d, network.Routed)
		want := []network.Instruction{{Purpose: network.Traffic, Type: "CNAME", Name: "www.example.com", Value: target}}
		if got := w.Records(d, network.Traffic); d.Mode != network.CustomHostname || !slices.Equal(got, want) {
			t.Errorf("mode %s, records %+v", d.Mode, got)
		}
		w.DNS.LeadToName("www.example.com", target)
		w.Settle()
		wantDomain(t, w, d, network.Active)
	})
	t.Run("a custom hostname that leads to the edges past Cloudflare is not ACTIVE, although the nonce comes", func(t *testing.T) {
		w, s := withTunnel(t)
		w.DNS.LeadToAddresses("www.example.com", "203.0.113.7")
		d := w.AddDomain(s, "www.example.com", false)
		publishProof(w, d)
		w.RunFor(10 * time.Minute)
		wantDomain(t, w, d, network.Routed)
		wantSaid(t, w, d, condition.Resolves, condition.False, "DNS_WRONG_TARGET", condition.Tenant)
	})
	t.Run("direct when the tenant asks for it, with the edges to write", func(t *testing.T) {
		w, s := withTunnel(t)
		w.DNS.LeadNowhere("www.example.com")
		d := w.AddDomain(s, "www.example.com", true)
		publishProof(w, d)
		w.RunFor(time.Minute)
		d = wantDomain(t, w, d, network.PendingDNS)
		want := []network.Instruction{{Purpose: network.Traffic, Type: "A", Name: "www.example.com", Value: "203.0.113.7"}}
		if got := w.Records(d, network.Traffic); d.Mode != network.Direct || !slices.Equal(got, want) {
			t.Errorf("mode %s, records %+v", d.Mode, got)
		}
		wantSaid(t, w, d, condition.Resolves, condition.False, "DNS_NXDOMAIN", condition.Tenant)
		wantSaid(t, w, d, condition.TunnelRouted, condition.NotApplicable, condition.ReasonModeDirect, "")
	})
	t.Run("a tenant who has done nothing yet sees at once all that is missing", func(t *testing.T) {
		for _, direct := range []bool{true, false} {
			w, s := withTunnel(t)
			w.DNS.LeadNowhere("www.example.com")
			d := w.AddDomain(s, "www.example.com", direct)
			w.RunFor(time.Minute)
			wantSaid(t, w, d, condition.Owned, condition.False, "OWNERSHIP_TXT_MISSING", condition.Tenant)
			wantSaid(t, w, d, condition.Resolves, condition.False, "DNS_NXDOMAIN", condition.Tenant)
		}
	})
	t.Run("direct where no custom hostnames are offered", func(t *testing.T) {
		w, s := withTunnel(t)
		w.Tunnel.OfferCustomHostnames("")
		d := w.AddDomain(s, "www.example.com", false)
		publishProof(w, d)
		w.Settle()
		if d = wantDomain(t, w, d, network.Active); d.Mode != network.Direct {
			t.Errorf("mode %s", d.Mode)
		}
	})
	t.Run("a platform name in a zone of ours is managed without a grant", func(t *testing.T) {
		w, s := withTunnel(t, apptest.PlatformDomain)
		view := w.Get(s)
		if view.Primary.Domain.Mode != network.Managed || !w.Tunnel.Routed(hostname) {
			t.Errorf("mode %s", view.Primary.Domain.Mode)
		}
	})
	t.Run("no record leads visitors to an edge that does not know the tenant, S11", func(t *testing.T) {
		w, s := withTunnel(t)
		d := w.AddDomain(s, "www.example.com", true) // leads to the edges already
		w.RunFor(time.Hour)
		wantDomain(t, w, d, network.PendingDNS)
		wantSaid(t, w, d, condition.Owned, condition.False, "OWNERSHIP_TXT_MISSING", condition.Tenant)
		if w.Host().Serves("www.example.com") {
			t.Error("the edge serves it")
		}
	})
}

func TestMode_instructions_come_first(t *testing.T) {
	t.Parallel()
	w, s := withTunnel(t)
	d := w.AddDomain(s, "www.example.com", false)
	if got := w.Records(d, network.Ownership); len(got) != 1 || got[0].Name != "_siteplane-challenge.www.example.com" || len(got[0].Value) < 26 {
		t.Fatalf("with the claim the tenant is told %+v", got)
	}
	publishProof(w, d)
	w.Tunnel.SetDown(true)
	w.RunFor(time.Minute)
	w.Tunnel.SetDown(false)
	for len(w.Tunnel.Calls("Apply")) == 0 || !w.Tunnel.Public("www.example.com") {
		if len(w.Records(d, network.Traffic)) == 0 && w.Tunnel.Public("www.example.com") {
			t.Fatal("something was made outside before the tenant was told what to write")
		}
		w.RunFor(time.Second)
	}
	if len(w.Records(d, network.Traffic)) != 1 {
		t.Errorf("the tenant is told %+v", w.Records(d, network.Traffic))
	}
}

func TestRoute(t *testing.T) {
	t.Parallel()
	t.Run("a custom hostname that is pending waits for the tenant, with what Cloudflare wants to be written", func(t *testing.T) {
		w, s := withTunnel(t)
		w.Tunnel.Pend("www.example.com")
		d := w.AddDomain(s, "www.example.com", false)
		publishProof(w, d)
		w.RunFor(10 * time.Minute)
		d = wantDomain(t, w, d, network.Validated)
		wantSaid(t, w, d, condition.TunnelRouted, condition.False, "CUSTOM_HOSTNAME_PENDING", condition.Cloudflare)
		if len(w.Records(d, network.Preparation)) == 0 {
			t.Error("the tenant is not told what prepares the name")
		}
		w.Tunnel.Activate("www.example.com")
		w.Settle()
		wantDomain(t, w, d, network.Active)
		if got := w.Records(d, network.Preparation); len(got) != 0 {
			t.Errorf("the tenant is still told %+v", got)
		}
	})
	t.Run("a record in the way is named, holds up nothing else, and goes on once it is gone", func(t *testing.T) {
		w, s := withTunnel(t)
		w.GrantZone("example.org", w.Caller.TenantID)
		w.Tunnel.Block("www.example.org")
		d := w.AddDomain(s, "www.example.org", false)
		other := w.AddDomain(s, "other.example.org", false)
		w.RunFor(10 * time.Minute)
		wantDomain(t, w, d, network.Validated)
		wantSaid(t, w, d, condition.TunnelRouted, condition.False, "RECORD_IN_THE_WAY", condition.Operator)
		wantDomain(t, w, other, network.Active)
		if foreign := w.Tunnel.Foreign(); !slices.Equal(foreign, []string{"www.example.org"}) {
			t.Errorf("foreign entries are %v", foreign)
		}
		w.Tunnel.Unblock("www.example.org")
		w.Settle()
		wantDomain(t, w, d, network.Active)
	})
	t.Run("a token that may not is the operator's, and never a failure", func(t *testing.T) {
		w, s := withTunnel(t)
		d := w.AddDomain(s, "www.example.com", false)
		publishProof(w, d)
		w.Tunnel.Refuse(infra.Diagnosis{Code: "CLOUDFLARE_PERMISSION", Actor: condition.Operator, Summary: "the token lacks a permission"})
		w.RunFor(time.Hour)
		wantDomain(t, w, d, network.PendingDNS) // not even the zone can be looked up
		wantSaid(t, w, d, condition.TunnelRouted, condition.False, "CLOUDFLARE_PERMISSION", condition.Operator)
		w.Tunnel.Accept()
		w.Settle()
		wantDomain(t, w, d, network.Active)
	})
	t.Run("permission lost on the way down: the domain waits RELEASING and says why", func(t *testing.T) {
		w, s := withTunnel(t)
		w.GrantZone("example.org", w.Caller.TenantID)
		d := w.AddDomain(s, "www.example.org", false)
		w.Settle()
		w.Tunnel.Refuse(infra.Diagnosis{Code: "CLOUDFLARE_PERMISSION", Actor: condition.Operator, Summary: "the token lacks a permission"})
		if err := w.TryRemoveDomain(wantDomain(t, w, d, network.Active)); err != nil {
			t.Fatal(err)
		}
		w.RunFor(time.Hour)
		wantDomain(t, w, d, network.Releasing)
		wantSaid(t, w, d, condition.TunnelRouted, condition.False, "CLOUDFLARE_PERMISSION", condition.Operator)
		if !w.Host().Serves("www.example.org") {
			t.Error("the edge let go of a name that is still public")
		}
		w.Tunnel.Accept()
		w.Settle()
		wantDomain(t, w, d, network.Released)
		w.CheckSettled()
	})
	t.Run("a token that may read and not write is named, although the route can be read", func(t *testing.T) {
		halved := &halfTunnel{}
		w, s := withTunnelThrough(t, halved.around)
		halved.refuseWrites = true
		d := w.AddDomain(s, "www.example.com", false)
		publishProof(w, d)
		w.RunFor(time.Hour)
		wantDomain(t, w, d, network.Validated)
		wantSaid(t, w, d, condition.TunnelRouted, condition.False, "CLOUDFLARE_PERMISSION", condition.Operator)
		halved.refuseWrites = false
		w.Settle()
		wantDomain(t, w, d, network.Active)
	})
	t.Run("a tunnel that says it is done and still has the route keeps the domain RELEASING and on the edge", func(t *testing.T) {
		halved := &halfTunnel{}
		w, s := withTunnelThrough(t, halved.around)
		d := w.AddDomain(s, "www.example.com", false)
		publishProof(w, d)
		w.Settle()
		halved.stuck = true
		if err := w.TryRemoveDomain(wantDomain(t, w, d, network.Active)); err != nil {
			t.Fatal(err)
		}
		w.RunFor(time.Hour)
		wantDomain(t, w, d, network.Releasing)
		if !w.Host().Serves("www.example.com") {
			t.Error("the edge let go of a name that is still routed")
		}
		halved.stuck = false
		w.Settle()
		wantDomain(t, w, d, network.Released)
	})
	for what, undo := range map[string]func(*fake.Tunnel){
		"a rule":   func(t *fake.Tunnel) { t.RemoveRule("www.example.org") },
		"a record": func(t *fake.Tunnel) { t.RemoveRecord("www.example.org") },
	} {
		t.Run(what+" that somebody removed comes back", func(t *testing.T) {
			w, s := withTunnel(t)
			w.GrantZone("example.org", w.Caller.TenantID)
			d := w.AddDomain(s, "www.example.org", false)
			w.Settle()
			undo(w.Tunnel)
			w.RunFor(2 * time.Hour)
			if !w.Tunnel.Public("www.example.org") || !w.Tunnel.Routed("www.example.org") {
				t.Error("it is still gone")
			}
			wantDomain(t, w, d, network.Active)
			w.CheckSettled()
		})
	}
	t.Run("a converged world writes nothing, I16", func(t *testing.T) {
		w, s := withTunnel(t)
		w.GrantZone("example.org", w.Caller.TenantID)
		w.AddDomain(s, "www.example.org", false)
		publishProof(w, w.AddDomain(s, "www.example.com", false))
		w.Settle()
		writes, written, looks := w.Tunnel.Writes(), w.Written(), len(w.Tunnel.Calls("Apply"))
		w.RunFor(3*time.Hour + time.Minute)
		if w.Tunnel.Writes() != writes || w.Written() != written {
			t.Errorf("%d writes at the tunnel, rows %+v, before %+v", w.Tunnel.Writes()-writes, w.Written(), written)
		}
		if n := len(w.Tunnel.Calls("Apply")) - looks; n < 3 {
			t.Errorf("the tunnel was compared %d times in three hours", n)
		}
	})
}

func TestRecheck(t *testing.T) {
	t.Parallel()
	direct := func(t *testing.T) (*apptest.World, network.Domain) {
		t.Helper()
		w, s := withTunnel(t)
		d := w.AddDomain(s, "www.example.com", true)
		publishProof(w, d)
		w.Settle()
		return w, wantDomain(t, w, d, network.Active)
	}
	t.Run("errors are a risk and change nothing, however long", func(t *testing.T) {
		w, d := direct(t)
		w.DNS.SetDown(true)
		w.RunFor(20 * 24 * time.Hour)
		wantDomain(t, w, d, network.Active)
		wantSaid(t, w, d, condition.Serving, condition.Unknown, infra.CodeAtRisk, condition.Nobody)
		w.DNS.SetDown(false)
		w.RunFor(time.Hour)
		wantSaid(t, w, d, condition.Serving, condition.True, condition.ReasonConfirmed, "")
	})
	t.Run("a name that moved away is kept for the grace, then lost, and comes back when DNS does", func(t *testing.T) {
		w, d := direct(t)
		w.DNS.LeadToAddresses("www.example.com", "198.51.100.9")
		w.RunFor(6 * 24 * time.Hour)
		if d = wantDomain(t, w, d, network.Active); d.Wanted != network.Public {
			t.Errorf("during the grace it is wanted %s", d.Wanted)
		}
		wantSaid(t, w, d, condition.Resolves, condition.False, "DNS_WRONG_TARGET", condition.Tenant)
		w.RunFor(2 * 24 * time.Hour)
		if d = wantDomain(t, w, d, network.PendingDNS); d.Wanted != network.Hidden || !d.Lost || w.Host().Serves("www.example.com") {
			t.Errorf("after the grace it is wanted %s, lost %t", d.Wanted, d.Lost)
		}
		w.CheckSettled()
		w.DNS.LeadRight("www.example.com")
		w.RunFor(time.Hour)
		if d = wantDomain(t, w, d, network.Active); d.Lost {
			t.Error("it still counts as lost")
		}
	})
	t.Run("a platform name is never lost", func(t *testing.T) {
		w, s := withTunnel(t)
		w.DNS.ScriptAddresses(hostname, contradicted)
		w.RunFor(20 * 24 * time.Hour)
		wantStatus(t, w, s, site.Active)
		wantCondition(t, w, s, condition.Condition{Type: condition.Resolves, Status: condition.False, Reason: "DNS_WRONG_TARGET", Actor: condition.Operator})
	})
	t.Run("a check looks at once", func(t *testing.T) {
		w, d := direct(t)
		w.DNS.LeadToAddresses("www.example.com", "198.51.100.9")
		if err := w.TryCheckDomain(d); err != nil {
			t.Fatal(err)
		}
		w.Run()
		wantSaid(t, w, d, condition.Resolves, condition.False, "DNS_WRONG_TARGET", condition.Tenant)
	})
}

func TestClaims_reservation(t *testing.T) {
	t.Parallel()
	t.Run("who held a name last gets it back without a record; S12: anybody else needs one", func(t *testing.T) {
		w, s := withTunnel(t)
		d := w.AddDomain(s, contested, true)
		publishProof(w, d)
		w.Settle()
		if err := w.TryRemoveDomain(d); err != nil {
			t.Fatal(err)
		}
		w.Settle()
		w.DNS.SetTXT(network.ChallengePrefix + contested)
		rival := w.AddDomain(w.CreateFor(w.NewTenant("rival"), "Other"), contested, true)
		w.RunFor(time.Hour)
		wantDomain(t, w, rival, network.PendingDNS)
		again := w.AddDomain(s, contested, true)
		w.RunFor(time.Minute)
		wantDomain(t, w, again, network.Active)
		wantSaid(t, w, again, condition.Owned, condition.True, condition.ReasonReserved, "")
	})
	t.Run("a name that was only claimed reserves nothing", func(t *testing.T) {
		w, s := withTunnel(t)
		d := w.AddDomain(s, contested, true)
		w.RunFor(time.Minute)
		if err := w.TryRemoveDomain(d); err != nil {
			t.Fatal(err)
		}
		w.Settle()
		if owner, ok := reservation(w, contested); ok {
			t.Errorf("it is reserved for %s", owner)
		}
	})
	t.Run("the token is the same for the same tenant and name, and another for anybody else", func(t *testing.T) {
		w, s := withTunnel(t)
		first := w.AddDomain(s, contested, true)
		token := w.Records(first, network.Ownership)[0].Value
		if err := w.TryRemoveDomain(first); err != nil {
			t.Fatal(err)
		}
		w.Settle()
		if again := w.Records(w.AddDomain(s, contested, true), network.Ownership)[0].Value; again != token {
			t.Errorf("the token was %s and is %s", token, again)
		}
		rival := w.AddDomain(w.CreateFor(w.NewTenant("rival"), "Other"), contested, true)
		if w.Records(rival, network.Ownership)[0].Value == token {
			t.Error("two tenants have one token")
		}
	})
	t.Run("a verified name bars other tenants from names below", func(t *testing.T) {
		w, s := withTunnel(t)
		publishProof(w, w.AddDomain(s, contested, true))
		w.Settle()
		rival := w.CreateFor(w.NewTenant("rival"), "Other")
		below := w.AddDomain(rival, "a.b."+contested, true)
		w.RunFor(time.Minute)
		wantSaid(t, w, below, condition.Owned, condition.False, "OWNERSHIP_TXT_MISSING", condition.Tenant)
		publishProof(w, below)
		w.RunFor(10 * time.Minute)
		wantDomain(t, w, below, network.PendingDNS)
		wantSaid(t, w, below, condition.Owned, condition.False, infra.CodeDomainParentTaken, condition.Tenant)
		own := w.AddDomain(s, "c."+contested, true)
		publishProof(w, own)
		w.RunFor(10 * time.Minute)
		wantDomain(t, w, own, network.Active)
	})
}
