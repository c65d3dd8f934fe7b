package state

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/siteplane/siteplane/services/tunnel/internal/fault"
	"github.com/siteplane/siteplane/services/tunnel/internal/fence"
)

func open(t *testing.T, path string) *Dir {
	t.Helper()
	d, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	return d
}

// reopen is what a restart does.
func reopen(t *testing.T, d *Dir) *Dir {
	t.Helper()
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	return open(t, d.path)
}

func TestOpen_refuses_a_second_process(t *testing.T) {
	path := filepath.Join(t.TempDir(), "made", "here")
	d := open(t, path)
	if _, err := Open(path); err == nil || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "in use") {
		t.Errorf("error is %v", err)
	}
	reopen(t, d)
}

// A damaged file stops the start and stays as it is: the fence is never reset.
func TestOpen_refuses_a_damaged_file(t *testing.T) {
	for _, name := range []string{fenceFile, budgetFile, busyFile} {
		path := t.TempDir()
		file := filepath.Join(path, name)
		for _, content := range []string{"", "{", "[]", "\x00\x00", "{}", "null", `{"era":1}`} {
			if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := Open(path)
			if err == nil || !strings.Contains(err.Error(), file) || !strings.Contains(err.Error(), "damaged") {
				t.Errorf("%s with %q: error is %v", name, content, err)
			}
			if now, err := os.ReadFile(file); err != nil || string(now) != content {
				t.Errorf("%s is %q now, error %v", name, now, err)
			}
		}
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
		open(t, path) // The failed starts hold no lock.
	}
}

func TestDir_Raise_keeps_the_highest_fence(t *testing.T) {
	d := open(t, t.TempDir())
	for _, tt := range []struct {
		f    fence.Fence
		want bool
	}{
		{fence.Fence{Era: 1, Epoch: 5, Generation: 5}, true},
		{fence.Fence{Era: 1, Epoch: 5, Generation: 5}, true},
		{fence.Fence{Era: 1, Epoch: 5, Generation: 4}, false},
		{fence.Fence{Era: 1, Epoch: 4, Generation: 9}, false},
		{fence.Fence{Era: 0, Epoch: 9, Generation: 9}, false},
		{fence.Fence{Era: 1, Epoch: 6, Generation: 0}, true},
		{fence.Fence{Era: 2, Epoch: 0, Generation: 0}, true},
		{fence.Fence{Era: 1, Epoch: 9, Generation: 9}, false},
	} {
		d = reopen(t, d)
		err := d.Raise(tt.f)
		var stale *fence.Stale
		if errors.As(err, &stale) == tt.want || tt.want && err != nil {
			t.Errorf("%s: %v, want it let in: %t", tt.f, err, tt.want)
		}
		if checked := d.Check(tt.f); (checked == nil) != tt.want {
			t.Errorf("%s: checked %v", tt.f, checked)
		}
	}
}

// A fence that cannot be written down is not let in.
func TestDir_Raise_needs_the_disk(t *testing.T) {
	d := open(t, t.TempDir())
	if err := os.Mkdir(filepath.Join(d.path, fenceFile+".new"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := d.Raise(fence.Fence{Era: 7}); err == nil {
		t.Error("the fence was taken")
	}
	if err := d.Check(fence.Fence{Era: 6}); err != nil {
		t.Errorf("the fence is in memory: %v", err)
	}
}

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
	})
}

func TestDir_WaitIdle(t *testing.T) {
	waits := func(t *testing.T, d *Dir) time.Duration {
		t.Helper()
		start := time.Now()
		if err := d.WaitIdle(t.Context()); err != nil {
			t.Fatal(err)
		}
		return time.Since(start)
	}
	synctest.Test(t, func(t *testing.T) {
		d := open(t, t.TempDir())
		if got := waits(t, d); got != 0 {
			t.Errorf("waits %s for nobody", got)
		}
		if err := d.MarkBusy(time.Now().Add(10 * time.Second)); err != nil {
			t.Fatal(err)
		}
		if err := d.MarkBusy(time.Now().Add(3 * time.Second)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(4 * time.Second)
		d = reopen(t, d)
		if got := waits(t, d); got != 6*time.Second {
			t.Errorf("waits %s for its predecessor's call, want 6s", got)
		}
		if err := d.MarkBusy(time.Now().Add(10 * time.Second)); err != nil {
			t.Fatal(err)
		}
		if err := d.ClearBusy(); err != nil {
			t.Fatal(err)
		}
		if got := waits(t, reopen(t, d)); got != 0 {
			t.Errorf("waits %s after the outcome is known", got)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		d := open(t, t.TempDir())
		if err := d.MarkBusy(time.Now().Add(24 * time.Hour)); err != nil {
			t.Fatal(err)
		}
		if got := waits(t, d); got != time.Minute {
			t.Errorf("waits %s after the clock was set back", got)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := d.WaitIdle(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error is %v", err)
		}
	})
}
