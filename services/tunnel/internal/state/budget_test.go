package state

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/siteplane/siteplane/services/tunnel/internal/fault"
)

func wantRefused(t *testing.T, err error, wait time.Duration) {
	t.Helper()
	var refused *fault.Unavailable
	if !errors.As(err, &refused) || refused.RetryAfter != wait {
		t.Errorf("error is %v (%+v), want to come again after %s", err, refused, wait)
	}
}

// I30: no five minutes have more calls than 60 % of what Cloudflare takes, over
// restarts too.
func TestDir_Spend_keeps_every_window(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := open(t, t.TempDir())
		var at []time.Time
		spend := func(n int) (spent int) {
			for range n {
				if d.Spend() == nil {
					at = append(at, time.Now())
					spent++
				}
			}
			return spent
		}
		if got := spend(500); got != 500 {
			t.Errorf("spent %d of 500", got)
		}
		time.Sleep(4 * time.Minute)
		d = reopen(t, d)
		if got := spend(500); got != 219 {
			t.Errorf("spent %d of the 219 that are left", got)
		}
		wantRefused(t, d.Spend(), 70*time.Second)
		for range 60 {
			time.Sleep(17 * time.Second)
			spend(100)
		}
		for i, start := range at {
			n := 0
			for _, other := range at[i:] {
				if other.Sub(start) < window {
					n++
				}
			}
			if n > maxCalls {
				t.Fatalf("%d calls in the five minutes from call %d", n, i)
			}
		}
		if len(at) < 2000 {
			t.Errorf("only %d calls in 21 minutes", len(at))
		}
	})
}

// A service that crashes again and again stays within the budget.
func TestDir_Spend_counts_what_crashes_forget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := open(t, t.TempDir())
		spent := 0
		for range 200 {
			for range 7 {
				if d.Spend() == nil {
					spent++
				}
			}
			d = reopen(t, d)
		}
		if spent > maxCalls || spent < 100 {
			t.Errorf("%d calls were made", spent)
		}
	})
}

func TestDir_Block_forbids_calls_over_a_restart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := open(t, t.TempDir())
		if err := d.Block(90 * time.Second); err != nil {
			t.Fatal(err)
		}
		time.Sleep(30 * time.Second)
		d = reopen(t, d)
		wantRefused(t, d.Spend(), time.Minute)
		time.Sleep(time.Minute)
		if err := d.Spend(); err != nil {
			t.Error(err)
		}
		if err := d.Block(1000 * time.Hour); err != nil {
			t.Fatal(err)
		}
		wantRefused(t, d.Spend(), maxBlock)
		if err := d.Block(time.Second); err != nil {
			t.Fatal(err)
		}
		wantRefused(t, d.Spend(), maxBlock) // The longest counts.
	})
}

// A clock that was set back makes no calls free, and forbids none for ever.
func TestDir_Spend_after_the_clock_was_set_back(t *testing.T) {
	now := time.Date(2026, time.May, 1, 12, 0, 0, 0, time.UTC)
	b := budget{Calls: map[int64]int{slotOf(now.Add(time.Hour)): maxCalls - 1, slotOf(now.Add(2 * time.Hour)): 1}}
	if wait := b.spend(now); wait <= 0 || wait > window+slot {
		t.Errorf("the next call may come after %s", wait)
	}
	if wait := b.spend(now.Add(window + slot)); wait > 0 {
		t.Errorf("five minutes later it waits %s", wait)
	}
	synctest.Test(t, func(t *testing.T) {
		path := t.TempDir()
		ahead := time.Now().Add(10_000 * time.Hour).UTC().Format(time.RFC3339)
		if err := os.WriteFile(filepath.Join(path, budgetFile), []byte(`{"calls":{},"blocked_until":"`+ahead+`"}`), 0o600); err != nil {
			t.Fatal(err)
		}
		d := open(t, path)
		wantRefused(t, d.Spend(), maxBlock)
		time.Sleep(maxBlock)
		if err := d.Spend(); err != nil {
			t.Error(err)
		}
	})
}
