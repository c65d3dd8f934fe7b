package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"

	diagnosisv1 "github.com/siteplane/siteplane/gen/siteplane/diagnosis/v1"
	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
)

// What nobody can claim, each with its diagnosis; nothing of it is stored.
func TestDomain_refuses_what_is_no_hostname(t *testing.T) {
	t.Parallel()
	i := startInstallation(t)
	site := i.create("shop", "--origin", startOrigin(t, "shop"))
	long := strings.Repeat("a.", 125) + "test"
	for name, reason := range map[string]string{
		"https://www.shop.test": "NAME_INVALID", "www.shop.test:8080": "NAME_INVALID", "www.shop.test/path": "NAME_INVALID",
		"192.0.2.7": "NAME_INVALID", "2001:db8::7": "NAME_INVALID", "my_shop.shop.test": "NAME_INVALID", long: "NAME_INVALID",
		"*.shop.test": "NAME_INVALID", "intranet": "NAME_INVALID", "co.uk": "NAME_PUBLIC_SUFFIX", "github.io": "NAME_PUBLIC_SUFFIX",
		"pаypal.shop.test": "NAME_IDN", "xn--a.shop.test": "NAME_IDN", "www.siteplane.localhost": "DOMAIN_PARENT_TAKEN",
	} {
		if len(name) > 253 != (name == long) {
			t.Fatalf("%q has %d bytes", name, len(name))
		}
		got := i.run("domain", "add", site, name)
		if got.code == exitOK || !strings.Contains(got.stderr, reason) {
			t.Errorf("%q: exit code %d, %s; want %s", name, got.code, got.stderr, reason)
		}
	}
	var listed lifecyclev1.ListDomainsResponse
	i.must(&listed, "domain", "list", "--site", site)
	if len(listed.GetDomains()) != 1 || listed.GetDomains()[0].GetKind() != lifecyclev1.DomainKind_DOMAIN_KIND_PLATFORM {
		t.Errorf("the site has the domains %v", listed.GetDomains())
	}
	var made lifecyclev1.GetDomainResponse
	i.must(&made, "domain", "add", site, "MÜNCHEN.shop.test", "--direct")
	if got := made.GetDomain().GetHostname(); got != "xn--mnchen-3ya.shop.test" {
		t.Errorf("it was stored as %q", got)
	}
	if page := i.run("domain", "get", "münchen.shop.test").stdout; !strings.Contains(page, "münchen.shop.test") {
		t.Errorf("people are not shown the name as they write it: %s", page)
	}
}

// F55, I17: a record that is not ours stands where ours must go. It is named, it
// is not touched, and the domain goes on once its owner took it away.
func TestDomain_waits_for_a_record_in_the_way(t *testing.T) {
	t.Parallel()
	i := startInstallation(t)
	site := i.create("shop", "--origin", startOrigin(t, "shop"))
	const zone = "020e0000000000000000000000000001"
	record := i.simulate("POST", "/zones/"+zone+"/records", `{"type": "A", "name": "www.managed.test", "content": "203.0.113.9"}`)
	id, _ := record["id"].(string)
	if id == "" {
		t.Fatalf("the simulator made %v", record)
	}
	i.must(&lifecyclev1.GetDomainResponse{}, "domain", "add", site, "www.managed.test")
	d := i.awaitDomain("www.managed.test", "TunnelRouted", "RECORD_IN_THE_WAY")
	if got := domainCondition(d, "TunnelRouted"); got.GetActor() != diagnosisv1.Actor_ACTOR_OPERATOR || !strings.Contains(fmt.Sprint(got), "203.0.113.9") {
		t.Errorf("it does not name the record and who must act: %v", got)
	}
	if state := fmt.Sprint(i.simulate("GET", "/state", "")); !strings.Contains(state, "203.0.113.9") {
		t.Errorf("the record was touched: %s", state)
	}
	i.simulate("DELETE", "/zones/"+zone+"/records/"+id, "")
	i.awaitDomain("www.managed.test", "Serving", "CONFIRMED")
}

// F57: a token that may not is the operator's to mend, and is named.
func TestDomain_waits_for_a_permission(t *testing.T) {
	t.Parallel()
	i := startInstallation(t)
	site := i.create("shop", "--origin", startOrigin(t, "shop"))
	token, err := os.ReadFile(i.data("cloudflare-token"))
	check(t, err)
	allow := func(permissions ...string) {
		body, err := json.Marshal(map[string]any{"secret": strings.TrimSpace(string(token)), "permissions": permissions})
		check(t, err)
		i.simulate("PUT", "/tokens", string(body))
	}
	allow("zone:read", "tunnel:edit", "custom_hostnames:edit")
	i.must(&lifecyclev1.GetDomainResponse{}, "domain", "add", site, "www.managed.test")
	d := i.awaitDomain("www.managed.test", "TunnelRouted", "CLOUDFLARE_PERMISSION")
	if got := domainCondition(d, "TunnelRouted"); got.GetActor() != diagnosisv1.Actor_ACTOR_OPERATOR || !strings.Contains(got.GetMessage(), "DNS") {
		t.Errorf("it does not name the permission and who must act: %v", got)
	}
	allow("zone:read", "dns:edit", "tunnel:edit", "custom_hostnames:edit")
	i.awaitDomain("www.managed.test", "Serving", "CONFIRMED")
}

// I16: an installation that comes back to a world that is as it shall be changes
// nothing at Cloudflare.
func TestDomain_outlives_a_restart_without_a_write(t *testing.T) {
	t.Parallel()
	i := startInstallation(t)
	site := i.create("shop", "--origin", startOrigin(t, "shop"))
	i.must(&lifecyclev1.GetDomainResponse{}, "domain", "add", site, "www.managed.test")
	i.awaitDomain("www.managed.test", "Serving", "CONFIRMED")
	i.stop()
	i.start()
	i.awaitDomain("www.managed.test", "Serving", "CONFIRMED")
	eventually(t, "the tunnel is read", func() (string, bool) {
		calls := i.cloudflareCalls()
		for _, c := range calls {
			if c.Method == http.MethodGet && strings.HasSuffix(c.Path, "/configurations") {
				return "", true
			}
		}
		return fmt.Sprint(calls), false
	})
	for _, c := range i.cloudflareCalls() {
		if c.Mutating {
			t.Errorf("%s %s", c.Method, c.Path)
		}
	}
}

// awaitDomain waits until a condition of a domain has a reason, and looks again
// and again for it.
func (i *installation) awaitDomain(hostname, kind, reason string) (d *lifecyclev1.Domain) {
	i.t.Helper()
	eventually(i.t, hostname+" says "+reason, func() (string, bool) {
		var found lifecyclev1.GetDomainResponse
		i.must(&found, "domain", "get", hostname)
		if d = found.GetDomain(); domainCondition(d, kind).GetReason() == reason {
			return "", true
		}
		i.must(&found, "domain", "check", hostname)
		return fmt.Sprint(d.GetStatus(), d.GetConditions()), false
	})
	return d
}

func domainCondition(d *lifecyclev1.Domain, kind string) *lifecyclev1.Condition {
	for _, c := range d.GetConditions() {
		if c.GetType() == kind {
			return c
		}
	}
	return nil
}

// simulate does something to the simulated Cloudflare as somebody else would, and
// returns its answer if that is an object.
func (i *installation) simulate(method, path, body string) map[string]any {
	i.t.Helper()
	answer := map[string]any{}
	_ = json.Unmarshal(i.control(method, path, body), &answer) // some answer nothing
	return answer
}

func (i *installation) control(method, path, body string) []byte {
	i.t.Helper()
	request, err := http.NewRequestWithContext(i.t.Context(), method, "http://"+loopback(i.base+offsets.cloudflare)+"/_sim"+path, bytes.NewBufferString(body))
	check(i.t, err)
	response, err := http.DefaultClient.Do(request)
	check(i.t, err)
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	check(i.t, err)
	if response.StatusCode >= 300 {
		i.t.Fatalf("%s %s: %s %s", method, path, response.Status, answer)
	}
	return answer
}

// cloudflareCall is one line of the simulator's log.
type cloudflareCall struct {
	Method, Path     string
	Mutating, Effect bool
}

func (i *installation) cloudflareCalls() (calls []cloudflareCall) {
	i.t.Helper()
	check(i.t, json.Unmarshal(i.control("GET", "/log", ""), &calls))
	return calls
}
