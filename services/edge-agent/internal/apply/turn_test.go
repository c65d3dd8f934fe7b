package apply

import (
	"context"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/siteplane/siteplane/services/edge-agent/internal/nginx"
)

// newIdle is an applier whose nginx never runs.
func newIdle(t *testing.T) *Applier {
	t.Helper()
	runtime, err := nginx.NewRuntime("/nonexistent/run")
	if err != nil {
		t.Fatal(err)
	}
	instance := nginx.New(nginx.Config{Runtime: runtime, ConfFile: "/nonexistent/of/this/test.conf", Logger: slog.New(slog.DiscardHandler)})
	return New(Config{Nginx: instance, MaxDraining: 4, DrainPatience: time.Minute})
}

func mustBegin(ctx context.Context, t *testing.T, a *Applier) (end func()) {
	t.Helper()
	end, err := a.beginApply(ctx)
	if err != nil {
		t.Error(err)
		return func() {}
	}
	return end
}

func TestBeginApply(t *testing.T) {
	run := func(name string, test func(t *testing.T, a *Applier)) {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { test(t, newIdle(t)) })
		})
	}
	run("starts at once, however soon the next one comes", func(t *testing.T, a *Applier) {
		begun := time.Now()
		for range 10 {
			mustBegin(t.Context(), t, a)()
		}
		if took := time.Since(begun); took != 0 {
			t.Errorf("it took %s", took)
		}
	})
	run("starts four in a second of those that wait for each other", func(t *testing.T, a *Applier) {
		begun := time.Now()
		end := mustBegin(t.Context(), t, a)
		var starts []time.Duration
		var group sync.WaitGroup
		for range 8 {
			group.Go(func() {
				end := mustBegin(t.Context(), t, a)
				starts = append(starts, time.Since(begun))
				end()
			})
		}
		synctest.Wait()
		end()
		group.Wait()
		for i, start := range starts {
			if want := time.Duration(i+1) * time.Second / 4; start != want {
				t.Errorf("number %d began after %s, want %s", i+1, start, want)
			}
		}
		if len(starts) != 8 {
			t.Errorf("%d began", len(starts))
		}
		time.Sleep(time.Millisecond)
		alone := time.Now()
		mustBegin(t.Context(), t, a)()
		if took := time.Since(alone); took != 0 {
			t.Errorf("one that nobody waited for took %s", took)
		}
	})
	run("does not slow down the next after one that took long", func(t *testing.T, a *Applier) {
		end := mustBegin(t.Context(), t, a)
		took := make(chan time.Duration)
		go func() {
			begun := time.Now()
			mustBegin(t.Context(), t, a)()
			took <- time.Since(begun)
		}()
		time.Sleep(3 * time.Second)
		end()
		if took := <-took; took != 3*time.Second {
			t.Errorf("it waited for %s", took)
		}
	})
	run("forgets who does not wait any more", func(t *testing.T, a *Applier) {
		ctx, cancel := context.WithCancel(t.Context())
		end := mustBegin(t.Context(), t, a)
		left := make(chan error)
		go func() {
			_, err := a.beginApply(ctx)
			left <- err
		}()
		synctest.Wait()
		cancel()
		if err := <-left; err == nil {
			t.Error("it began")
		}
		end()
		begun := time.Now()
		mustBegin(t.Context(), t, a)()
		if took := time.Since(begun); took != 0 {
			t.Errorf("the next took %s", took)
		}
	})
}
