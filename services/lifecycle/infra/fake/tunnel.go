package fake

import (
	"context"
	"strings"
	"sync"

	"github.com/siteplane/siteplane/services/lifecycle/infra"
)

// Tunnel is an infra.TunnelProvider over zones in memory.
type Tunnel struct {
	journal

	mu    sync.Mutex
	zones []string
	down  bool
}

var _ infra.TunnelProvider = (*Tunnel)(nil)

// NewTunnel returns a provider that has these zones.
func NewTunnel(zones ...string) *Tunnel { return &Tunnel{zones: zones} }

// SetDown makes look-ups fail, or work again.
func (t *Tunnel) SetDown(down bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.down = down
}

// LookupZone implements infra.TunnelProvider.
func (t *Tunnel) LookupZone(_ context.Context, hostname string) (infra.ZoneAnswer, error) {
	answer, err := t.lookup(hostname)
	t.note(Call{Method: "LookupZone", Object: hostname, Err: err})
	return answer, err
}

func (t *Tunnel) lookup(hostname string) (infra.ZoneAnswer, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.down {
		return infra.ZoneAnswer{}, unavailable("tunnel")
	}
	for _, zone := range t.zones {
		if hostname == zone || strings.HasSuffix(hostname, "."+zone) {
			return infra.ZoneAnswer{Found: true, ZoneName: zone, Backend: "fake"}, nil
		}
	}
	return infra.ZoneAnswer{Backend: "fake"}, nil
}
