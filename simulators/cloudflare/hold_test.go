package cloudflare

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"
)

// begin sends a call and returns how it ends.
func begin(ctx context.Context, t *testing.T, server *Server) <-chan answer {
	t.Helper()
	request, err := http.NewRequestWithContext(ctx, "POST", server.URL()+recordPath, strings.NewReader(newRecord))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+secret)
	ended := make(chan answer, 1)
	go func() {
		got, err := roundTrip(request)
		if err != nil {
			got = answer{}
		}
		ended <- got
	}()
	return ended
}

// waitHeld waits until so many calls are held, over HTTP.
func waitHeld(t *testing.T, server *Server, want int) []HeldCall {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		var held []HeldCall
		if err := json.Unmarshal(control(t, server, "GET", "/held", "").body, &held); err != nil {
			t.Fatal(err)
		}
		if len(held) == want {
			return held
		}
	}
	t.Fatalf("never %d calls are held", want)
	return nil
}

func TestHold_keeps_a_call_until_it_is_released(t *testing.T) {
	for kind, before := range map[FaultKind]bool{FaultHold: false, FaultApplyThenHold: true} {
		t.Run(string(kind), func(t *testing.T) {
			server := setup(t)
			if got := control(t, server, "POST", "/faults", `{"kind":"`+string(kind)+`","method":"POST","times":1}`); got.status != 204 {
				t.Fatalf("inject: %d %s", got.status, got.body)
			}
			ended := begin(t.Context(), t, server)
			held := waitHeld(t, server, 1)
			if held[0].Method != "POST" || held[0].Path != recordPath || held[0].Effect != before {
				t.Errorf("held is %+v", held)
			}
			if got := there(t, server); got != before {
				t.Errorf("it has an effect while it is held: %t", got)
			}
			control(t, server, "POST", "/release", "")
			if got := <-ended; got.status != 200 {
				t.Errorf("released, it is answered %d %s", got.status, got.body)
			}
			waitHeld(t, server, 0)
			if !there(t, server) {
				t.Error("released, it has no effect")
			}
		})
	}
}

func TestHold_ends_when_the_client_goes_away(t *testing.T) {
	for kind, applies := range map[FaultKind]bool{FaultHold: false, FaultApplyThenHold: true} {
		t.Run(string(kind), func(t *testing.T) {
			server := setup(t)
			inject(t, server, Fault{Kind: kind, Method: "POST", Times: 1})
			ctx, cancel := context.WithCancel(t.Context())
			ended := begin(ctx, t, server)
			waitHeld(t, server, 1)
			cancel()
			<-ended
			waitHeld(t, server, 0)
			server.Release()
			calls := waitLogged(t, server, "POST")
			if calls.Status != 0 || calls.Effect != applies {
				t.Errorf("log is %+v", calls)
			}
			if got := there(t, server); got != applies {
				t.Errorf("it has an effect: %t", got)
			}
		})
	}
}

// waitLogged waits for the only call of a method to be in the log, unanswered.
func waitLogged(t *testing.T, server *Server, method string) Call {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		for _, c := range server.Log() {
			if c.Method == method && c.Status == 0 {
				return c
			}
		}
	}
	t.Fatalf("no unanswered %s in %+v", method, server.Log())
	return Call{}
}

func TestHold_ends_with_the_server(t *testing.T) {
	cfg := testConfig()
	server, err := Listen(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	stopped := make(chan error, 1)
	go func() { stopped <- server.Serve(ctx) }()
	inject(t, server, Fault{Kind: FaultHold, Method: "POST"})
	ended := begin(t.Context(), t, server)
	waitHeld(t, server, 1)
	cancel()
	if err := <-stopped; err != nil {
		t.Error(err)
	}
	if got := <-ended; got.status != 0 {
		t.Errorf("the held call is answered: %d", got.status)
	}
}
