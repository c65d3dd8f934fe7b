package soak_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
)

// plan is what a tenant does with one site.
type plan struct {
	name string
	// slug is empty for one that is made from the name; then a create that was done
	// twice leaves a second site.
	slug string
	// primary is a hostname below the managed zone to begin with, added one to add
	// later; empty for none.
	primary, added string
	// again asks for everything twice, as who did not hear the first answer.
	again bool
	// hasty deletes after a moment, whatever has become of the site.
	hasty  bool
	moment time.Duration
}

func (p plan) String() string { return p.name }

// managedAtMost is about how many sites have a name below the managed zone, and
// never more than half: each costs twenty calls to Cloudflare, a death of the tunnel
// service twenty more, and when 720 are spent, every new name waits for minutes.
const managedAtMost = 16

// plansFrom returns plans that depend on the seed alone.
func plansFrom(number, seed uint64) []plan {
	plans := make([]plan, number)
	every := max(2, len(plans)/managedAtMost+1)
	for i := range plans {
		chance := rand.New(rand.NewPCG(seed, uint64(i)))
		p := plan{
			name: fmt.Sprintf("site-%d", i), again: chance.IntN(3) == 0,
			hasty: chance.IntN(4) == 0, moment: time.Duration(chance.IntN(1000)) * time.Millisecond,
		}
		if chance.IntN(2) == 0 {
			p.slug = fmt.Sprintf("slug-%d", i)
		}
		switch hostname := p.name + "." + managedZone; i % (2 * every) {
		case 0:
			p.primary = hostname
		case every:
			p.added = hostname
		}
		plans[i] = p
	}
	return plans
}

// walk makes a site, sees it ACTIVE unless the plan is hasty, and deletes it.
func (w *world) walk(ctx context.Context, p plan) error {
	siteID, err := w.create(ctx, p)
	if err != nil {
		return fmt.Errorf("create: %w", err)
	}
	domainID, err := w.add(ctx, p, siteID)
	if err != nil {
		return fmt.Errorf("add %s: %w", p.added, err)
	}
	var lost error
	if p.hasty {
		pause(ctx, p.moment)
	} else {
		lost = w.awaitSite(ctx, siteID, isSite(lifecyclev1.SiteStatus_SITE_STATUS_ACTIVE))
		if domainID != "" && lost == nil {
			lost = w.awaitDomain(ctx, domainID)
		}
	}
	return errors.Join(lost, w.remove(ctx, siteID))
}

// create makes the site of a plan. All answers must name the same one.
func (w *world) create(ctx context.Context, p plan) (siteID string, err error) {
	request := &lifecyclev1.CreateSiteRequest{
		Site:            &lifecyclev1.Site{Name: p.name, Slug: p.slug, Spec: w.spec()},
		PrimaryHostname: p.primary, RequestId: "create " + p.name,
	}
	answer, err := insist(ctx, w, w.sites.CreateSite, request)
	if err != nil || !p.again {
		return answer.GetSite().GetSiteId(), err
	}
	second, err := insist(ctx, w, w.sites.CreateSite, request)
	if first := answer.GetSite().GetSiteId(); err == nil && second.GetSite().GetSiteId() != first {
		err = fmt.Errorf("one request made %s and %s", first, second.GetSite().GetSiteId())
	}
	return answer.GetSite().GetSiteId(), err
}

func (w *world) spec() *lifecyclev1.SiteSpec {
	return &lifecyclev1.SiteSpec{Backend: &lifecyclev1.SiteSpec_Origin{
		Origin: &lifecyclev1.Origin{Targets: []*lifecyclev1.Target{{Address: w.origin}}},
	}}
}

// add adds the hostname of a plan that has one.
func (w *world) add(ctx context.Context, p plan, siteID string) (domainID string, err error) {
	if p.added == "" {
		return "", nil
	}
	request := &lifecyclev1.AddDomainRequest{SiteId: siteID, Hostname: p.added, RequestId: "add " + p.name}
	answer, err := insist(ctx, w, w.domains.AddDomain, request)
	if err == nil && p.again {
		answer, err = insist(ctx, w, w.domains.AddDomain, request)
	}
	return answer.GetDomain().GetDomainId(), err
}

// remove deletes a site and sees it DELETED.
func (w *world) remove(ctx context.Context, siteID string) error {
	if _, err := insist(ctx, w, w.sites.DeleteSite, &lifecyclev1.DeleteSiteRequest{SiteId: siteID}); err != nil {
		return fmt.Errorf("delete: %w", err)
	}
	return w.awaitSite(ctx, siteID, isSite(lifecyclev1.SiteStatus_SITE_STATUS_DELETED))
}

// pause lets a moment pass: when somebody does something is part of the chance.
func pause(ctx context.Context, moment time.Duration) {
	timer := time.NewTimer(moment)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
