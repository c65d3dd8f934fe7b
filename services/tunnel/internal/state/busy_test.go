package state

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

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
		d = reopen(t, d)
		if got := waits(t, d); got != time.Minute {
			t.Errorf("waits %s after the clock was set back", got)
		}
		if got := waits(t, d); got != 0 {
			t.Errorf("waits %s once more", got)
		}
		if err := d.MarkBusy(time.Now().Add(time.Minute)); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := d.WaitIdle(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error is %v", err)
		}
	})
}
