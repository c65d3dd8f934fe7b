package backoff_test

import (
	"testing"
	"time"

	"github.com/siteplane/siteplane/services/lifecycle/backoff"
)

var policy = backoff.Policy{First: time.Second, Cap: time.Minute}

func TestPolicy_Delay(t *testing.T) {
	for failures, want := range map[int]time.Duration{
		1: time.Second, 2: 2 * time.Second, 3: 4 * time.Second, 6: 32 * time.Second,
		7: time.Minute, 8: time.Minute, 1 << 30: time.Minute,
		0: time.Second, -1: time.Second, // nobody counts so, but no harm
	} {
		around(t, want, func() time.Duration { return policy.Delay(failures) })
	}
}

func TestPolicy_After(t *testing.T) {
	for waited, want := range map[time.Duration]time.Duration{
		0: time.Second, -time.Hour: time.Second, time.Second: 2 * time.Second, 20 * time.Second: 40 * time.Second,
		40 * time.Second: time.Minute, time.Hour: time.Minute,
	} {
		around(t, want, func() time.Duration { return policy.After(waited) })
	}
}

// around checks that waits lie between three and five quarters of a length, and
// that they differ.
func around(t *testing.T, want time.Duration, wait func() time.Duration) {
	t.Helper()
	seen := map[time.Duration]bool{}
	for range 200 {
		got := wait()
		if got < want*3/4 || got > want*5/4 {
			t.Fatalf("waited %s, want about %s", got, want)
		}
		seen[got] = true
	}
	if len(seen) < 100 {
		t.Errorf("200 waits of about %s have %d lengths only: many would come back at once", want, len(seen))
	}
}
