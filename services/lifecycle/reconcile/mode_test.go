package reconcile_test

import (
	"slices"
	"testing"
	"time"

	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/app/apptest"
	"github.com/siteplane/siteplane/services/lifecycle/condition"
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
