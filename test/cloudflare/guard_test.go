package cloudflare_test

import (
	"bytes"
	"net/http"
	"slices"
	"strconv"
	"testing"

	"google.golang.org/grpc/codes"

	tunnelv1 "github.com/siteplane/siteplane/gen/siteplane/tunnel/v1"
	"github.com/siteplane/siteplane/internal/platform/rpcerr"
	"github.com/siteplane/siteplane/internal/platform/shrink"
	"github.com/siteplane/siteplane/simulators/cloudflare"
)

// wantHold checks that an apply is held for exactly these names, and that nothing
// has changed. It returns the id of the hold.
func (w *world) wantHold(t *testing.T, r *tunnelv1.ApplyRequest, held int, names []string) string {
	t.Helper()
	before := w.sim.Snapshot()
	w.sim.ResetLog()
	_, err := w.client.Apply(t.Context(), r)
	wantStatus(t, err, codes.FailedPrecondition, "HELD_BY_SHRINK_GUARD")
	meta := rpcerr.MetadataOf(err)
	if meta["hold_id"] != shrink.ID(names) || meta["held_count"] != strconv.Itoa(held) {
		t.Errorf("metadata is %v, want %d and the hold of %v", meta, held, names)
	}
	var told []string
	for _, v := range rpcerr.Violations(err) {
		told = append(told, v.Field)
	}
	if !slices.Equal(told, names) {
		t.Errorf("told are %v, want %v", told, names)
	}
	if len(w.mutations()) > 0 || !bytes.Equal(before, w.sim.Snapshot()) {
		t.Errorf("a held apply wrote %v", w.mutations())
	}
	return meta["hold_id"]
}

// F43: a snapshot that is empty, and sound as far as its digest goes, takes nothing
// away until an operator or operations say why; a confirmation is for one set.
func TestApply_holds_what_nothing_explains(t *testing.T) {
	w := setup(t)
	routes, names := numbered(10)
	routes = append(routes, custom("www.tenant.test"))
	w.apply(t, 1, routes...)
	all := append(slices.Clone(names), "www.tenant.test")

	hold := w.wantHold(t, unexplained(2), 11, all)
	w.wantHold(t, unexplained(3, routes[8:]...), 11, names[:8])
	confirmed := unexplained(4, routes[8:]...)
	confirmed.ConfirmedHold = hold
	w.wantHold(t, confirmed, 11, names[:8])

	confirmed.ConfirmedHold = shrink.ID(names[:8])
	response, err := w.client.Apply(t.Context(), confirmed)
	if err != nil || !slices.Equal(response.GetChanged(), names[:8]) {
		t.Fatalf("what was confirmed is held, or not it alone went: %v, error %v", response, err)
	}
	rest := unexplained(5)
	rest.ConfirmedHold = shrink.ID(names[:8])
	w.wantHold(t, rest, 3, all[8:])
	rest.Removals = []*tunnelv1.Removal{
		{Hostname: all[8], OperationId: "op_1"}, {Hostname: all[9], OperationId: "op_2"}, {Hostname: all[10], OperationId: "op_3"},
	}
	if _, err := w.client.Apply(t.Context(), rest); err != nil {
		t.Fatal(err)
	}
	w.wantHeld(t, nil)
}

// F43 with F51 and F59: lists that fail are no empty world, and lists that show
// nothing yet do not hide from the guard what has its rule.
func TestApply_holds_whatever_lists_say(t *testing.T) {
	w := setup(t)
	routes, names := numbered(6)
	if err := w.sim.Inject(cloudflare.Fault{Method: http.MethodGet, Path: "/dns_records$", Kind: cloudflare.FaultStale}); err != nil {
		t.Fatal(err)
	}
	_, err := w.client.Apply(t.Context(), w.request(t, 1, routes...))
	wantStatus(t, err, codes.Unavailable, "UNAVAILABLE")
	w.wantHold(t, unexplained(2), 6, names)
	w.sim.Clear()
	for call := range 6 {
		if err := w.sim.Inject(cloudflare.Fault{
			Method: http.MethodGet, Skip: call, Times: 1, Kind: cloudflare.FaultStatus, Status: http.StatusBadGateway,
		}); err != nil {
			t.Fatal(err)
		}
		_, err := w.client.Apply(t.Context(), unexplained(3))
		w.sim.Clear()
		wantStatus(t, err, codes.Unavailable, "UNAVAILABLE")
	}
	w.apply(t, 4, routes...)
	w.wantHeld(t, routes)
}

// A delete that was explained once and that an old list still shows needs no
// second explanation.
func TestApply_asks_once_why(t *testing.T) {
	w := setup(t)
	routes, _ := numbered(8)
	w.apply(t, 1, routes...)
	if err := w.sim.Inject(cloudflare.Fault{Method: http.MethodGet, Path: "/dns_records$", Kind: cloudflare.FaultStale}); err != nil {
		t.Fatal(err)
	}
	_, err := w.client.Apply(t.Context(), w.request(t, 2))
	wantStatus(t, err, codes.Unavailable, "UNAVAILABLE")
	_, err = w.client.Apply(t.Context(), unexplained(3))
	wantStatus(t, err, codes.Unavailable, "UNAVAILABLE")
	w.sim.Clear()
	if _, err := w.client.Apply(t.Context(), unexplained(4)); err != nil {
		t.Fatal(err)
	}
	w.wantHeld(t, nil)
}
