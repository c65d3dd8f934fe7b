package worker_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/admin"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/store"
	"github.com/siteplane/siteplane/services/lifecycle/worker"
)

func TestLoop_handles(t *testing.T) {
	t.Run("what is marked at once, and cleans it", func(t *testing.T) {
		run(t, 4, clean, func(r *running) {
			begun := time.Now()
			r.mark(0, "a", "b")
			time.Sleep(100 * time.Millisecond)
			synctest.Wait()
			for _, key := range []string{"a", "b"} {
				if at := r.handled(key); len(at) != 1 || at[0].Sub(begun) > 10*time.Millisecond {
					t.Errorf("%s was handled at %v, marked at %s", key, at, begun)
				}
				if r.due(key) {
					t.Errorf("%s is still due", key)
				}
			}
		})
	})
	t.Run("what is due later when it is due", func(t *testing.T) {
		run(t, 4, clean, func(r *running) {
			begun := time.Now()
			r.mark(1500*time.Millisecond, "a")
			time.Sleep(10 * time.Second)
			if at := r.handled("a"); len(at) != 1 || at[0].Sub(begun) != 1500*time.Millisecond {
				t.Errorf("handled at %v", at)
			}
		})
	})
	t.Run("again what asks for it", func(t *testing.T) {
		again := func(context.Context, worker.Work) (time.Time, error) { return time.Now().Add(10 * time.Second), nil }
		run(t, 4, again, func(r *running) {
			r.mark(0, "a")
			time.Sleep(35 * time.Second)
			at := r.handled("a")
			if len(at) != 4 || at[3].Sub(at[0]) != 30*time.Second {
				t.Errorf("handled at %v", at)
			}
		})
	})
	t.Run("again what was marked meanwhile", func(t *testing.T) {
		var begun, goOn chan struct{} // made in the bubble
		slow := func(context.Context, worker.Work) (time.Time, error) {
			begun <- struct{}{}
			<-goOn
			return time.Time{}, nil
		}
		run(t, 4, slow, func(r *running) {
			begun, goOn = make(chan struct{}), make(chan struct{})
			r.mark(0, "a")
			<-begun
			r.mark(0, "a")
			goOn <- struct{}{}
			<-begun
			goOn <- struct{}{}
			time.Sleep(time.Second)
			if n := len(r.handled("a")); n != 2 || r.due("a") {
				t.Errorf("handled %d times", n)
			}
		})
	})
	t.Run("no key twice at once", func(t *testing.T) {
		var mu sync.Mutex
		busy := map[string]bool{}
		once := func(_ context.Context, w worker.Work) (time.Time, error) {
			mu.Lock()
			if busy[w.Key] {
				t.Errorf("%s is handled twice at once", w.Key)
			}
			busy[w.Key] = true
			mu.Unlock()
			time.Sleep(time.Second)
			mu.Lock()
			defer mu.Unlock()
			busy[w.Key] = false
			return time.Time{}, nil
		}
		run(t, 4, once, func(r *running) {
			for range 20 {
				r.mark(0, "a", "b")
				time.Sleep(300 * time.Millisecond)
			}
			time.Sleep(5 * time.Second)
		})
	})
}

// One tenant with much to do leaves room for the others, F08, I25.
func TestLoop_is_fair(t *testing.T) {
	slow := func(_ context.Context, w worker.Work) (time.Time, error) {
		if strings.HasPrefix(w.Key, "many") {
			time.Sleep(time.Minute / 2)
		}
		return time.Time{}, nil
	}
	run(t, 4, slow, func(r *running) {
		for _, tenant := range []id.Tenant{"ten_many", "ten_few"} {
			r.update(func(tx store.Tx) error {
				return tx.InsertTenant(r.Context(), admin.Tenant{ID: tenant, Name: string(tenant), CreatedAt: time.Now()})
			})
		}
		markOf := func(tenant, key string) {
			r.update(func(tx store.Tx) error {
				return tx.MarkWork(r.Context(), worker.Mark{Kind: worker.Site, Key: key, TenantID: tenant, DueAt: time.Now()})
			})
		}
		for i := range 20 {
			markOf("ten_many", fmt.Sprint("many", i))
		}
		time.Sleep(time.Second)
		begun := time.Now()
		markOf("ten_few", "few")
		time.Sleep(10 * time.Minute)
		if at := r.handled("few"); len(at) != 1 || at[0].Sub(begun) > time.Second {
			t.Errorf("the other tenant's was handled at %v, marked at %s", at, begun)
		}
		for i := range 20 {
			if n := len(r.handled(fmt.Sprint("many", i))); n != 1 {
				t.Errorf("many%d was handled %d times", i, n)
			}
		}
	})
}

func TestLoop_concurrency(t *testing.T) {
	const limit = 3
	var mu sync.Mutex
	var at, most int
	slow := func(context.Context, worker.Work) (time.Time, error) {
		mu.Lock()
		at++
		most = max(most, at)
		mu.Unlock()
		time.Sleep(time.Second)
		mu.Lock()
		defer mu.Unlock()
		at--
		return time.Time{}, nil
	}
	run(t, limit, slow, func(r *running) {
		for i := range 10 {
			r.mark(0, fmt.Sprint(i))
		}
		time.Sleep(20 * time.Second)
		for i := range 10 {
			if n := len(r.handled(fmt.Sprint(i))); n != 1 {
				t.Errorf("%d was handled %d times", i, n)
			}
		}
	})
	if most != limit {
		t.Errorf("%d handlers ran at once, want %d", most, limit)
	}
}

// What ends its process again and again is given up, and holds up nobody, F07.
func TestLoop_parks(t *testing.T) {
	parked := func(calls *[]string) func(context.Context, worker.Work, string) (time.Time, error) {
		return func(_ context.Context, w worker.Work, cause string) (time.Time, error) {
			*calls = append(*calls, w.Key+": "+cause)
			return time.Time{}, nil
		}
	}
	t.Run("what panics five times in a row", func(t *testing.T) {
		var calls []string
		panics := func(_ context.Context, w worker.Work) (time.Time, error) {
			if w.Key == "a" {
				panic("boom")
			}
			return time.Time{}, nil
		}
		runParking(t, parked(&calls), panics, func(r *running) {
			r.mark(0, "a", "b")
			time.Sleep(10 * time.Minute)
			if n := len(r.handled("a")); n != 5 || r.due("a") {
				t.Errorf("it was handled %d times and is due: %v", n, r.due("a"))
			}
			if len(r.handled("b")) != 1 {
				t.Error("another was not handled")
			}
			if want := []string{"a: the last 5 attempts panicked: boom"}; !slices.Equal(calls, want) {
				t.Errorf("parked %v, want %v", calls, want)
			}
		})
	})
	t.Run("what killed its process five times, before it does again", func(t *testing.T) {
		var calls []string
		neverEnds := func(r *running) {
			r.mark(0, "a")
			for range 5 {
				if _, _, err := r.store.ClaimWork(r.Context(), worker.Claim{Owner: "dead", Lease: lease, Limit: 1}); err != nil {
					r.Fatal(err)
				}
				r.update(func(tx store.Tx) error { return tx.ReleaseLeases(r.Context(), "dead") })
			}
		}
		runWith(t, 1, parked(&calls), clean, neverEnds, func(r *running) {
			time.Sleep(2 * time.Hour)
			if n := len(r.handled("a")); n != 0 {
				t.Errorf("it was handled %d times", n)
			}
			if want := []string{"a: the last 5 attempts ended with their process"}; !slices.Equal(calls, want) {
				t.Errorf("parked %v, want %v", calls, want)
			}
		})
	})
	t.Run("not what only fails, however often", func(t *testing.T) {
		var calls []string
		fails := func(context.Context, worker.Work) (time.Time, error) { return time.Time{}, errors.New("no") }
		runParking(t, parked(&calls), fails, func(r *running) {
			r.mark(0, "a")
			time.Sleep(time.Hour)
			if n := len(r.handled("a")); n < 40 || len(calls) > 0 {
				t.Errorf("it was handled %d times, parked %v", n, calls)
			}
		})
	})
}

func TestLoop_survives(t *testing.T) {
	t.Run("a panic, and handles the others", func(t *testing.T) {
		panics := func(_ context.Context, w worker.Work) (time.Time, error) {
			if w.Key == "a" {
				panic("boom")
			}
			return time.Time{}, nil
		}
		run(t, 1, panics, func(r *running) {
			r.mark(0, "a")
			r.mark(0, "b")
			time.Sleep(10 * time.Second)
			if len(r.handled("b")) != 1 {
				t.Error("b was not handled")
			}
			if n := len(r.handled("a")); n < 2 || n > 6 || !r.due("a") {
				t.Errorf("a was handled %d times in 10 s and is due: %v", n, r.due("a"))
			}
		})
	})
	t.Run("a kind that it has no handler for", func(t *testing.T) {
		run(t, 1, clean, func(r *running) {
			r.update(func(tx store.Tx) error {
				return tx.MarkWork(r.Context(), worker.Mark{Kind: worker.Domain, Key: "d", DueAt: time.Now()})
			})
			r.mark(0, "a")
			time.Sleep(time.Second)
			if len(r.handled("a")) != 1 {
				t.Error("a was not handled")
			}
		})
	})
	t.Run("an error, later each time, and forgets it after a success", func(t *testing.T) {
		failures := 4
		flaky := func(context.Context, worker.Work) (time.Time, error) {
			if failures--; failures >= 0 {
				return time.Time{}, errors.New("no")
			}
			return time.Time{}, nil
		}
		run(t, 1, flaky, func(r *running) {
			r.mark(0, "a")
			time.Sleep(time.Minute)
			at := r.handled("a")
			if len(at) != 5 || r.due("a") {
				t.Fatalf("handled at %v", at)
			}
			for i := 2; i < len(at); i++ {
				if at[i].Sub(at[i-1]) <= at[i-1].Sub(at[i-2]) {
					t.Errorf("waits do not grow: %v", at)
				}
			}
			failures = 1
			r.mark(0, "a")
			time.Sleep(time.Minute)
			if at := r.handled("a"); len(at) != 7 || at[6].Sub(at[5]) > time.Second {
				t.Errorf("the first wait after a success is not short: %v", at[5:])
			}
		})
	})
	t.Run("a lost race, and looks again at once", func(t *testing.T) {
		lost := []error{lifecycle.ErrLostRace, fmt.Errorf("write: %w", lifecycle.ErrLostRace), nil}
		racing := func(context.Context, worker.Work) (time.Time, error) {
			err := lost[0]
			lost = lost[1:]
			return time.Time{}, err
		}
		run(t, 1, racing, func(r *running) {
			r.mark(0, "a")
			time.Sleep(10 * time.Second)
			if at := r.handled("a"); len(at) != 3 || at[2].Sub(at[0]) > 50*time.Millisecond {
				t.Errorf("handled at %v", at)
			}
		})
	})
	t.Run("a handler that takes too long: it is cut off before its lease ends", func(t *testing.T) {
		var took time.Duration
		stuck := func(ctx context.Context, w worker.Work) (time.Time, error) {
			if took > 0 {
				return time.Time{}, nil
			}
			begun := time.Now()
			<-ctx.Done()
			took = time.Since(begun)
			return time.Time{}, ctx.Err()
		}
		run(t, 1, stuck, func(r *running) {
			r.mark(0, "a")
			time.Sleep(2 * lease)
			if took >= lease || took < lease/2 {
				t.Errorf("cut off after %s, the lease is %s", took, lease)
			}
			if len(r.handled("a")) != 2 || r.due("a") {
				t.Errorf("handled at %v", r.handled("a"))
			}
		})
	})
	t.Run("a deletion under the handler: the new claim need not wait for the old", func(t *testing.T) {
		var later atomic.Bool
		var goOn chan struct{} // made in the bubble
		slow := func(context.Context, worker.Work) (time.Time, error) {
			if later.Swap(true) {
				return time.Time{}, nil
			}
			<-goOn
			return time.Time{}, lifecycle.ErrFenced
		}
		run(t, 2, slow, func(r *running) {
			goOn = make(chan struct{})
			r.mark(0, "a")
			time.Sleep(time.Second)
			r.update(func(tx store.Tx) error { // in one transaction, as whoever deletes does
				if err := tx.FenceWork(r.Context(), worker.Site, "a"); err != nil {
					return err
				}
				return tx.MarkWork(r.Context(), worker.Mark{Kind: worker.Site, Key: "a", DueAt: time.Now()})
			})
			time.Sleep(time.Second)
			if n := len(r.handled("a")); n != 2 || r.due("a") {
				t.Errorf("handled %d times while the old claim hangs", n)
			}
			goOn <- struct{}{}
			time.Sleep(time.Minute)
			if n := len(r.handled("a")); n != 2 {
				t.Errorf("handled %d times", n)
			}
		})
	})
}

func TestLoop_stops(t *testing.T) {
	var begun, let chan struct{} // made in the bubble
	var letGo bool
	stubborn := func(ctx context.Context, w worker.Work) (time.Time, error) {
		if w.Key != "a" {
			return time.Time{}, nil
		}
		close(begun)
		<-ctx.Done()
		<-let
		letGo = true
		return time.Time{}, ctx.Err()
	}
	run(t, 2, stubborn, func(r *running) {
		begun, let = make(chan struct{}), make(chan struct{})
		r.mark(0, "a")
		<-begun
		r.stop()
		synctest.Wait()
		select {
		case <-r.ended:
			t.Fatal("it returned before its handler had")
		default:
		}
		close(let)
		r.ended <- <-r.ended // it returns now; run looks at the error
		if !letGo {
			t.Error("the handler was left behind")
		}
		r.mark(0, "b")
		time.Sleep(10 * time.Second)
		if len(r.handled("b")) != 0 {
			t.Error("it goes on after its end")
		}
		if !r.due("a") {
			t.Error("what the handler left is not due again")
		}
	})
}
