package app

import (
	"context"
	"maps"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/siteplane/siteplane/services/lifecycle/admin"
	"github.com/siteplane/siteplane/services/lifecycle/auth"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/store"
)

// checkRoom returns an *admin.LimitError when a tenant may not have so much more. It
// counts in the transaction that adds, so that no two callers take the last place.
func (c *ControlPlane) checkRoom(ctx context.Context, tx store.Tx, tenant id.Tenant, more admin.Usage) error {
	t, err := tx.GetTenant(ctx, tenant)
	if err != nil {
		return err
	}
	used, err := tx.Usage(ctx, tenant)
	if err != nil {
		return err
	}
	return used.Check(t.Limits.Over(c.cfg.TenantLimits), more)
}

// paceKept is how long the requests per second that a tenant is allowed are not read again.
const paceKept = time.Second

// forgetCallers has what every call reads of its caller be read anew, because it was changed.
func (c *ControlPlane) forgetCallers() {
	c.forgetKeys()
	c.paces.Clear()
}

// Admit counts a call against its tenant's requests per second and notes that the key
// was used. Too many are an *admin.LimitError.
func (c *ControlPlane) Admit(ctx context.Context, by auth.Principal) error {
	allowed, err := c.paces.Get(by.TenantID, func() (allowed int64, err error) {
		err = c.store.View(ctx, func(tx store.Tx) error {
			t, err := tx.GetTenant(ctx, by.TenantID)
			allowed = t.Limits.Over(c.cfg.TenantLimits).RequestsPerSecond
			return err
		})
		return allowed, err
	})
	if err != nil {
		return err
	}
	now := c.clock()
	if wait := c.pace.take(by.TenantID, allowed, now); wait > 0 {
		return &admin.LimitError{Limit: admin.LimitRequests, Allowed: allowed, Used: allowed, RetryAfter: wait}
	}
	c.noteUse(ctx, by.KeyID, now)
	return nil
}

// pace counts the calls of each tenant. It forgets tenants that have been silent: a
// full bucket is as good as none.
type pace struct {
	mu      sync.Mutex
	buckets map[id.Tenant]*rate.Limiter
	swept   time.Time
}

// take takes one call from a tenant's bucket, or returns how long it must wait for
// one. A bucket holds two seconds' calls.
func (p *pace) take(tenant id.Tenant, perSecond int64, now time.Time) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sweep(now)
	bucket, ok := p.buckets[tenant]
	if !ok || bucket.Limit() != rate.Limit(perSecond) {
		bucket = rate.NewLimiter(rate.Limit(perSecond), int(2*perSecond))
		p.buckets[tenant] = bucket
	}
	if bucket.AllowN(now, 1) {
		return 0
	}
	return max(time.Second/time.Duration(perSecond), time.Millisecond)
}

// sweep drops the full buckets, once a minute.
func (p *pace) sweep(now time.Time) {
	if p.buckets == nil {
		p.buckets, p.swept = map[id.Tenant]*rate.Limiter{}, now
	}
	if now.Sub(p.swept) < time.Minute {
		return
	}
	p.swept = now
	maps.DeleteFunc(p.buckets, func(_ id.Tenant, bucket *rate.Limiter) bool {
		return bucket.TokensAt(now) >= float64(bucket.Burst())
	})
}

// noteUse writes down that a key was used, at most once a minute for each. A database
// that cannot be written to is no reason to refuse a call that reads.
func (c *ControlPlane) noteUse(ctx context.Context, key id.Key, now time.Time) {
	if key == "" || !c.uses.due(key, now) {
		return
	}
	if err := c.store.Update(ctx, func(tx store.Tx) error { return tx.UseKey(ctx, key, now) }); err != nil {
		c.logger.DebugContext(ctx, "the use of a key was not written down", "key_id", key, "error", err)
	}
}

// uses remembers when the use of each key was written down, for a minute.
type uses struct {
	mu    sync.Mutex
	last  map[id.Key]time.Time
	swept time.Time
}

// due reports whether a minute has passed, and takes it that it is written down now.
func (u *uses) due(key id.Key, now time.Time) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.sweep(now)
	if last, ok := u.last[key]; ok && now.Sub(last) < time.Minute {
		return false
	}
	u.last[key] = now
	return true
}

// sweep forgets what is due again anyway, once a minute.
func (u *uses) sweep(now time.Time) {
	if u.last == nil {
		u.last, u.swept = map[id.Key]time.Time{}, now
	}
	if now.Sub(u.swept) < time.Minute {
		return
	}
	u.swept = now
	maps.DeleteFunc(u.last, func(_ id.Key, last time.Time) bool { return now.Sub(last) >= time.Minute })
}
