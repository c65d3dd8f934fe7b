package app

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"

	"github.com/siteplane/siteplane/services/lifecycle/auth"
	"github.com/siteplane/siteplane/services/lifecycle/store"
)

// heldStore counts the transactions at once and holds each until it is let go.
type heldStore struct {
	store.Store
	begun chan struct{}
	goOn  chan struct{}
}

func (s *heldStore) Update(context.Context, func(store.Tx) error) error { return s.hold() }
func (s *heldStore) View(context.Context, func(store.Tx) error) error   { return s.hold() }

func (s *heldStore) hold() error {
	s.begun <- struct{}{}
	<-s.goOn
	return nil
}

// The pool of connections cannot be drained by one tenant, F21.
func TestFairStore(t *testing.T) {
	const many = 20
	run := func(t *testing.T, call func(s *fairStore, ctx context.Context) error, atOnce int) {
		synctest.Test(t, func(t *testing.T) {
			held := &heldStore{begun: make(chan struct{}, 2*many), goOn: make(chan struct{})}
			s := newFairStore(held)
			ended := make(chan error, 2*many)
			start := func(ctx context.Context) { go func() { ended <- call(s, ctx) }() }
			for range many {
				start(store.ForTenant(t.Context(), "ten_a"))
			}
			synctest.Wait()
			if n := len(held.begun); n != atOnce {
				t.Errorf("one tenant has %d transactions at once, want %d", n, atOnce)
			}
			start(store.ForTenant(t.Context(), "ten_b"))
			start(t.Context())
			synctest.Wait()
			if n := len(held.begun); n != atOnce+2 {
				t.Errorf("%d others got in beside it, want 2", n-atOnce)
			}
			gone, cancel := context.WithCancel(store.ForTenant(t.Context(), "ten_a"))
			start(gone)
			synctest.Wait()
			cancel()
			if err := <-ended; !errors.Is(err, context.Canceled) {
				t.Errorf("a call that has ended waits on: %v", err)
			}
			close(held.goOn)
			for range many + 2 {
				if err := <-ended; err != nil {
					t.Error(err)
				}
			}
			if len(s.lanes) != 0 {
				t.Errorf("%d tenants are remembered without a call", len(s.lanes))
			}
		})
	}
	t.Run("lets a tenant change one thing at a time", func(t *testing.T) {
		run(t, func(s *fairStore, ctx context.Context) error { return s.Update(ctx, nil) }, 1)
	})
	t.Run("lets a tenant read some things at a time", func(t *testing.T) {
		run(t, func(s *fairStore, ctx context.Context) error { return s.View(ctx, nil) }, 4)
	})
}

// A platform admin waits as everybody does, and acts across tenants.
func TestForCaller(t *testing.T) {
	for role, across := range map[auth.Role]bool{auth.Viewer: false, auth.Operator: false, auth.Admin: false, auth.PlatformAdmin: true} {
		ctx := ForCaller(t.Context(), auth.Principal{TenantID: "ten_a", Role: role})
		if tenant, ok := store.TenantOf(ctx); !ok || tenant != "ten_a" {
			t.Errorf("the call of a %s is %q's", role, tenant)
		}
		if got := store.IsAcrossTenants(ctx); got != across {
			t.Errorf("a %s acts across tenants: %t", role, got)
		}
	}
}
