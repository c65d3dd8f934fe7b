package memory_test

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/admin"
	"github.com/siteplane/siteplane/services/lifecycle/store"
	"github.com/siteplane/siteplane/services/lifecycle/store/memory"
)

func TestStore_View(t *testing.T) {
	t.Run("shows what is committed beside a running update, and does not wait for it", func(t *testing.T) {
		s := memory.New(memory.Config{})
		must(t, s.Update(t.Context(), func(tx store.Tx) error {
			must(t, putTenant(t, tx, "ten_1"))
			if has(t, s, "ten_1") {
				t.Error("a view shows what is not committed")
			}
			return nil
		}))
		if !has(t, s, "ten_1") {
			t.Error("a view does not show what is committed")
		}
	})
	t.Run("shows one snapshot while others commit", func(t *testing.T) {
		s := memory.New(memory.Config{})
		must(t, s.View(t.Context(), func(tx store.Tx) error {
			insertTenant(t, s, "ten_1")
			tenants, err := tx.ListTenants(t.Context(), admin.Page{Limit: 10})
			if len(tenants) > 0 {
				t.Errorf("shows %v", tenants)
			}
			return err
		}))
	})
	t.Run("may be read by many at once while others commit", func(t *testing.T) {
		s := memory.New(memory.Config{})
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() {
				for last := 0; last < 300; {
					must(t, s.View(t.Context(), func(tx store.Tx) error {
						found, err := tx.ListTenants(t.Context(), admin.Page{Limit: 1000})
						if len(found) < last {
							t.Errorf("%d tenants after %d", len(found), last)
						}
						last = len(found)
						return err
					}))
				}
			})
		}
		for i := range 300 {
			insertTenant(t, s, numbered(i))
		}
		all.Wait()
	})
}

func TestStore_Update(t *testing.T) {
	t.Run("lets the next one write however a closure ended", func(t *testing.T) {
		s := memory.New(memory.Config{})
		ended := make(chan any)
		for _, end := range []func(){func() { panic("broken") }, runtime.Goexit} {
			go func() {
				defer func() { ended <- recover() }()
				_ = s.Update(t.Context(), func(tx store.Tx) error {
					must(t, putTenant(t, tx, "ten_1"))
					end()
					return nil
				})
			}()
			<-ended
			if has(t, s, "ten_1") {
				t.Error("what was not committed is there")
			}
		}
		insertTenant(t, s, "ten_1")
	})
	t.Run("waits for the one writer no longer than its context", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s := memory.New(memory.Config{})
			other := s.Open()
			begun := time.Now()
			must(t, s.Update(t.Context(), func(store.Tx) error {
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				err := other.Update(ctx, func(store.Tx) error { return nil })
				if !errors.Is(err, context.DeadlineExceeded) || time.Since(begun) != time.Minute {
					t.Errorf("got %v after %s", err, time.Since(begun))
				}
				return nil
			}))
		})
	})
	t.Run("writes one after the other, and waits in a bubble", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s := memory.New(memory.Config{})
			begun := time.Now()
			var all sync.WaitGroup
			for i := range 5 {
				all.Go(func() {
					must(t, s.Open().Update(t.Context(), func(tx store.Tx) error {
						time.Sleep(time.Second)
						return putTenant(t, tx, numbered(i))
					}))
				})
			}
			all.Wait()
			if took := time.Since(begun); took != 5*time.Second {
				t.Errorf("five updates of a second took %s", took)
			}
		})
	})
	t.Run("goes on after a statement that failed, as if it had not been tried", func(t *testing.T) {
		s := memory.New(memory.Config{})
		must(t, s.Update(t.Context(), func(tx store.Tx) error {
			must(t, putTenant(t, tx, "ten_1"))
			err := tx.InsertTenant(t.Context(), admin.Tenant{ID: "ten_2", Name: "ten_1", CreatedAt: time.Unix(1, 0)})
			var taken *lifecycle.TakenError
			if !errors.As(err, &taken) {
				t.Errorf("got %v", err)
			}
			return putTenant(t, tx, "ten_3")
		}))
		if !has(t, s, "ten_1") || has(t, s, "ten_2") || !has(t, s, "ten_3") {
			t.Error("the failed statement left something, or took something along")
		}
	})
	t.Run("ends with its closure for who keeps the transaction", func(t *testing.T) {
		s := memory.New(memory.Config{})
		var kept store.Tx
		must(t, s.Update(t.Context(), func(tx store.Tx) error {
			kept = tx
			return putTenant(t, tx, "ten_1")
		}))
		if err := putTenant(t, kept, "ten_2"); err == nil || has(t, s, "ten_2") {
			t.Errorf("wrote into what is committed: %v", err)
		}
	})
}
