package cloudflare_test

import (
	"fmt"
	"net/http"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	tunnelv1 "github.com/siteplane/siteplane/gen/siteplane/tunnel/v1"
	"github.com/siteplane/siteplane/internal/platform/rpcerr"
	"github.com/siteplane/siteplane/simulators/cloudflare"
)

// all is one route of each kind, in two zones.
func all() []*tunnelv1.Route {
	return []*tunnelv1.Route{record("www.shop.test", shopZone), record("blog.shop.test", blogZone), custom("www.tenant.test")}
}

// trial is one way in which calls fail.
type trial struct {
	name  string
	fault cloudflare.Fault
	limit time.Duration // of a call
	// methods are those of the calls that fail; "" for all.
	methods []string
}

// A call without an answer is waited for, so these calls have less time. Reads
// that fail are shown by the kinds that are answered.
func trials() []trial {
	changes := []string{http.MethodPut, http.MethodPost, http.MethodDelete}
	return []trial{
		{"no connection", cloudflare.Fault{Kind: cloudflare.FaultDropBefore}, 300 * time.Millisecond, changes},
		{"lost reply", cloudflare.Fault{Kind: cloudflare.FaultApplyThenDrop}, 300 * time.Millisecond, changes},
		{"hang after effect", cloudflare.Fault{Kind: cloudflare.FaultApplyThenHang}, 300 * time.Millisecond, changes},
		{"500 with HTML", cloudflare.Fault{Kind: cloudflare.FaultStatus, Status: http.StatusInternalServerError}, patient, []string{""}},
		{"400", cloudflare.Fault{Kind: cloudflare.FaultStatus, Status: http.StatusBadRequest, Code: 1234}, patient, []string{""}},
		{"malformed JSON", cloudflare.Fault{Kind: cloudflare.FaultMalformed}, patient, []string{""}},
		{"success: false", cloudflare.Fault{Kind: cloudflare.FaultSuccessFalse}, patient, []string{""}},
	}
}

// Each call of an apply fails in turn, in each way. Whatever happens, after every
// single call each record has its rule and nothing of others has changed; the
// next applies bring everything to what is wanted, and the one after them writes
// nothing (F51, F52, F53, I16, I17).
func TestApply_survives_every_fault_at_every_call(t *testing.T) {
	for _, tt := range trials() {
		for _, wanted := range [][]*tunnelv1.Route{all(), nil} {
			t.Run(fmt.Sprintf("%s, %d routes", tt.name, len(wanted)), func(t *testing.T) {
				t.Parallel()
				w := setupWith(t, tt.limit)
				w.guard(t)
				e := &experiment{world: w, wanted: wanted, other: all()}
				w.after = e.count(w.after)
				if len(wanted) > 0 {
					e.other = nil
				}
				e.run(t, tt)
			})
		}
	}
}

// experiment goes from the other routes to the wanted ones, again and again.
type experiment struct {
	*world
	wanted, other []*tunnelv1.Route
	calls         atomic.Int64 // that the service has spent
}

func (e *experiment) run(t *testing.T, tt trial) {
	t.Helper()
	for _, method := range tt.methods {
		for call := 0; ; call++ {
			e.fresh(t)
			e.converge(t, e.other)
			fault := tt.fault
			fault.Method, fault.Skip, fault.Times = method, call, 1
			if !e.fails(t, fault) {
				break
			}
			e.converge(t, e.wanted)
			e.sim.ResetLog()
			if e.converge(t, e.wanted); len(e.mutations()) > 0 {
				t.Fatalf("%s call %d: a converged world was written: %v", method, call, e.mutations())
			}
		}
	}
}

// count counts the calls, besides what is done after each.
func (e *experiment) count(after func(*http.Request)) func(*http.Request) {
	return func(r *http.Request) {
		e.calls.Add(1)
		after(r)
	}
}

// fresh gives the service another budget when it has spent half of this one: no
// five minutes have so many applies.
func (e *experiment) fresh(t *testing.T) {
	t.Helper()
	if e.calls.Load() < 360 {
		return
	}
	e.calls.Store(0)
	if err := e.stop(); err != nil {
		t.Fatal(err)
	}
	e.state = t.TempDir()
	e.start(t)
}

// fails applies with one failing call. It returns false when there was no such
// call.
func (e *experiment) fails(t *testing.T, fault cloudflare.Fault) bool {
	t.Helper()
	if err := e.sim.Inject(fault); err != nil {
		t.Fatal(err)
	}
	e.sim.ResetLog()
	_, err := e.client.Apply(t.Context(), e.request(t, 1, e.wanted...))
	e.sim.Clear()
	if err != nil && status.Code(err) != codes.Unavailable {
		t.Fatalf("%s call %d: %v", fault.Method, fault.Skip, err)
	}
	calls := 0
	for _, call := range e.sim.Log() {
		if call.Actor == "token" && (fault.Method == "" || call.Method == fault.Method) {
			calls++
		}
	}
	return calls > fault.Skip
}

// converge applies until it works, and checks what is held then.
func (e *experiment) converge(t *testing.T, wanted []*tunnelv1.Route) {
	t.Helper()
	var err error
	for range 5 {
		if _, err = e.client.Apply(t.Context(), e.request(t, 1, wanted...)); err == nil {
			e.wantHeld(t, wanted)
			return
		}
	}
	t.Fatalf("does not converge: %v", err)
}

// wantHeld checks that exactly the routes are held.
func (w *world) wantHeld(t *testing.T, wanted []*tunnelv1.Route) {
	t.Helper()
	got, want := w.look(t), seen{}
	for _, r := range wanted {
		want.rules = append(want.rules, r.GetHostname())
		if r.GetKind() == tunnelv1.RouteKind_ROUTE_KIND_RECORD {
			want.records = append(want.records, r.GetHostname())
			continue
		}
		want.customs = append(want.customs, r.GetHostname())
		want.records = append(want.records, target)
	}
	slices.Sort(want.rules)
	slices.Sort(want.records)
	slices.Sort(got.records)
	want.foreign = got.foreign // Compared after every call.
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(seen{})); diff != "" {
		t.Fatalf("what is held (-want +got):\n%s", diff)
	}
}

// guard checks the world after every call that may change it.
func (w *world) guard(t *testing.T) {
	t.Helper()
	before := w.look(t)
	w.after = func(r *http.Request) {
		if r.Method == http.MethodGet {
			return
		}
		now, err := look(w.sim.Snapshot())
		if err != nil {
			t.Error(err)
		}
		if len(now.wrong) > 0 {
			t.Errorf("after %s %s: %v", r.Method, r.URL.Path, now.wrong)
		}
		if diff := cmp.Diff(before.foreign, now.foreign); diff != "" {
			t.Errorf("after %s %s somebody else's things changed (-before +now):\n%s", r.Method, r.URL.Path, diff)
		}
	}
}

func wantStatus(t *testing.T, err error, code codes.Code, reason string) {
	t.Helper()
	if status.Code(err) != code || rpcerr.Reason(err) != reason {
		t.Errorf("error is %v with reason %q, want %s with %s", err, rpcerr.Reason(err), code, reason)
	}
}
