// Package ranges knows which addresses are Cloudflare's.
//
// It owns the list that Cloudflare publishes: it fetches it at first use and once
// a day, and has a dated copy for the time before and for hosts that may fetch
// nothing. It must not know what the answer decides.
//
// Invariant: a list that is empty, short, too wide or not a list at all never
// replaces the last good one. Else nothing, or everything, would be Cloudflare's.
package ranges

import (
	"context"
	"log/slog"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"github.com/siteplane/siteplane/internal/platform/netrange"
)

const (
	// refresh is how long a list is used before it is asked for again, and retry
	// how long after that failed.
	refresh = 24 * time.Hour
	retry   = time.Minute
	// maxAge is the age from which a list that nobody could refresh is reported,
	// once a day.
	maxAge = 30 * 24 * time.Hour
)

// Config says where the list comes from.
type Config struct {
	// URL answers as Cloudflare's /client/v4/ips does. Empty: only the copy.
	URL    string
	Logger *slog.Logger
	// Now tells the time; nil for the clock.
	Now func() time.Time
}

// Cloudflare is the list. It may be used by many at once.
type Cloudflare struct {
	url    string
	client *http.Client
	log    *slog.Logger
	now    func() time.Time

	mu   sync.Mutex
	list list
	// due is when to fetch next, warned when the age was reported last.
	due, warned time.Time
}

// New returns the copy, to be refreshed at first use.
func New(cfg Config) *Cloudflare {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &Cloudflare{url: cfg.URL, client: newClient(), log: cfg.Logger, now: cfg.Now, list: embedded()}
}

// Contains reports whether an address is Cloudflare's. The first use of a day
// takes the time of a fetch, at most a few seconds.
func (c *Cloudflare) Contains(ctx context.Context, addr netip.Addr) bool {
	return netrange.Contains(c.networks(ctx), addr)
}

// networks returns the list of today, or else the last good one. Who comes during
// a fetch waits for it: before the first, the copy may be of another world.
func (c *Cloudflare) networks(ctx context.Context) []netip.Prefix {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now()
	if c.url != "" && !now.Before(c.due) {
		c.renew(ctx, now)
	}
	if age := now.Sub(c.list.at); age > maxAge && now.Sub(c.warned) >= refresh {
		c.warned = now
		c.log.WarnContext(ctx, "list of Cloudflare's addresses is old", "days", int(age.Hours()/24))
	}
	return c.list.networks
}

// renew fetches the list, and keeps the last good one when that fails.
func (c *Cloudflare) renew(ctx context.Context, now time.Time) {
	fetched, err := c.fetch(ctx, now)
	if err == nil {
		err = fetched.replaces(c.list)
	}
	if err != nil {
		c.due = now.Add(retry)
		c.log.WarnContext(ctx, "list of Cloudflare's addresses not refreshed, the last good one stays", "error", err)
		return
	}
	c.list, c.due = fetched, now.Add(refresh)
}
