package cloudflare

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
)

// control sends a call to the control API.
func control(t *testing.T, server *Server, method, path, body string) answer {
	t.Helper()
	request, err := http.NewRequest(method, server.ControlURL()+"/_sim"+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	got, err := roundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestControl_injects_and_clears(t *testing.T) {
	server := setup(t)
	if got := control(t, server, "POST", "/faults", `{"kind":"status","status":503,"path":"^/zones$"}`); got.status != 204 {
		t.Fatalf("inject: %d %s", got.status, got.body)
	}
	if got := api(t, server, "GET", "/zones", ""); got.status != 503 {
		t.Errorf("with the fault: %d", got.status)
	}
	control(t, server, "DELETE", "/faults", "")
	must(t, server, "GET", "/zones", "")
	if got := control(t, server, "POST", "/faults", `{"kind":"other"}`); got.status != 400 {
		t.Errorf("a fault that cannot be: %d", got.status)
	}
	if got := control(t, server, "POST", "/faults", `{`); got.status != 400 {
		t.Errorf("broken JSON: %d", got.status)
	}
}

func TestControl_answers_no_web_page(t *testing.T) {
	server := setup(t)
	for name, change := range map[string]func(*http.Request){
		"of another origin":    func(r *http.Request) { r.Header.Set("Origin", "https://attacker.test") },
		"under another's name": func(r *http.Request) { r.Host = "attacker.test:8787" },
	} {
		t.Run(name, func(t *testing.T) {
			request, err := http.NewRequest("DELETE", server.ControlURL()+"/_sim/log", nil)
			if err != nil {
				t.Fatal(err)
			}
			change(request)
			got, err := roundTrip(request)
			if err != nil || got.status != 403 {
				t.Errorf("%v: %d %s", err, got.status, got.body)
			}
		})
	}
}

func TestControl_takes_permissions(t *testing.T) {
	server := setup(t)
	control(t, server, "PUT", "/tokens", `{"secret":"`+secret+`","permissions":["zone:read"]}`)
	if got := api(t, server, "GET", recordPath, ""); got.status != 403 {
		t.Errorf("records: %d", got.status)
	}
	must(t, server, "GET", "/zones", "")
}

func TestControl_acts_as_somebody_else(t *testing.T) {
	server := setup(t)
	zone := "/zones/" + platformZone
	made := control(t, server, "POST", zone+"/records", `{"type":"A","name":"theirs","content":"192.0.2.1","comment":"by hand"}`)
	var r Record
	if err := json.Unmarshal(made.body, &r); err != nil || r.ID == "" || r.Name != "theirs.platform.test" {
		t.Fatalf("%v: %d %s", err, made.status, made.body)
	}
	for _, call := range [][3]string{
		{"PUT", zone + "/records/" + r.ID, `{"type":"A","name":"theirs","content":"192.0.2.2"}`},
		{"DELETE", zone + "/records/" + r.ID, ""},
		{"POST", zone + "/custom_hostnames", `{"hostname":"www.shop.test"}`},
		{"DELETE", zone + "/custom_hostnames/www.shop.test", ""},
		{"PUT", "/tunnels/" + tunnelID + "/configuration", `{"ingress":[{"service":"http_status:404"}]}`},
		{"PUT", "/tunnels/" + tunnelID + "/connected", `false`},
		{"DELETE", "/tunnels/" + tunnelID, ""},
	} {
		if got := control(t, server, call[0], call[1], call[2]); got.status >= 300 {
			t.Errorf("%s %s: %d %s", call[0], call[1], got.status, got.body)
		}
	}
	var calls []Call
	if err := json.Unmarshal(control(t, server, "GET", "/log", "").body, &calls); err != nil {
		t.Fatal(err)
	}
	if len(calls) != 8 {
		t.Errorf("there are %d calls", len(calls))
	}
	for _, c := range calls {
		if c.Actor != "hand" || !c.Mutating || !c.Effect {
			t.Errorf("logged %+v", c)
		}
	}
	if got := control(t, server, "DELETE", zone+"/records/"+r.ID, ""); got.status != 404 {
		t.Errorf("a record that is gone: %d %s", got.status, got.body)
	}
}

func TestControl_shows_log_and_state(t *testing.T) {
	server := setup(t)
	must(t, server, "POST", recordPath, newRecord)
	must(t, server, "GET", recordPath, "")
	api(t, server, "POST", recordPath, newRecord)
	calls := server.Log()
	if len(calls) != 3 || !calls[0].Effect || calls[1].Mutating || !calls[2].Mutating || calls[2].Effect || calls[2].Status != 400 || calls[2].Seq != 3 {
		t.Errorf("log is %+v", calls)
	}
	control(t, server, "DELETE", "/log", "")
	if got := server.Log(); len(got) != 0 {
		t.Errorf("after the reset it holds %+v", got)
	}
	if got := control(t, server, "GET", "/state", "").body; !bytes.Equal(got, server.Snapshot()) || !bytes.Contains(got, []byte("new.platform.test")) {
		t.Errorf("state is %s", got)
	}
}

func TestSnapshot_does_not_tell_the_way_from_the_end(t *testing.T) {
	straight, winding := setup(t), setup(t)
	must(t, straight, "POST", recordPath, newRecord)
	config := `{"config":{"ingress":[{"service":"http_status:404"}],"a":1}}`
	must(t, straight, "PUT", tunnelPath+"/configurations", config)

	other := result[recordView](t, must(t, winding, "POST", recordPath, `{"type":"A","name":"new","content":"192.0.2.9"}`))
	must(t, winding, "PUT", tunnelPath+"/configurations", `{"config":{"a":1,"ingress":[{"service":"http_status:404"}]}}`)
	must(t, winding, "DELETE", recordPath+"/"+other.ID, "")
	gone := result[tunnelView](t, must(t, winding, "POST", "/accounts/"+platform+"/cfd_tunnel", `{"name":"gone"}`))
	must(t, winding, "DELETE", "/accounts/"+platform+"/cfd_tunnel/"+gone.ID, "")
	must(t, winding, "POST", recordPath, newRecord)
	must(t, winding, "PUT", tunnelPath+"/configurations", config)
	if a, b := straight.Snapshot(), winding.Snapshot(); !bytes.Equal(a, b) {
		t.Errorf("the states differ:\n%s\n%s", a, b)
	}
	must(t, winding, "POST", recordPath, `{"type":"A","name":"more","content":"192.0.2.9"}`)
	if bytes.Equal(straight.Snapshot(), winding.Snapshot()) {
		t.Error("different states are equal")
	}
}
