package reconcile_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/siteplane/siteplane/services/lifecycle/app/apptest"
	"github.com/siteplane/siteplane/services/lifecycle/condition"
	"github.com/siteplane/siteplane/services/lifecycle/desired"
	"github.com/siteplane/siteplane/services/lifecycle/infra"
	"github.com/siteplane/siteplane/services/lifecycle/infra/fake"
	"github.com/siteplane/siteplane/services/lifecycle/network"
)

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
		writes, written, looks := w.Tunnel.Writes(), w.Written(), len(w.Tunnel.Calls("Observe"))
		w.RunFor(3*time.Hour + time.Minute)
		if w.Tunnel.Writes() != writes || w.Written() != written {
			t.Errorf("%d writes at the tunnel, rows %+v, before %+v", w.Tunnel.Writes()-writes, w.Written(), written)
		}
		if n := len(w.Tunnel.Calls("Observe")) - looks; n < 3 {
			t.Errorf("the tunnel was compared %d times in three hours", n)
		}
	})
}
