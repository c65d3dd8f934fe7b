package cloudflare_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"

	diagnosisv1 "github.com/siteplane/siteplane/gen/siteplane/diagnosis/v1"
	tunnelv1 "github.com/siteplane/siteplane/gen/siteplane/tunnel/v1"
	"github.com/siteplane/siteplane/simulators/cloudflare"
)

// F55: what is not ours is named, never touched, and holds up nothing else.
func TestApply_leaves_what_is_in_the_way(t *testing.T) {
	taken := map[string]cloudflare.Record{
		"a.shop.test":    {Type: "A", Content: "192.0.2.1"},
		"aaaa.shop.test": {Type: "AAAA", Content: "2001:db8::1", Proxied: true},
		"c.shop.test":    {Type: "CNAME", Content: "elsewhere.test"},
		// The same as ours would be, but not ours.
		"same.shop.test": {Type: "CNAME", Content: tunnelID + ".cfargotunnel.com", Proxied: true},
		"text.shop.test": {Type: "TXT", Content: "hello"},
	}
	w := setup(t)
	routes := []*tunnelv1.Route{record("free.shop.test", shopZone), custom("www.someone.test"), custom("free.tenant.test")}
	for name, r := range taken {
		r.Name, r.ZoneID = name, shopZone
		if _, err := w.sim.Hand().CreateRecord(shopZone, r); err != nil {
			t.Fatal(err)
		}
		routes = append(routes, record(name, shopZone))
	}
	w.guard(t)
	response := w.apply(t, 1, routes...)
	problems := map[string]*diagnosisv1.Diagnosis{}
	for _, p := range response.GetProblems() {
		problems[p.GetHostname()] = p.GetDiagnosis()
	}
	if len(problems) != len(taken)+1 {
		t.Errorf("problems are %v", problems)
	}
	for name, r := range taken {
		d := problems[name]
		wantCode(t, d, diagnosisv1.Code_CODE_RECORD_IN_THE_WAY)
		text := strings.Join(append(d.GetObserved(), d.GetFix()...), "\n")
		for _, want := range []string{r.Type, name, r.Content, "zone shop.test", "Delete or rename"} {
			if !strings.Contains(text, want) {
				t.Errorf("%s: %q does not say %q", name, text, want)
			}
		}
	}
	wantCode(t, problems["www.someone.test"], diagnosisv1.Code_CODE_RECORD_IN_THE_WAY)
	got := w.look(t)
	if !slices.Equal(got.records, []string{target, "free.shop.test"}) || !slices.Equal(got.customs, []string{"free.tenant.test"}) {
		t.Errorf("held is %+v", got)
	}
	w.sim.ResetLog()
	if again := w.apply(t, 2, routes...); again.GetWrites() != 0 || len(w.mutations()) > 0 {
		t.Errorf("what is in the way makes us write: %v", w.mutations())
	}
	reading := w.read(t, record("a.shop.test", shopZone))
	if reading.GetState() != tunnelv1.RouteState_ROUTE_STATE_PARTIAL || len(reading.GetDiagnoses()) != 1 {
		t.Errorf("reading is %v", reading)
	}
	wantCode(t, reading.GetDiagnoses()[0], diagnosisv1.Code_CODE_RECORD_IN_THE_WAY)
	w.apply(t, 3)
}

func wantCode(t *testing.T, d *diagnosisv1.Diagnosis, code diagnosisv1.Code) {
	t.Helper()
	if d.GetCode() != code || d.GetActor() != diagnosisv1.Actor_ACTOR_OPERATOR || d.GetSeverity() != diagnosisv1.Severity_SEVERITY_ERROR {
		t.Errorf("diagnosis is %v, want %s for the operator", d, code)
	}
}

// What Cloudflare's plan does not allow is one route's problem, though Cloudflare
// answers with the status of a refused token.
func TestApply_reports_a_custom_hostname_beyond_the_plan(t *testing.T) {
	for _, code := range []int{1405, 1413} {
		w := setup(t)
		err := w.sim.Inject(cloudflare.Fault{
			Method: http.MethodPost, Path: "/custom_hostnames$", Times: 1, Kind: cloudflare.FaultStatus, Status: http.StatusForbidden, Code: code,
		})
		if err != nil {
			t.Fatal(err)
		}
		response := w.apply(t, 1, append(all(), custom("zzz.tenant.test"))...)
		if len(response.GetProblems()) != 1 || response.GetProblems()[0].GetHostname() != "www.tenant.test" {
			t.Fatalf("problems are %v", response.GetProblems())
		}
		wantCode(t, response.GetProblems()[0].GetDiagnosis(), diagnosisv1.Code_CODE_SERVICE_UNAVAILABLE)
		if got := w.look(t); !slices.Equal(got.customs, []string{"zzz.tenant.test"}) || len(got.rules) != 4 {
			t.Errorf("held is %+v", got)
		}
	}
}

// foreignRule is a configuration with somebody else's rule for a hostname.
func foreignRule(hostname string) json.RawMessage {
	return json.RawMessage(`{"ingress":[{"hostname":"` + hostname + `","path":"/x","service":"http://10.1.1.1:1"},{"service":"http_status:404"}]}`)
}

func TestApply_leaves_a_rule_that_is_in_the_way(t *testing.T) {
	w := setup(t)
	if err := w.sim.Hand().PutConfiguration(tunnelID, foreignRule("WWW.shop.test")); err != nil {
		t.Fatal(err)
	}
	w.guard(t)
	response := w.apply(t, 1, record("www.shop.test", shopZone), record("free.shop.test", shopZone))
	if len(response.GetProblems()) != 1 || response.GetProblems()[0].GetHostname() != "www.shop.test" {
		t.Fatalf("problems are %v", response.GetProblems())
	}
	wantCode(t, response.GetProblems()[0].GetDiagnosis(), diagnosisv1.Code_CODE_RECORD_IN_THE_WAY)
	if got := w.look(t); !slices.Equal(got.rules, []string{"free.shop.test"}) || !slices.Equal(got.records, got.rules) {
		t.Errorf("held is %+v", got)
	}
	reading := w.read(t, record("www.shop.test", shopZone))
	if reading.GetState() != tunnelv1.RouteState_ROUTE_STATE_ABSENT || len(reading.GetDiagnoses()) != 2 {
		t.Fatalf("reading is %v", reading)
	}
	wantCode(t, reading.GetDiagnoses()[0], diagnosisv1.Code_CODE_RECORD_IN_THE_WAY)
	wantCode(t, reading.GetDiagnoses()[1], diagnosisv1.Code_CODE_TUNNEL_NO_RULE)
}

// F55: what is ours and was changed by hand comes back.
func TestApply_repairs_what_is_ours(t *testing.T) {
	routes := []*tunnelv1.Route{record("www.shop.test", shopZone), custom("www.tenant.test")}
	for name, spoil := range map[string]func(h cloudflare.Hand, ours cloudflare.Record) error{
		"content": func(h cloudflare.Hand, ours cloudflare.Record) error {
			ours.Content = "elsewhere.test"
			return h.UpdateRecord(ours)
		},
		"proxied": func(h cloudflare.Hand, ours cloudflare.Record) error {
			ours.Proxied = false
			return h.UpdateRecord(ours)
		},
		"type": func(h cloudflare.Hand, ours cloudflare.Record) error {
			ours.Type, ours.Content = "A", "192.0.2.1"
			return h.UpdateRecord(ours)
		},
		"deleted": func(h cloudflare.Hand, ours cloudflare.Record) error {
			return h.DeleteRecord(ours.ZoneID, ours.ID)
		},
		"custom hostname deleted": func(h cloudflare.Hand, _ cloudflare.Record) error {
			return h.DeleteCustomHostname(saasZone, "www.tenant.test")
		},
		"all rules deleted": func(h cloudflare.Hand, _ cloudflare.Record) error {
			return h.PutConfiguration(tunnelID, json.RawMessage(foreignConfiguration))
		},
		"order of rules": func(h cloudflare.Hand, _ cloudflare.Record) error {
			return h.PutConfiguration(tunnelID, json.RawMessage(strings.Replace(foreignConfiguration, `{"service": "http_status:503"}`,
				ourRule("www.tenant.test", edgeURL)+","+ourRule("www.shop.test", edgeURL)+`,{"service":"http_status:503"}`, 1)))
		},
		"service of a rule": func(h cloudflare.Hand, _ cloudflare.Record) error {
			return h.PutConfiguration(tunnelID, json.RawMessage(strings.Replace(foreignConfiguration, `"ingress": [`,
				`"ingress": [`+ourRule("www.shop.test", "http://10.9.9.9:9")+","+ourRule("www.tenant.test", "unix:/run/x")+",", 1)))
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := setup(t)
			w.apply(t, 1, routes...)
			want := w.sim.Snapshot()
			if err := spoil(w.sim.Hand(), w.ours(t, "www.shop.test")); err != nil {
				t.Fatal(err)
			}
			if string(w.sim.Snapshot()) == string(want) {
				t.Fatal("nothing was spoiled")
			}
			w.apply(t, 2, routes...)
			if got := w.sim.Snapshot(); string(got) != string(want) {
				t.Errorf("after repair %s, want %s", got, want)
			}
		})
	}
}

func ourRule(hostname, service string) string {
	return `{"hostname":"` + hostname + `","service":"` + service + `","originRequest":{"originServerName":"` + ourServer + `"}}`
}

// ours finds the record that we have made, by the answer to a list.
func (w *world) ours(t *testing.T, name string) cloudflare.Record {
	t.Helper()
	httpRequest, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.sim.URL()+"/zones/"+shopZone+"/dns_records?name="+name, nil)
	if err != nil {
		t.Fatal(err)
	}
	httpRequest.Header.Set("Authorization", "Bearer "+token)
	response, err := http.DefaultClient.Do(httpRequest)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	var answer struct{ Result []cloudflare.Record }
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil || len(answer.Result) != 1 {
		t.Fatalf("list has %v, error %v", answer, err)
	}
	found := answer.Result[0]
	found.ZoneID = shopZone
	return found
}

// F56: somebody else writes the configuration between our read and our write.
// What we read back decides; our rules come back, and theirs stay as far as
// Cloudflare keeps them.
func TestApply_races_with_another_writer(t *testing.T) {
	other := strings.Replace(foreignConfiguration, `"http_status:503"`, `"http_status:418"`, 1)
	for name, tt := range map[string]struct {
		method string
		skip   int
	}{
		"before our read":              {http.MethodGet, 0},
		"between our first two reads":  {http.MethodGet, 1},
		"between our write and check":  {http.MethodGet, 2},
		"after our check, and again":   {http.MethodGet, 3},
		"between our read and our PUT": {http.MethodPut, 0},
	} {
		t.Run(name, func(t *testing.T) {
			w := setup(t)
			err := w.sim.Inject(cloudflare.Fault{
				Method: tt.method, Path: "/configurations$", Skip: tt.skip, Times: 1, Kind: cloudflare.FaultRace, Configuration: json.RawMessage(other),
			})
			if err != nil {
				t.Fatal(err)
			}
			w.apply(t, 1, record("www.shop.test", shopZone))
			w.apply(t, 2, record("www.shop.test", shopZone))
			got := w.look(t)
			if !slices.Equal(got.rules, []string{"www.shop.test"}) || !slices.Equal(got.records, got.rules) || len(got.wrong) > 0 {
				t.Errorf("held is %+v", got)
			}
			kept := strings.Contains(strings.Join(got.foreign, "\n"), "418")
			if kept != (tt.method == http.MethodGet) {
				t.Errorf("the other writer's change is kept: %t", kept)
			}
		})
	}
}

// A writer that never stops does not make us fight for ever, and no record is
// written without a rule.
func TestApply_gives_up_against_a_writer_that_never_stops(t *testing.T) {
	w := setup(t)
	err := w.sim.Inject(cloudflare.Fault{
		Method: http.MethodGet, Path: "/configurations$", Skip: 1, Kind: cloudflare.FaultRace, Configuration: json.RawMessage(foreignConfiguration),
	})
	if err != nil {
		t.Fatal(err)
	}
	w.sim.ResetLog()
	_, err = w.client.Apply(t.Context(), w.request(t, 1, record("www.shop.test", shopZone)))
	wantStatus(t, err, codes.Unavailable, "UNAVAILABLE")
	if got := w.look(t); len(got.records) > 0 || len(got.wrong) > 0 {
		t.Errorf("held is %+v", got)
	}
	calls := slices.DeleteFunc(w.sim.Log(), func(c cloudflare.Call) bool { return c.Actor != "token" })
	if puts := len(w.mutations()); puts > 3 || len(calls) > 15 {
		t.Errorf("the configuration was written %d times in %d calls", puts, len(calls))
	}
}

// A record that comes between our look and our write is in the way like any other.
func TestApply_races_with_another_record(t *testing.T) {
	w := setup(t)
	err := w.sim.Inject(cloudflare.Fault{Method: http.MethodPost, Times: 1, Kind: cloudflare.FaultRace,
		Record: &cloudflare.Record{Type: "A", Name: "www.shop.test", Content: "192.0.2.1"}})
	if err != nil {
		t.Fatal(err)
	}
	response := w.apply(t, 1, record("www.shop.test", shopZone))
	if len(response.GetProblems()) != 1 {
		t.Fatalf("problems are %v", response.GetProblems())
	}
	wantCode(t, response.GetProblems()[0].GetDiagnosis(), diagnosisv1.Code_CODE_RECORD_IN_THE_WAY)
}

// F54: a deleted tunnel is named, and nothing is taken for absent.
func TestApply_names_a_deleted_tunnel(t *testing.T) {
	w := setup(t)
	w.apply(t, 1, all()...)
	if err := w.sim.Hand().DeleteTunnel(tunnelID); err != nil {
		t.Fatal(err)
	}
	w.sim.ResetLog()
	_, err := w.client.Apply(t.Context(), w.request(t, 2))
	wantStatus(t, err, codes.Unavailable, "UNAVAILABLE")
	if !strings.Contains(err.Error(), tunnelID) || len(w.mutations()) > 0 {
		t.Errorf("error is %v, calls %v", err, w.mutations())
	}
}

// F59: a list that is behind never makes us take a rule from under a record.
func TestApply_believes_no_old_list(t *testing.T) {
	w := setup(t)
	w.guard(t)
	if err := w.sim.Inject(cloudflare.Fault{Method: http.MethodGet, Path: "/dns_records$", Kind: cloudflare.FaultStale}); err != nil {
		t.Fatal(err)
	}
	_, err := w.client.Apply(t.Context(), w.request(t, 1, record("www.shop.test", shopZone)))
	wantStatus(t, err, codes.Unavailable, "UNAVAILABLE")
	_, err = w.client.Apply(t.Context(), w.request(t, 2))
	wantStatus(t, err, codes.Unavailable, "UNAVAILABLE")
	if got := w.look(t); !slices.Equal(got.rules, got.records) || len(got.records) != 1 {
		t.Errorf("held is %+v", got)
	}
	w.sim.Clear()
	w.apply(t, 3)
	if got := w.look(t); len(got.rules)+len(got.records) > 0 {
		t.Errorf("held is %+v", got)
	}
}
