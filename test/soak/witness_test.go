package soak_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
)

// fetchEvery is the pause between two visits.
const fetchEvery = 25 * time.Millisecond

// witness is a site that nobody touches, with a name of the platform and one that
// the tunnel leads to.
type witness struct {
	siteID    string
	domainIDs []string
	// platform and managed are its hostnames.
	platform, managed string
}

func (w *world) makeWitness(ctx context.Context, t *testing.T) witness {
	t.Helper()
	p := plan{name: "witness", slug: "witness", added: "witness." + managedZone}
	siteID, err := w.create(ctx, p)
	must(t, err)
	domainID, err := w.add(ctx, p, siteID)
	must(t, err)
	must(t, w.awaitSite(ctx, siteID, isSite(lifecyclev1.SiteStatus_SITE_STATUS_ACTIVE)))
	must(t, w.awaitDomain(ctx, domainID))
	found, err := w.sites.GetSite(ctx, &lifecyclev1.GetSiteRequest{SiteId: siteID})
	must(t, err)
	primary := found.GetSite().GetPrimaryDomain()
	return witness{siteID: siteID, domainIDs: []string{primary.GetDomainId(), domainID}, platform: primary.GetHostname(), managed: p.added}
}

// outages are the times in which nginx was dead.
type outages struct {
	mu  sync.Mutex
	all []outage
}

// outage is one of them; until is zero while it lasts.
type outage struct{ from, until time.Time }

func (o *outages) begin() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.all = append(o.all, outage{from: time.Now()})
}

func (o *outages) end() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.all[len(o.all)-1].until = time.Now()
}

// excuse reports whether nginx was dead at any time of a visit.
func (o *outages) excuse(from, until time.Time) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, out := range o.all {
		if out.from.Before(until) && (out.until.IsZero() || out.until.After(from)) {
			return true
		}
	}
	return false
}

// visit fetches the witness by both its names until it is told to go, and says
// for how long it was refused at most. A refusal without an outage of nginx fails
// the test.
func (w *world) visit(t *testing.T, site witness) (leave func() (longest time.Duration)) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	longest := make([]time.Duration, 2)
	var visitors sync.WaitGroup
	visitors.Go(func() { longest[0] = w.fetchAlways(ctx, t, w.Edge(), site.platform) })
	visitors.Go(func() { longest[1] = w.fetchAlways(ctx, t, w.CloudflareVisitors(), site.managed) })
	return func() time.Duration {
		cancel()
		visitors.Wait()
		return max(longest[0], longest[1])
	}
}

// maxRefusals is how many refusals are told.
const maxRefusals = 5

func (w *world) fetchAlways(ctx context.Context, t *testing.T, address, host string) (longest time.Duration) {
	pace := time.NewTicker(fetchEvery)
	defer pace.Stop()
	var since time.Time
	refusals := 0
	for ctx.Err() == nil {
		from := time.Now()
		err := serves(context.WithoutCancel(ctx), address, host)
		until := time.Now()
		switch {
		case err == nil && !since.IsZero():
			longest, since = max(longest, until.Sub(since)), time.Time{}
		case err != nil && since.IsZero():
			since = from
		}
		if err != nil && !w.outages.excuse(from, until) && refusals < maxRefusals {
			refusals++
			t.Errorf("a visitor of %s at %s was refused at %s, and nginx was not killed: %v", host, address, from.Format(time.StampMilli), err)
		}
		select {
		case <-pace.C:
		case <-ctx.Done():
		}
	}
	return longest
}

// serves demands that a host answers with the page of its origin.
func serves(ctx context.Context, address, host string) error {
	code, body, err := fetch(ctx, address, host)
	if err == nil && body != page {
		err = fmt.Errorf("it answers %d: %q", code, body)
	}
	return err
}
