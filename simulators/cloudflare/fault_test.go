package cloudflare

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"
)

const newRecord = `{"type":"A","name":"new","content":"192.0.2.1"}`

func inject(t *testing.T, server *Server, f Fault) {
	t.Helper()
	if err := server.Inject(f); err != nil {
		t.Fatal(err)
	}
}

// there reports whether the record of newRecord is there.
func there(t *testing.T, server *Server) bool {
	t.Helper()
	server.Clear()
	return len(result[[]recordView](t, must(t, server, "GET", recordPath+"?name=new.platform.test", ""))) > 0
}

func TestFault_answers(t *testing.T) {
	for name, test := range map[string]struct {
		fault Fault
		want  func(t *testing.T, got answer)
	}{
		"429": {Fault{Kind: FaultStatus, Status: 429, RetryAfter: 7}, func(t *testing.T, got answer) {
			if got.status != 429 || got.code() != 971 || got.header.Get("Retry-After") != "7" || got.header.Get("Ratelimit") != `"default";r=0;t=7` {
				t.Errorf("%d %v %s", got.status, got.header, got.body)
			}
		}},
		"502 in HTML": {Fault{Kind: FaultStatus, Status: 502}, func(t *testing.T, got answer) {
			if got.status != 502 || !strings.HasPrefix(string(got.body), "<html>") || !strings.HasPrefix(got.header.Get("Content-Type"), "text/html") {
				t.Errorf("%d %v %s", got.status, got.header, got.body)
			}
		}},
		"403 with a code": {Fault{Kind: FaultStatus, Status: 403, Code: 9109}, func(t *testing.T, got answer) {
			if got.status != 403 || got.code() != 9109 {
				t.Errorf("%d %s", got.status, got.body)
			}
		}},
		"success false": {Fault{Kind: FaultSuccessFalse}, func(t *testing.T, got answer) {
			if got.status != 200 || got.Success || got.code() == 0 {
				t.Errorf("%d %s", got.status, got.body)
			}
		}},
		"broken JSON": {Fault{Kind: FaultMalformed}, func(t *testing.T, got answer) {
			if got.status != 200 || json.Valid(got.body) {
				t.Errorf("%d %s", got.status, got.body)
			}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			server := setup(t)
			inject(t, server, test.fault)
			got, _ := do(server, secret, "POST", recordPath, newRecord)
			test.want(t, got)
			if calls := server.Log(); len(calls) != 1 || calls[0].Effect || !calls[0].Mutating || calls[0].Status != got.status {
				t.Errorf("log is %+v", calls)
			}
			if there(t, server) {
				t.Error("it has an effect")
			}
		})
	}
}

func TestFault_leaves_the_outcome_in_doubt(t *testing.T) {
	for kind, applies := range map[FaultKind]bool{FaultDropBefore: false, FaultApplyThenDrop: true, FaultApplyThenHang: true} {
		t.Run(string(kind), func(t *testing.T) {
			server := setup(t)
			inject(t, server, Fault{Kind: kind})
			ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
			defer cancel()
			request, err := http.NewRequestWithContext(ctx, "POST", server.URL()+recordPath, strings.NewReader(newRecord))
			if err != nil {
				t.Fatal(err)
			}
			request.Header.Set("Authorization", "Bearer "+secret)
			if got, err := roundTrip(request); err == nil {
				t.Errorf("it is answered: %d %s", got.status, got.body)
			}
			if gaveUp := ctx.Err() != nil; gaveUp != (kind == FaultApplyThenHang) {
				t.Errorf("the client gave up: %t", gaveUp)
			}
			if calls := server.Log(); len(calls) != 1 || calls[0].Status != 0 || calls[0].Effect != applies {
				t.Errorf("log is %+v", calls)
			}
			if got := there(t, server); got != applies {
				t.Errorf("it has an effect: %t", got)
			}
		})
	}
}

func TestFault_hanging_calls_end_with_the_server(t *testing.T) {
	cfg := testConfig()
	server, err := Listen(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(ctx) }()
	inject(t, server, Fault{Kind: FaultApplyThenHang})
	answered := make(chan error, 1)
	go func() {
		_, err := do(server, secret, "POST", recordPath, newRecord)
		answered <- err
	}()
	for len(server.Log()) == 0 {
		select {
		case err := <-answered:
			t.Fatal("answered before its effect", err)
		case <-time.After(time.Millisecond):
		}
	}
	begin := time.Now()
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if err := <-answered; err == nil {
		t.Error("the hanging call is answered")
	}
	if took := time.Since(begin); took > stopTimeout {
		t.Errorf("stopping took %v", took)
	}
}

func TestFault_meets_the_calls_that_it_is_for(t *testing.T) {
	server := setup(t)
	inject(t, server, Fault{Kind: FaultStatus, Status: 500, Method: "GET", Path: "^/zones$", Skip: 1, Times: 2})
	for i, want := range []int{200, 500, 500, 200} {
		if got := api(t, server, "GET", "/zones", ""); got.status != want {
			t.Errorf("call %d: %d, want %d", i, got.status, want)
		}
		must(t, server, "GET", recordPath, "")
	}
	inject(t, server, Fault{Kind: FaultStatus})
	for range 3 {
		if got := api(t, server, "GET", "/zones", ""); got.status != 500 {
			t.Errorf("without times: %d", got.status)
		}
	}
	server.Clear()
	must(t, server, "GET", "/zones", "")
	if server.Inject(Fault{Kind: "other"}) == nil || server.Inject(Fault{Kind: FaultRace, Path: "("}) == nil {
		t.Error("a fault that cannot be is injected")
	}
}

func TestFault_race_lets_somebody_else_put_first(t *testing.T) {
	server := setup(t)
	theirs := `{"ingress":[{"hostname":"theirs.test","service":"http://127.0.0.1:1"},{"service":"http_status:404"}]}`
	inject(t, server, Fault{Kind: FaultRace, Method: "PUT", Path: "/configurations$", Times: 1, Configuration: json.RawMessage(theirs)})
	ours := `{"config":{"ingress":[{"service":"http_status:404"}]}}`
	got := result[configurationView](t, must(t, server, "PUT", tunnelPath+"/configurations", ours))
	if got.Version != 2 || strings.Contains(string(got.Config), "theirs") {
		t.Errorf("put %+v", got)
	}
	calls := server.Log()
	if len(calls) != 2 || calls[0].Actor != "hand" || !strings.Contains(calls[0].RequestBody, "theirs.test") || calls[1].Actor != "token" {
		t.Errorf("log is %+v", calls)
	}
}

func TestFault_race_shifts_the_pages_of_a_list(t *testing.T) {
	server := setup(t)
	for _, name := range []string{"b", "c", "d"} {
		must(t, server, "POST", recordPath, `{"type":"A","name":"`+name+`","content":"192.0.2.1"}`)
	}
	inject(t, server, Fault{Kind: FaultRace, Method: "GET", Path: "/dns_records$", Skip: 1, Times: 1,
		Record: &Record{Type: "A", Name: "a", Content: "192.0.2.1"}})
	seen := map[string]bool{}
	for _, page := range []string{"1", "2"} {
		for _, r := range result[[]recordView](t, must(t, server, "GET", recordPath+"?per_page=2&page="+page, "")) {
			seen[r.Name] = true
		}
	}
	if seen["a.platform.test"] || !seen["d.platform.test"] || len(seen) != 3 {
		t.Errorf("the pages show %v", seen)
	}
}

func TestFault_stale_reads_come_from_the_past(t *testing.T) {
	server := setup(t)
	inject(t, server, Fault{Kind: FaultStale})
	must(t, server, "POST", recordPath, newRecord)
	if got := string(must(t, server, "GET", recordPath, "").Result); got != "[]" {
		t.Errorf("the past holds %s", got)
	}
	if got := api(t, server, "POST", recordPath, newRecord); got.code() != 81058 {
		t.Errorf("a change happens in the past: %d %s", got.status, got.body)
	}
	if !there(t, server) {
		t.Error("the present does not hold it")
	}
}
