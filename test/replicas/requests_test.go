package replicas_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"

	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
)

// longLease is long enough for a test to show that nobody waited for its end.
const longLease = 20 * time.Second

func TestReplicas(t *testing.T) {
	w := setup(t, longLease)
	var made []string

	w.run("the same request to all at once has one effect and one answer", func(t *testing.T) {
		for n := range 4 {
			name := fmt.Sprintf("same-%d", n)
			all := atOnce(t, w.replicas, 2, func(ctx context.Context, r *replica, _ int) (*lifecyclev1.CreateSiteResponse, error) {
				return r.sites.CreateSite(ctx, w.request("request-"+name, name))
			})
			if diff := cmp.Diff(map[string]int{"OK": len(all)}, count(all)); diff != "" {
				t.Fatalf("(-want +got):\n%s", diff)
			}
			for _, o := range all[1:] {
				if diff := cmp.Diff(all[0].answer, o.answer, protocmp.Transform()); diff != "" {
					t.Errorf("two answers differ:\n%s", diff)
				}
			}
			made = append(made, all[0].answer.GetSite().GetSiteId())
		}
		for _, r := range w.replicas {
			listed, err := r.sites.ListSites(t.Context(), &lifecyclev1.ListSitesRequest{})
			must(t, err)
			if len(listed.GetSites()) != len(made) {
				t.Errorf("%s knows %d sites, not %d", r.name, len(listed.GetSites()), len(made))
			}
		}
	})
	w.run("one of those who want the same slug wins", func(t *testing.T) {
		for n := range 4 {
			all := atOnce(t, w.replicas, 2, func(ctx context.Context, r *replica, caller int) (*lifecyclev1.CreateSiteResponse, error) {
				want := w.request(fmt.Sprintf("slug-%d-%d", n, caller), fmt.Sprintf("slug %d by %d", n, caller))
				want.Site.Slug = fmt.Sprintf("wanted-%d", n)
				return r.sites.CreateSite(ctx, want)
			})
			if diff := cmp.Diff(map[string]int{"OK": 1, "AlreadyExists NAME_TAKEN": len(all) - 1}, count(all)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			for _, o := range all {
				if o.err == nil {
					made = append(made, o.answer.GetSite().GetSiteId())
				}
			}
		}
	})
	w.run("one of the sites that want the same name gets it", func(t *testing.T) {
		all := atOnce(t, w.replicas, 2, func(ctx context.Context, r *replica, caller int) (*lifecyclev1.AddDomainResponse, error) {
			return r.domains.AddDomain(ctx, &lifecyclev1.AddDomainRequest{SiteId: made[caller], Hostname: "www.wanted.test"})
		})
		if diff := cmp.Diff(map[string]int{"OK": 1, "AlreadyExists NAME_TAKEN": len(all) - 1}, count(all)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
	w.run("a limit holds for all together", func(t *testing.T) {
		all := atOnce(t, w.tenant(t, "limited", 4), 4, func(ctx context.Context, r *replica, caller int) (*lifecyclev1.CreateSiteResponse, error) {
			return r.sites.CreateSite(ctx, w.request("", fmt.Sprintf("limited %d", caller)))
		})
		if diff := cmp.Diff(map[string]int{"OK": 4, "ResourceExhausted LIMIT_REACHED": len(all) - 4}, count(all)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
	w.run("every site becomes ACTIVE, by the work of more than one", func(t *testing.T) {
		for n, siteID := range made {
			w.awaitSite(w.replicas[n%replicas], siteID, activeSite)
		}
		working := 0
		for _, r := range w.replicas {
			if w.logged(r.name, "step intent") > 0 {
				working++
			}
		}
		if working < 2 {
			t.Errorf("%d of the replicas worked", working)
		}
	})
	w.run("one that is ended frees what it had under way at once", func(t *testing.T) {
		var site *lifecyclev1.Site
		held := w.underWay(edge, func(r *replica) { site = w.create(r, "ended") })
		must(t, w.Terminate(held.name))
		ended := time.Now()
		if n := w.leases(held); n != 0 {
			t.Errorf("%d leases of it are left", n)
		}
		eventually(t, 3*time.Second, "another replica takes the edge over", func(ctx context.Context) error {
			_, err := w.holder(ctx, edge)
			return err
		})
		t.Logf("the edge was taken over after %s, a lease is %s", time.Since(ended).Round(time.Millisecond), longLease)
		w.release(w.replicas...)
		w.awaitSite(w.others(held)[0], site.GetSiteId(), activeSite)
	})
}

// tenant makes a tenant that may have so many sites, and returns the replicas as its
// key reaches them.
func (w *world) tenant(t *testing.T, name string, sites int64) (its []*replica) {
	t.Helper()
	made, err := w.replicas[0].tenants.CreateTenant(t.Context(), &lifecyclev1.CreateTenantRequest{
		Name: name, Limits: &lifecyclev1.TenantLimits{Sites: &sites},
	})
	must(t, err)
	for n := range w.replicas {
		its = append(its, w.connect(n+1, made.GetApiKey()))
	}
	return its
}
