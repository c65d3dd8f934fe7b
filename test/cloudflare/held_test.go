package cloudflare_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/siteplane/siteplane/simulators/cloudflare"
)

// F52, F53: the service dies while Cloudflare has its PUT, before the effect or
// after it. The next one reads what there is, and converges.
func TestApply_cut_in_the_middle_of_a_PUT_converges(t *testing.T) {
	for _, kind := range []cloudflare.FaultKind{cloudflare.FaultHold, cloudflare.FaultApplyThenHold} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			w := setupWith(t, 2*time.Second)
			w.guard(t)
			if err := w.sim.Inject(cloudflare.Fault{Method: http.MethodPut, Path: "/configurations$", Times: 1, Kind: kind}); err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			r := w.request(t, 1, wanted()...)
			ended := make(chan error, 1)
			go func() { _, err := w.client.Apply(ctx, r); ended <- err }()
			w.waitHeld(t, 1)
			cancel()
			if err := <-ended; err == nil {
				t.Fatal("a held PUT was answered")
			}
			w.waitHeld(t, 0)
			w.restart(t)
			w.apply(t, 1, wanted()...)
			w.wantHeld(t, wanted())
			w.sim.ResetLog()
			if w.apply(t, 1, wanted()...); len(w.mutations()) > 0 {
				t.Errorf("a converged world was written: %v", w.mutations())
			}
		})
	}
}

// waitHeld waits until so many calls are held.
func (w *world) waitHeld(t *testing.T, want int) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		if len(w.sim.Held()) == want {
			return
		}
	}
	t.Fatalf("never %d calls are held", want)
}
