package storetest

import (
	"fmt"
	"slices"
	"time"

	"pgregory.net/rapid"

	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/store"
	"github.com/siteplane/siteplane/services/lifecycle/worker"
)

var shareTests = []test{
	{"a claim takes no more of one tenant than its share", shareBounds},
	{"without a share a tenant may have the whole claim", shareOfAll},
	{"what belongs to no tenant has no share", shareOfNobody},
	{"rows of full tenants are neither claimed nor waited for", fullTenants},
	{"a claim says when the next row is due or its lease ends", claimTellsNext},
	{"any claim takes what its limit, share and full tenants leave", claimsAreShared},
	{"each owner claims what no other has", ownersAreApart},
	{"a lease holds as long as its claim says", leaseLasts},
	{"the leases of one owner are released, and no other's", leasesOfOwner},
}

// markOf marks rows of a tenant, empty for none, each a second longer due than the next.
func (f *fixture) markOf(tenant id.Tenant, keys ...string) {
	f.Helper()
	f.update(func(tx store.Tx) error {
		for i, key := range keys {
			due := f.now.Add(-time.Duration(len(keys)-i) * time.Second)
			f.must(tx.MarkWork(f.ctx, worker.Mark{Kind: worker.Site, Key: key, TenantID: string(tenant), DueAt: due}))
		}
		return nil
	})
}

// take claims for an owner and returns the keys and when the next row is ready.
func (f *fixture) take(c worker.Claim) (keys []string, next time.Time) {
	f.Helper()
	if c.Lease == 0 {
		c.Lease = lease
	}
	claimed, next, err := f.store.ClaimWork(f.ctx, c)
	f.must(err)
	for _, w := range claimed {
		keys = append(keys, w.Key)
	}
	return keys, next
}

func shareBounds(f *fixture) {
	f.markOf(f.tenant, "a1", "a2", "a3", "a4", "a5")
	f.after(time.Minute)
	f.markOf(f.newTenant("other"), "b1")
	keys, next := f.take(worker.Claim{Owner: "me", Limit: 3, Share: 2})
	equal(f, keys, []string{"a1", "a2", "b1"})
	equal(f, next, f.now.Add(-time.Minute-3*time.Second)) // the third is as due as before
	keys, _ = f.take(worker.Claim{Owner: "me", Limit: 10, Share: 2})
	equal(f, keys, []string{"a3", "a4"}) // the share is that of one claim
}

func shareOfAll(f *fixture) {
	f.markOf(f.tenant, "a1", "a2", "a3")
	keys, _ := f.take(worker.Claim{Owner: "me", Limit: 2})
	equal(f, keys, []string{"a1", "a2"})
}

func shareOfNobody(f *fixture) {
	f.markOf("", "e1", "e2", "e3")
	f.after(time.Minute)
	f.markOf(f.tenant, "a1", "a2")
	keys, next := f.take(worker.Claim{Owner: "me", Limit: 10, Share: 1})
	equal(f, keys, []string{"e1", "e2", "e3", "a1"})
	equal(f, next, f.now.Add(-time.Second))
}

func fullTenants(f *fixture) {
	other, third := f.newTenant("other"), f.newTenant("third")
	f.markOf(f.tenant, "a1")
	f.markOf(other, "b1")
	f.after(time.Minute)
	f.markOf(third, "c1")
	f.markOf("", "e1")
	full := []string{string(f.tenant), string(other)}
	keys, next := f.take(worker.Claim{Owner: "me", Limit: 10, Full: append(full, string(third))})
	equal(f, keys, []string{"e1"})
	equal(f, next, f.now.Add(lease)) // that of what belongs to nobody
	keys, next = f.take(worker.Claim{Owner: "me", Limit: 10, Full: full})
	equal(f, keys, []string{"c1"})
	equal(f, next, f.now.Add(lease))
	keys, _ = f.take(worker.Claim{Owner: "me", Limit: 10})
	slices.Sort(keys) // both are due since one time
	equal(f, keys, []string{"a1", "b1"})
}

func claimTellsNext(f *fixture) {
	_, next := f.take(worker.Claim{Owner: "me", Limit: 10})
	equal(f, next, time.Time{})
	f.mark("later", f.now.Add(time.Hour), "")
	keys, next := f.take(worker.Claim{Owner: "me", Limit: 10})
	equal(f, keys, nil)
	equal(f, next, f.now.Add(time.Hour))
	f.markOf(f.tenant, "first", "second")
	_, next = f.take(worker.Claim{Owner: "me", Limit: 1})
	equal(f, next, f.now.Add(-time.Second))
	_, next = f.take(worker.Claim{Owner: "me", Limit: 1})
	equal(f, next, f.now.Add(lease))
}

// claimsAreShared compares random claims with what their fields mean.
func claimsAreShared(f *fixture) {
	tenants := []id.Tenant{"", f.tenant, f.newTenant("other")}
	run := 0
	rapid.Check(f.T, func(t *rapid.T) {
		f.drain()
		run++
		var marked []id.Tenant
		for i := range rapid.IntRange(0, 8).Draw(t, "rows") {
			marked = append(marked, rapid.SampledFrom(tenants).Draw(t, "tenant"))
			f.markOf(marked[i], fmt.Sprintf("run%d-%d", run, i))
			f.after(time.Second)
		}
		c := worker.Claim{Owner: "me", Limit: rapid.IntRange(2, 10).Draw(t, "limit"), Share: rapid.IntRange(0, 4).Draw(t, "share")}
		for _, tenant := range tenants[1:] {
			if rapid.Bool().Draw(t, "full") {
				c.Full = append(c.Full, string(tenant))
			}
		}
		var want []string
		for i := range marked {
			if taken(c, marked, i) {
				want = append(want, fmt.Sprintf("run%d-%d", run, i))
			}
		}
		if got, _ := f.take(c); !slices.Equal(got, want[:min(len(want), c.Limit)]) {
			t.Fatalf("%+v of rows of %q claims %v, means the first of %v", c, marked, got, want)
		}
	})
}

// taken says whether a claim without a limit takes a row; they are in the order in which
// they are due.
func taken(c worker.Claim, marked []id.Tenant, row int) bool {
	tenant, before := marked[row], 0
	for _, other := range marked[:row] {
		if other == tenant {
			before++
		}
	}
	share := c.Share
	if share == 0 {
		share = c.Limit
	}
	return tenant == "" || !slices.Contains(c.Full, string(tenant)) && before < share
}

func ownersAreApart(f *fixture) {
	f.markOf(f.tenant, "a1", "a2")
	mine, _ := f.take(worker.Claim{Owner: "me", Limit: 1})
	yours, _ := f.take(worker.Claim{Owner: "you", Limit: 10})
	equal(f, mine, []string{"a1"})
	equal(f, yours, []string{"a2"})
	f.after(lease)
	both, _ := f.take(worker.Claim{Owner: "you", Limit: 10})
	slices.Sort(both)
	equal(f, both, []string{"a1", "a2"}) // whosever it was
}

func leaseLasts(f *fixture) {
	f.markOf(f.tenant, "a1")
	_, next := f.take(worker.Claim{Owner: "me", Limit: 1, Lease: 3 * time.Hour})
	equal(f, next, f.now.Add(3*time.Hour))
	f.after(3*time.Hour - time.Microsecond)
	keys, _ := f.take(worker.Claim{Owner: "you", Limit: 1})
	equal(f, keys, nil)
	f.after(time.Microsecond)
	keys, _ = f.take(worker.Claim{Owner: "you", Limit: 1})
	equal(f, keys, []string{"a1"})
}

func leasesOfOwner(f *fixture) {
	f.markOf(f.tenant, "mine1", "mine2")
	claimed, _, err := f.store.ClaimWork(f.ctx, worker.Claim{Owner: "me", Lease: lease, Limit: 10})
	f.must(err)
	f.markOf(f.tenant, "yours")
	yours, _, err := f.store.ClaimWork(f.ctx, worker.Claim{Owner: "you", Lease: lease, Limit: 10})
	f.must(err)
	f.update(func(tx store.Tx) error { return tx.ReleaseLeases(f.ctx, "nobody") })
	equal(f, f.claim(10), nil)
	f.update(func(tx store.Tx) error { return tx.ReleaseLeases(f.ctx, "me") })
	f.must(f.hold(yours[0]))
	keys, _ := f.take(worker.Claim{Owner: "other", Limit: 10})
	equal(f, keys, []string{"mine1", "mine2"})
	for _, w := range claimed {
		f.is(f.hold(w), lifecycle.ErrFenced)
	}
	f.must(f.hold(yours[0]))
	f.finish(yours[0], time.Time{})
	f.dueOf("yours", time.Time{})
}
