package worker

import "sync"

// tenants counts what is handled for each tenant, so that one with much to do leaves
// room for the others.
type tenants struct {
	// share is how many handlers one tenant may have: three quarters of them.
	share int

	mu      sync.Mutex
	handled map[string]int
}

func newTenants(concurrency int) tenants {
	return tenants{share: max(1, concurrency*3/4), handled: map[string]int{}}
}

// shares returns how many rows of one tenant to claim at most, and the tenants that
// have their share.
func (t *tenants) shares() (share int, full []string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for tenant, n := range t.handled {
		if n >= t.share {
			full = append(full, tenant)
		}
	}
	return t.share, full
}

func (t *tenants) begin(tenant string) {
	if tenant == "" {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.handled[tenant]++
}

func (t *tenants) end(tenant string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.handled[tenant]--; t.handled[tenant] <= 0 {
		delete(t.handled, tenant)
	}
}
