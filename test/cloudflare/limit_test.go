package cloudflare_test

import (
	"bytes"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc/codes"

	tunnelv1 "github.com/siteplane/siteplane/gen/siteplane/tunnel/v1"
	"github.com/siteplane/siteplane/internal/platform/rpcerr"
	"github.com/siteplane/siteplane/internal/platform/telemetry"
	"github.com/siteplane/siteplane/simulators/cloudflare"
)

// F57: what a token may not do is named, nothing is deleted for it, and what is
// published stays.
func TestApply_names_the_permission_that_is_missing(t *testing.T) {
	w := setup(t)
	w.apply(t, 1, all()...)
	before := w.look(t)
	for missing, want := range map[cloudflare.Permission]string{
		cloudflare.ZoneRead:            "Zone:Read",
		cloudflare.DNSEdit:             "Zone:DNS:Edit",
		cloudflare.TunnelEdit:          "Account:Cloudflare Tunnel:Edit",
		cloudflare.CustomHostnamesEdit: "Zone:SSL and Certificates:Edit",
	} {
		rest := slices.DeleteFunc(allPermissions(), func(p cloudflare.Permission) bool { return p == missing })
		if err := w.sim.SetTokenPermissions(token, rest...); err != nil {
			t.Fatal(err)
		}
		w.sim.ResetLog()
		_, err := w.client.Apply(t.Context(), w.request(t, 1, record("new.shop.test", shopZone)))
		wantStatus(t, err, codes.FailedPrecondition, "CLOUDFLARE_PERMISSION")
		if got := rpcerr.MetadataOf(err)["permission"]; got != want || rpcerr.MetadataOf(err)["actor"] != "operator" {
			t.Errorf("without %s the error names %q, want %q", missing, got, want)
		}
		if !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), token) {
			t.Errorf("error is %v", err)
		}
		if len(w.mutations()) > 0 {
			t.Errorf("without %s: %v", missing, w.mutations())
		}
	}
	if now := w.look(t); !slices.Equal(now.rules, before.rules) || !slices.Equal(now.records, before.records) || !slices.Equal(now.customs, before.customs) {
		t.Errorf("what was published changed: %+v", now)
	}
}

func TestApply_with_a_revoked_token_is_for_the_operator(t *testing.T) {
	w := setup(t)
	w.sim.RevokeToken(token)
	_, err := w.client.Apply(t.Context(), w.request(t, 1))
	wantStatus(t, err, codes.FailedPrecondition, "CLOUDFLARE_PERMISSION")
	_, err = w.client.LookupZone(t.Context(), &tunnelv1.LookupZoneRequest{Hostname: "www.shop.test"})
	wantStatus(t, err, codes.FailedPrecondition, "CLOUDFLARE_PERMISSION")
}

// A zone that the token may not touch is nobody's business as long as no route
// of ours is in it.
func TestApply_needs_no_permission_where_it_has_nothing(t *testing.T) {
	w := setup(t)
	err := w.sim.Inject(cloudflare.Fault{Path: blogZone + "/dns_records", Kind: cloudflare.FaultStatus, Status: http.StatusForbidden})
	if err != nil {
		t.Fatal(err)
	}
	w.apply(t, 1, record("www.shop.test", shopZone))
	_, err = w.client.Apply(t.Context(), w.request(t, 2, record("www.shop.test", shopZone), record("www.blog.shop.test", blogZone)))
	wantStatus(t, err, codes.FailedPrecondition, "CLOUDFLARE_PERMISSION")
}

// F50: after a 429 nobody calls before the time that Cloudflare named, also not a
// new process.
func TestApply_429_is_obeyed_over_a_restart(t *testing.T) {
	w := setup(t)
	err := w.sim.Inject(cloudflare.Fault{Skip: 2, Times: 1, Kind: cloudflare.FaultStatus, Status: http.StatusTooManyRequests, RetryAfter: 120})
	if err != nil {
		t.Fatal(err)
	}
	w.sim.ResetLog()
	_, err = w.client.Apply(t.Context(), w.request(t, 1, all()...))
	wantThrottled(t, err)
	for range 3 {
		_, err = w.client.Apply(t.Context(), w.request(t, 1, all()...))
		wantThrottled(t, err)
	}
	w.restart(t)
	_, err = w.client.LookupZone(t.Context(), &tunnelv1.LookupZoneRequest{Hostname: "www.shop.test"})
	wantThrottled(t, err)
	if calls := len(w.sim.Log()); calls != 3 {
		t.Errorf("Cloudflare was called %d times, want 3", calls)
	}
}

func wantThrottled(t *testing.T, err error) {
	t.Helper()
	wantStatus(t, err, codes.Unavailable, "UNAVAILABLE")
	if delay, ok := rpcerr.RetryDelay(err); !ok || delay < 100*time.Second || delay > 120*time.Second {
		t.Errorf("the error says to come again after %s", delay)
	}
}

// F50, I30: the budget ends before Cloudflare's does, and says when to come again.
func TestReadRoute_stays_within_the_budget(t *testing.T) {
	w := setup(t)
	w.sim.ResetLog()
	var err error
	for range 400 {
		if _, err = w.client.ReadRoute(t.Context(), &tunnelv1.ReadRouteRequest{
			InstallationId: installation, Route: custom("www.tenant.test"),
		}); err != nil {
			break
		}
	}
	wantStatus(t, err, codes.Unavailable, "UNAVAILABLE")
	if delay, ok := rpcerr.RetryDelay(err); !ok || delay < 4*time.Minute || delay > 6*time.Minute {
		t.Errorf("the error says to come again after %s", delay)
	}
	if calls := len(w.sim.Log()); calls != 720 {
		t.Errorf("Cloudflare was called %d times, want 720", calls)
	}
}

func (w *world) restart(t *testing.T) {
	t.Helper()
	if err := w.stop(); err != nil {
		t.Fatal(err)
	}
	w.start(t)
}

func (w *world) fenced(t *testing.T, era, epoch, generation uint64, routes ...*tunnelv1.Route) *tunnelv1.ApplyRequest {
	t.Helper()
	r := w.request(t, generation, routes...)
	r.Fence.Era, r.Fence.Epoch = era, epoch
	return r
}

func TestApply_refuses_an_older_fence(t *testing.T) {
	w := setup(t)
	if _, err := w.client.Apply(t.Context(), w.fenced(t, 2, 2, 2, all()...)); err != nil {
		t.Fatal(err)
	}
	if _, err := w.client.Apply(t.Context(), w.fenced(t, 2, 2, 2, all()...)); err != nil {
		t.Errorf("the same fence is refused: %v", err)
	}
	w.sim.ResetLog()
	for range 2 {
		for _, stale := range []*tunnelv1.ApplyRequest{w.fenced(t, 2, 2, 1), w.fenced(t, 2, 1, 9), w.fenced(t, 1, 9, 9)} {
			_, err := w.client.Apply(t.Context(), stale)
			wantStatus(t, err, codes.Aborted, "STALE_FENCE")
		}
		w.restart(t)
	}
	if calls := w.sim.Log(); len(calls) > 0 {
		t.Errorf("an older caller reached Cloudflare: %v", calls)
	}
	if _, err := w.client.Apply(t.Context(), w.fenced(t, 3, 1, 1)); err != nil {
		t.Errorf("a higher era is refused: %v", err)
	}
}

// An apply that is under way writes nothing more once a newer one has come: the
// fence is checked at every write, not once at the start.
func TestApply_stops_when_a_newer_one_comes(t *testing.T) {
	w := setup(t)
	reached, release := make(chan struct{}), make(chan struct{})
	var once sync.Once
	w.after = func(r *http.Request) {
		if r.Method == http.MethodPut {
			once.Do(func() { close(reached); <-release })
		}
	}
	older := make(chan error, 1)
	go func() {
		_, err := w.client.Apply(t.Context(), w.request(t, 1, record("old.shop.test", shopZone)))
		older <- err
	}()
	<-reached
	newer := make(chan error, 1)
	go func() {
		_, err := w.client.Apply(t.Context(), w.request(t, 2, record("new.shop.test", shopZone)))
		newer <- err
	}()
	w.waitForFence(t, `"generation":2`)
	close(release)
	wantStatus(t, <-older, codes.Aborted, "STALE_FENCE")
	if err := <-newer; err != nil {
		t.Fatal(err)
	}
	got := w.look(t)
	if !slices.Equal(got.rules, []string{"new.shop.test"}) || !slices.Equal(got.records, got.rules) {
		t.Errorf("held is %+v", got)
	}
	for _, call := range w.sim.Log() {
		if strings.Contains(call.RequestBody, `"name":"old.shop.test"`) {
			t.Error("the older apply wrote its record")
		}
	}
}

// waitForFence waits until the service has taken a fence down.
func (w *world) waitForFence(t *testing.T, want string) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if data, err := os.ReadFile(filepath.Join(w.state, "fence.json")); err == nil && bytes.Contains(data, []byte(want)) {
			return
		}
	}
	t.Fatal("the newer fence was not taken")
}

func TestRun_refuses_a_state_directory_in_use(t *testing.T) {
	w := setup(t)
	w.apply(t, 1) // It serves, so it has the directory.
	err := w.second(t)
	if err == nil || !strings.Contains(err.Error(), w.state) || !strings.Contains(err.Error(), "in use by another tunnel service") {
		t.Errorf("error is %v", err)
	}
}

// S26: the token is in no log line, whatever fails.
func TestLog_never_shows_the_token(t *testing.T) {
	w := setup(t)
	var log safeBuffer
	w.log = &log
	w.restart(t)
	w.apply(t, 1, all()...)
	for _, tt := range trials() {
		if tt.fault.Kind == cloudflare.FaultApplyThenHang {
			continue
		}
		tt.fault.Times = 1
		if err := w.sim.Inject(tt.fault); err != nil {
			t.Fatal(err)
		}
		_, _ = w.client.Apply(t.Context(), w.request(t, 2))
	}
	w.sim.RevokeToken(token)
	_, _ = w.client.Apply(t.Context(), w.request(t, 2))
	written := log.String()
	for _, want := range []string{"tunnel apply begins", "tunnel applied", "tunnel not applied", "www.tenant.test"} {
		if !strings.Contains(written, want) {
			t.Errorf("the log does not say %q", want)
		}
	}
	if strings.Contains(written, token) {
		t.Error("the log shows the token")
	}
}

type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *safeBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *safeBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// telemetry logs to the world's log, if it has one.
func (w *world) telemetry(t *testing.T) *telemetry.Telemetry {
	t.Helper()
	if w.log == nil {
		return telemetry.Discard("tunnel")
	}
	tel, err := telemetry.New(t.Context(), telemetry.Config{Service: "tunnel", Log: w.log, LogFormat: "json"})
	if err != nil {
		t.Fatal(err)
	}
	return tel
}
