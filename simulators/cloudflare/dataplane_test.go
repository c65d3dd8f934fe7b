package cloudflare

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// get asks the data plane for a host.
func get(t *testing.T, server *Server, host, path string) answer {
	t.Helper()
	request, err := http.NewRequest("GET", "http://"+server.DataAddr()+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Host = host
	request.Header.Set("X-Forwarded-For", "192.0.2.77")
	got, err := roundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// origin is a service that says which host it was asked for, and by whom.
func origin(t *testing.T, name string) string {
	t.Helper()
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/moved" {
			http.Redirect(w, r, "/elsewhere", http.StatusFound)
			return
		}
		fmt.Fprintf(w, "%s for %s%s from %s forwarded %s over %s ray %d", name, r.Host, r.URL.Path, r.Header.Get("Cf-Connecting-Ip"),
			r.Header.Get("X-Forwarded-For"), r.Header.Get("X-Forwarded-Proto"), len(r.Header.Get("Cf-Ray")))
	}))
	t.Cleanup(service.Close)
	return strings.TrimPrefix(service.URL, "http://")
}

func configure(t *testing.T, server *Server, rules ...string) {
	t.Helper()
	must(t, server, "PUT", tunnelPath+"/configurations", `{"config":{"ingress":[`+strings.Join(append(rules, `{"service":"http_status:404"}`), ",")+`]}}`)
}

func record(t *testing.T, server *Server, name, content string) {
	t.Helper()
	must(t, server, "POST", recordPath, fmt.Sprintf(`{"type":"CNAME","name":%q,"content":%q,"proxied":true}`, name, content))
}

const toTunnel = tunnelID + tunnelSuffix

func TestDataPlane_forwards_by_the_first_rule_that_matches(t *testing.T) {
	server := setup(t)
	a, b := origin(t, "a"), origin(t, "b")
	record(t, server, "www", toTunnel)
	record(t, server, "*.wild.platform.test", toTunnel)
	record(t, server, "alias", "www.platform.test")
	configure(t, server,
		`{"hostname":"www.platform.test","path":"^/api","service":"http://`+b+`"}`,
		`{"hostname":"www.platform.test","service":"http://`+a+`"}`,
		`{"hostname":"*.wild.platform.test","service":"http://`+b+`","originRequest":{"httpHostHeader":"inner.test"}}`,
		`{"hostname":"alias.platform.test","service":"http_status:418"}`)
	for name, test := range map[string]struct {
		host, path string
		status     int
		want       string
	}{
		"a host":               {"www.platform.test", "/x", 200, "a for www.platform.test/x from 127."},
		"a host with a port":   {"www.platform.test:8088", "/", 200, "a for www.platform.test:8088/"},
		"a host in capitals":   {"WWW.platform.test", "/", 200, "a for WWW.platform.test/"},
		"a path":               {"www.platform.test", "/api/v1", 200, "b for www.platform.test/api/v1"},
		"a wildcard":           {"deep.wild.platform.test", "/", 200, "b for inner.test/"},
		"a record of a record": {"alias.platform.test", "/", 418, ""},
		"a redirect":           {"www.platform.test", "/moved", 302, ""},
	} {
		t.Run(name, func(t *testing.T) {
			got := get(t, server, test.host, test.path)
			if got.status != test.status || !strings.HasPrefix(string(got.body), test.want) && test.want != "" {
				t.Errorf("status %d: %s", got.status, got.body)
			}
		})
	}
	got := string(get(t, server, "www.platform.test", "/").body)
	if !strings.Contains(got, "forwarded 192.0.2.77,127.") || !strings.Contains(got, "over http") || strings.Contains(got, "ray 0") {
		t.Errorf("the service hears %s", got)
	}
}

func TestDataPlane_no_rule_is_for_the_host(t *testing.T) {
	server := setup(t)
	record(t, server, "www", toTunnel)
	configure(t, server, `{"hostname":"other.platform.test","service":"http://127.0.0.1:1"}`)
	if got := get(t, server, "www.platform.test", "/"); got.status != 404 {
		t.Errorf("status %d", got.status)
	}
}

func TestDataPlane_refuses(t *testing.T) {
	server := setup(t)
	record(t, server, "www", toTunnel)
	record(t, server, "dead", "www.plain.test")
	record(t, server, "gone", UUID("none")+tunnelSuffix)
	record(t, server, "down", toTunnel)
	must(t, server, "POST", recordPath, `{"type":"A","name":"addr","content":"192.0.2.1","proxied":true}`)
	must(t, server, "POST", recordPath, `{"type":"CNAME","name":"grey","content":"`+toTunnel+`"}`)
	configure(t, server, `{"hostname":"down.platform.test","service":"http://127.0.0.1:1"}`)
	for name, content := range map[string]string{"stolen": toTunnel, "pointed": "www.platform.test"} {
		if _, err := server.Hand().CreateRecord(customerZone, Record{Type: "CNAME", Name: name, Content: content, Proxied: true}); err != nil {
			t.Fatal(err)
		}
	}
	for host, want := range map[string]string{
		"none.platform.test":    "409 error code: 1001",
		"elsewhere.test":        "409 error code: 1001",
		"grey.platform.test":    "409 error code: 1001",
		"addr.platform.test":    "523 error code: 523",
		"dead.platform.test":    "523 error code: 523",
		"gone.platform.test":    "530 error code: 1033",
		"down.platform.test":    "502 error code: 502",
		"stolen.customer.test":  "403 error code: 1014",
		"pointed.customer.test": "403 error code: 1014",
	} {
		t.Run(host, func(t *testing.T) {
			got := get(t, server, host, "/")
			if have := fmt.Sprintf("%d %s", got.status, got.body); have != want {
				t.Errorf("%s, want %s", have, want)
			}
		})
	}
}

func TestDataPlane_tunnel_without_configuration_or_connector_is_down(t *testing.T) {
	server := setup(t)
	record(t, server, "www", toTunnel)
	down := func(when string) {
		t.Helper()
		if got := get(t, server, "www.platform.test", "/"); got.status != 530 || string(got.body) != "error code: 1033" {
			t.Errorf("%s: %d %s", when, got.status, got.body)
		}
	}
	down("before the first configuration")
	configure(t, server)
	if err := server.Hand().ConnectTunnel(tunnelID, false); err != nil {
		t.Fatal(err)
	}
	down("without connector")
	if got := result[tunnelView](t, must(t, server, "GET", tunnelPath, "")); got.Status != "down" || got.ConnsInactiveAt == nil {
		t.Errorf("the tunnel is %+v", got)
	}
	if err := server.Hand().DeleteTunnel(tunnelID); err != nil {
		t.Fatal(err)
	}
	down("deleted")
}

func TestDataPlane_does_not_run_in_circles(t *testing.T) {
	server := setup(t)
	record(t, server, "ping", "pong.platform.test")
	record(t, server, "pong", "ping.platform.test")
	record(t, server, "self", toTunnel)
	configure(t, server, `{"hostname":"self.platform.test","service":"http://`+server.DataAddr()+`"}`)
	for _, host := range []string{"ping.platform.test", "self.platform.test"} {
		if got := get(t, server, host, "/"); got.status != 403 || string(got.body) != "error code: 1000" {
			t.Errorf("%s: %d %s", host, got.status, got.body)
		}
	}
}

func TestDataPlane_serves_custom_hostnames_by_the_fallback_origin(t *testing.T) {
	server, names, made := hostnameWorld(t)
	a := origin(t, "a")
	configure(t, server, `{"hostname":"www.shop.test","service":"http://`+a+`"}`)
	if got := get(t, server, "www.shop.test", "/"); got.status != 409 {
		t.Errorf("pending, it is served: %d", got.status)
	}
	replace(t, names, "www.shop.test", "CNAME", "cname.platform.test.")
	read1(t, server, made.ID)
	if got := get(t, server, "www.shop.test", "/"); !strings.HasPrefix(string(got.body), "a for www.shop.test/") {
		t.Errorf("status %d: %s", got.status, got.body)
	}
	must(t, server, "DELETE", hostPath+"/"+made.ID, "")
	if got := get(t, server, "www.shop.test", "/"); got.status != 409 {
		t.Errorf("deleted, it is served: %d", got.status)
	}
}

func TestDataPlane_customer_on_cloudflare_keeps_its_own_record_until_it_leads_here(t *testing.T) {
	server, _, _ := hostnameWorld(t)
	configure(t, server, `{"hostname":"www.customer.test","service":"http://`+origin(t, "a")+`"}`)
	hand := server.Hand()
	own, err := hand.CreateRecord(customerZone, Record{Type: "A", Name: "www", Content: "192.0.2.1", Proxied: true})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := hand.CreateCustomHostname(platformZone, "www.customer.test", nil); err != nil {
		t.Fatal(err)
	}
	must(t, server, "GET", hostPath, "") // the address of the data plane proves that it leads here
	if got := get(t, server, "www.customer.test", "/"); got.status != 523 {
		t.Errorf("its own record no longer counts: %d %s", got.status, got.body)
	}
	own.Type, own.Content = "CNAME", "cname.platform.test"
	if err := hand.UpdateRecord(own); err != nil {
		t.Fatal(err)
	}
	must(t, server, "GET", hostPath, "")
	if got := get(t, server, "www.customer.test", "/"); !strings.HasPrefix(string(got.body), "a for www.customer.test/") {
		t.Errorf("status %d: %s", got.status, got.body)
	}
}
