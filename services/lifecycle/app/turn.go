package app

import (
	"context"
	"sync"

	"github.com/siteplane/siteplane/services/lifecycle/auth"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/store"
)

// The transactions that the callers of one tenant may have at once in this process. A
// database serves so many at a time; no tenant's calls may take them all. Two changes of
// one tenant would be in each other's way in any case.
const (
	readsAtOnce  = 4
	writesAtOnce = 1
)

// ForCaller says whose call a context belongs to: it waits in the lanes of the caller's
// tenant, and knows the rows of that tenant alone. A platform admin acts across tenants.
func ForCaller(ctx context.Context, by auth.Principal) context.Context {
	ctx = store.ForTenant(ctx, by.TenantID)
	if by.Role.Includes(auth.PlatformAdmin) {
		ctx = store.AcrossTenants(ctx)
	}
	return ctx
}

// fairStore is a store in which the calls of a tenant wait for each other, and not for
// those of others. What belongs to no call waits for nobody.
type fairStore struct {
	store.Store

	mu    sync.Mutex
	lanes map[id.Tenant]*lanes
}

// lanes are what the calls of one tenant wait in.
type lanes struct {
	reads, writes chan struct{}
	// users are the calls that have it or wait; without any it is forgotten.
	users int
}

func newFairStore(s store.Store) *fairStore {
	return &fairStore{Store: s, lanes: map[id.Tenant]*lanes{}}
}

// Update implements store.Store.
func (s *fairStore) Update(ctx context.Context, do func(tx store.Tx) error) error {
	leave, err := s.enter(ctx, func(l *lanes) chan struct{} { return l.writes })
	if err != nil {
		return err
	}
	defer leave()
	return s.Store.Update(ctx, do)
}

// View implements store.Store.
func (s *fairStore) View(ctx context.Context, do func(tx store.Tx) error) error {
	leave, err := s.enter(ctx, func(l *lanes) chan struct{} { return l.reads })
	if err != nil {
		return err
	}
	defer leave()
	return s.Store.View(ctx, do)
}

// enter waits for a place in a lane of the call's tenant, or for the end of the call.
func (s *fairStore) enter(ctx context.Context, which func(*lanes) chan struct{}) (leave func(), err error) {
	tenant, ok := store.TenantOf(ctx)
	if !ok {
		return func() {}, nil
	}
	of := s.use(tenant)
	lane := which(of)
	select {
	case lane <- struct{}{}:
		return func() { <-lane; s.unuse(tenant, of) }, nil
	case <-ctx.Done():
		s.unuse(tenant, of)
		return nil, ctx.Err()
	}
}

func (s *fairStore) use(tenant id.Tenant) *lanes {
	s.mu.Lock()
	defer s.mu.Unlock()
	of, ok := s.lanes[tenant]
	if !ok {
		of = &lanes{reads: make(chan struct{}, readsAtOnce), writes: make(chan struct{}, writesAtOnce)}
		s.lanes[tenant] = of
	}
	of.users++
	return of
}

func (s *fairStore) unuse(tenant id.Tenant, of *lanes) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if of.users--; of.users == 0 {
		delete(s.lanes, tenant)
	}
}
