package fake_test

import (
	"testing"

	"github.com/siteplane/siteplane/internal/platform/digest"
	"github.com/siteplane/siteplane/services/lifecycle/condition"
	"github.com/siteplane/siteplane/services/lifecycle/desired"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/infra"
	"github.com/siteplane/siteplane/services/lifecycle/infra/fake"
)

// found is a finding in one word: its outcome, or the code of what is wrong.
func found(t *testing.T, f infra.Finding, err error) string {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	if len(f.Diagnoses) > 0 {
		return f.Diagnoses[0].Code
	}
	return string(f.Outcome)
}

func TestDNS_CheckAddresses(t *testing.T) {
	const name = "a.tenant.example"
	edges := infra.RightTarget{EdgeAddresses: []string{"192.0.2.1", "192.0.2.2"}}
	saas := infra.RightTarget{Name: "edge.ours.example", Cloudflare: true}
	d := fake.NewDNS(fake.NewEdges())
	for _, tt := range []struct {
		what         string
		lead         func()
		direct, saas string
	}{
		{"right by itself", func() {}, "confirmed", "confirmed"},
		{"one of the edges", func() { d.LeadToAddresses(name, "192.0.2.2") }, "confirmed", "DNS_WRONG_TARGET"},
		{"an edge and another", func() { d.LeadToAddresses(name, "192.0.2.1", "192.0.2.9") }, "DNS_WRONG_TARGET", "DNS_WRONG_TARGET"},
		{"the target", func() { d.LeadToName(name, "edge.ours.example") }, "DNS_WRONG_TARGET", "confirmed"},
		{"another name", func() { d.LeadToName(name, "edge.example") }, "DNS_WRONG_TARGET", "DNS_WRONG_TARGET"},
		{"Cloudflare", func() { d.LeadToCloudflare(name) }, "PROXY_UNEXPECTED", "confirmed"},
		{"nowhere", func() { d.LeadNowhere(name) }, "DNS_NXDOMAIN", "DNS_NXDOMAIN"},
		{"right again", func() { d.LeadRight(name) }, "confirmed", "confirmed"},
	} {
		tt.lead()
		for right, want := range map[*infra.RightTarget]string{&edges: tt.direct, &saas: tt.saas} {
			f, err := d.CheckAddresses(t.Context(), name, *right)
			if got := found(t, f, err); got != want {
				t.Errorf("%s, right is %+v: %s, want %s", tt.what, *right, got, want)
			}
		}
	}
	t.Run("where nothing is right, nothing is confirmed", func(t *testing.T) {
		f, err := d.CheckAddresses(t.Context(), "b.tenant.example", infra.RightTarget{})
		if got := found(t, f, err); got != "DNS_WRONG_TARGET" {
			t.Errorf("got %s", got)
		}
	})
}

func TestDNS_CheckOwnership(t *testing.T) {
	d := fake.NewDNS(fake.NewEdges())
	for _, tt := range []struct {
		values []string
		want   string
	}{
		{nil, "OWNERSHIP_TXT_MISSING"}, {[]string{"x"}, "OWNERSHIP_TXT_WRONG"}, {[]string{"x", "token"}, "confirmed"},
		{[]string{"token "}, "OWNERSHIP_TXT_WRONG"}, {nil, "OWNERSHIP_TXT_MISSING"},
	} {
		d.SetTXT("_C.a.tenant.example", tt.values...)
		f, err := d.CheckOwnership(t.Context(), "a.tenant.example", "_c.a.tenant.example", "token")
		if got := found(t, f, err); got != tt.want {
			t.Errorf("%q gives %s, want %s", tt.values, got, tt.want)
		}
	}
}

func TestDNS_faults(t *testing.T) {
	const name = "a.tenant.example"
	d := fake.NewDNS(fake.NewEdges())
	d.SetTXT(name, "token")
	asking := map[string]func() (infra.Finding, error){
		"CheckAddresses": func() (infra.Finding, error) {
			return d.CheckAddresses(t.Context(), name, infra.RightTarget{Cloudflare: true})
		},
		"CheckOwnership": func() (infra.Finding, error) { return d.CheckOwnership(t.Context(), name, name, "token") },
		"ProbeHostname":  func() (infra.Finding, error) { return d.ProbeHostname(t.Context(), infra.Probe{Hostname: name}) },
	}
	scripts := map[string]func(string, ...fake.Answer){
		"CheckAddresses": d.ScriptAddresses, "CheckOwnership": d.ScriptOwnership, "ProbeHostname": d.ScriptProbes,
	}
	for method, ask := range asking {
		unscripted, err := ask()
		was := found(t, unscripted, err)
		scripts[method](name, fake.Unknown("DNS_SERVFAIL", condition.Nobody), fake.Contradict("DNS_NXDOMAIN", condition.Tenant))
		for _, want := range []string{"DNS_SERVFAIL", "DNS_NXDOMAIN", "DNS_NXDOMAIN"} {
			f, err := ask()
			if got := found(t, f, err); got != want {
				t.Errorf("%s: %s, want %s", method, got, want)
			}
		}
		d.SetDown(true)
		if _, err := ask(); !down(err) {
			t.Errorf("%s while down: %v", method, err)
		}
		d.SetDown(false)
		scripts[method](name)
		f, err := ask()
		if got := found(t, f, err); got != was {
			t.Errorf("%s after the script: %s, want %s", method, got, was)
		}
		if got := len(d.Calls(method)); got != 6 {
			t.Errorf("%s was called %d times", method, got)
		}
	}
}

// A name that leads into the tunnel is there, and arrives, only by what the
// tunnel holds.
func TestDNS_Through(t *testing.T) {
	edges, tun := fake.NewEdges(), newTunnel()
	c := &caller{T: t, tun: tun}
	const edge = id.Edge("edge_1")
	host := edges.Host(edge)
	_, err := edges.Apply(t.Context(), edge, serving(managed.Hostname, custom.Hostname, "direct.tenant.example"))
	if err != nil {
		t.Fatal(err)
	}
	state, err := edges.State(t.Context(), edge)
	if err != nil || !host.Serves(managed.Hostname) {
		t.Fatal(err)
	}
	d := fake.NewDNS(edges)
	d.Through(tun)
	d.LeadToName(custom.Hostname, "edge.ours.example")
	probe := func(hostname string, policy infra.ProbePolicy) string {
		t.Helper()
		f, err := d.ProbeHostname(t.Context(), infra.Probe{Hostname: hostname, Policy: policy, Accepted: map[id.Edge][]byte{edge: state.ProbePublicKey}})
		return found(t, f, err)
	}
	lead := func() string {
		t.Helper()
		f, err := d.CheckAddresses(t.Context(), managed.Hostname, infra.RightTarget{Cloudflare: true})
		return found(t, f, err)
	}
	want := func(what, managedName, customName, leads string) {
		t.Helper()
		if m, cu, l := probe(managed.Hostname, infra.ProbePublic), probe(custom.Hostname, infra.ProbePublic), lead(); m != managedName || cu != customName || l != leads {
			t.Errorf("%s: %s, %s and %s; want %s, %s and %s", what, m, cu, l, managedName, customName, leads)
		}
		if got := probe("direct.tenant.example", infra.ProbePublic); got != "confirmed" {
			t.Errorf("%s: a name that leads to the edges gives %s", what, got)
		}
		if got := probe(managed.Hostname, infra.ProbeEdge); got != "confirmed" {
			t.Errorf("%s: a probe of the edges gives %s", what, got)
		}
	}
	want("nothing routed", "PROXY_NOT_OURS", "PROXY_NOT_OURS", "DNS_NXDOMAIN")
	c.must(managed, custom)
	want("both routed", "confirmed", "confirmed", "confirmed")
	tun.Pend(custom.Hostname)
	want("one pending", "confirmed", "PROXY_NOT_OURS", "confirmed")
	tun.RemoveRule(managed.Hostname)
	want("a rule removed", "PROXY_NOT_OURS", "PROXY_NOT_OURS", "confirmed")
	tun.RemoveRecord(managed.Hostname)
	want("its record too", "PROXY_NOT_OURS", "PROXY_NOT_OURS", "DNS_NXDOMAIN")
	tun.Activate(custom.Hostname)
	c.must(desired.TunnelRoute{Hostname: custom.Hostname, Kind: desired.ByCustomHostname})
	want("one unpublished", "PROXY_NOT_OURS", "confirmed", "DNS_NXDOMAIN")
}

// serving is a whole update of an edge with one site under these names.
func serving(hostnames ...string) infra.EdgeUpdate {
	s := desired.EdgeSite{SiteID: "site_1", Revision: 1, Hostnames: hostnames}
	return infra.EdgeUpdate{Whole: true, Sites: []desired.EdgeSite{s}, Digest: digestOf(s)}
}

func digestOf(s desired.EdgeSite) string {
	set := digest.NewSet()
	set.Put(string(s.SiteID), s.Sum())
	return set.Digest()
}
