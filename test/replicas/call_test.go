package replicas_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
	"github.com/siteplane/siteplane/internal/platform/rpcerr"
)

// callLimit bounds a call with the repetitions that it asks for.
const callLimit = 15 * time.Second

// request asks for a site; the id may be empty.
func (w *world) request(id, name string) *lifecyclev1.CreateSiteRequest {
	origin := &lifecyclev1.Origin{Targets: []*lifecyclev1.Target{{Address: w.origin}}}
	return &lifecyclev1.CreateSiteRequest{RequestId: id, Site: &lifecyclev1.Site{
		Name: name, Spec: &lifecyclev1.SiteSpec{Backend: &lifecyclev1.SiteSpec_Origin{Origin: origin}},
	}}
}

// create makes a site at a replica.
func (w *world) create(r *replica, name string) *lifecyclev1.Site {
	w.t.Helper()
	answer, err := again(w.t.Context(), func(ctx context.Context) (*lifecyclev1.CreateSiteResponse, error) {
		return r.sites.CreateSite(ctx, w.request("", name))
	})
	must(w.t, err)
	return answer.GetSite()
}

// awaitSite looks at a site until it has a status.
func (w *world) awaitSite(r *replica, siteID string, want lifecyclev1.SiteStatus) {
	w.t.Helper()
	eventually(w.t, patience, fmt.Sprintf("site %s becomes %s", siteID, want), func(ctx context.Context) error {
		found, err := r.sites.GetSite(ctx, &lifecyclev1.GetSiteRequest{SiteId: siteID})
		if err == nil && found.GetSite().GetStatus() != want {
			err = fmt.Errorf("it is %s", found)
		}
		return err
	})
}

// remove deletes a site.
func (w *world) remove(r *replica, siteID string) {
	w.t.Helper()
	_, err := again(w.t.Context(), func(ctx context.Context) (*lifecyclev1.DeleteSiteResponse, error) {
		return r.sites.DeleteSite(ctx, &lifecyclev1.DeleteSiteRequest{SiteId: siteID})
	})
	must(w.t, err)
	w.awaitSite(r, siteID, deletedSite)
}

// add gives a site a name, waits until it is ACTIVE and returns its id.
func (w *world) add(r *replica, site *lifecyclev1.Site, hostname string) string {
	w.t.Helper()
	answer, err := again(w.t.Context(), func(ctx context.Context) (*lifecyclev1.AddDomainResponse, error) {
		return r.domains.AddDomain(ctx, &lifecyclev1.AddDomainRequest{SiteId: site.GetSiteId(), Hostname: hostname})
	})
	must(w.t, err)
	w.awaitDomain(r, answer.GetDomain().GetDomainId(), activeDomain)
	return answer.GetDomain().GetDomainId()
}

// giveUp asks for a name to go.
func (w *world) giveUp(r *replica, domainID string) {
	w.t.Helper()
	_, err := again(w.t.Context(), func(ctx context.Context) (*lifecyclev1.RemoveDomainResponse, error) {
		return r.domains.RemoveDomain(ctx, &lifecyclev1.RemoveDomainRequest{DomainId: domainID})
	})
	must(w.t, err)
}

// awaitDomain looks at a domain until it has a status.
func (w *world) awaitDomain(r *replica, domainID string, want lifecyclev1.DomainStatus) {
	w.t.Helper()
	eventually(w.t, patience, fmt.Sprintf("domain %s becomes %s", domainID, want), func(ctx context.Context) error {
		found, err := r.domains.GetDomain(ctx, &lifecyclev1.GetDomainRequest{DomainId: domainID})
		if err == nil && found.GetDomain().GetStatus() != want {
			err = fmt.Errorf("it is %s", found)
		}
		return err
	})
}

// outcome is what one caller was answered.
type outcome[Answer any] struct {
	answer Answer
	err    error
}

// reason is what a refusal is known by, or OK.
func (o outcome[Answer]) reason() string {
	if o.err == nil {
		return codes.OK.String()
	}
	return status.Code(o.err).String() + " " + rpcerr.Reason(o.err)
}

// atOnce calls every replica the same number of times, all at the same time, and
// repeats what asks to be repeated.
func atOnce[Answer any](t *testing.T, all []*replica, times int, call func(ctx context.Context, r *replica, n int) (Answer, error)) []outcome[Answer] {
	t.Helper()
	out := make([]outcome[Answer], times*len(all))
	start := make(chan struct{})
	var callers sync.WaitGroup
	for n := range out {
		callers.Go(func() {
			<-start
			answer, err := again(t.Context(), func(ctx context.Context) (Answer, error) {
				return call(ctx, all[n%len(all)], n)
			})
			out[n] = outcome[Answer]{answer, err}
		})
	}
	close(start)
	callers.Wait()
	return out
}

// again repeats a call while it is refused with a code that asks for that.
func again[Answer any](ctx context.Context, call func(ctx context.Context) (Answer, error)) (Answer, error) {
	ctx, cancel := context.WithTimeout(ctx, callLimit)
	defer cancel()
	for {
		answer, err := call(ctx)
		switch status.Code(err) {
		case codes.Aborted, codes.Unavailable:
		default:
			return answer, err
		}
		select {
		case <-ctx.Done():
			return answer, err
		case <-time.After(lookEvery):
		}
	}
}

// count tells the reasons of outcomes.
func count[Answer any](all []outcome[Answer]) map[string]int {
	reasons := map[string]int{}
	for _, o := range all {
		reasons[o.reason()]++
	}
	return reasons
}
