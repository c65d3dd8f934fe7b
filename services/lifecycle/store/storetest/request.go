package storetest

import (
	"crypto/sha256"
	"time"

	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/store"
)

var requestTests = []test{
	{"a request is kept as it was written", requestIsKept},
	{"a request that was never made is not there", unknownRequest},
	{"a request id is answered once per tenant", requestIsUnique},
	{"of two requests of one id exactly one wins", requestsRace},
	{"the oldest requests are pruned, up to so many", requestsArePruned},
	{"a request of an unknown tenant is refused", requestOfUnknownTenant},
}

func (f *fixture) newRequest(requestID string) store.Request {
	f.Helper()
	r := store.Request{
		TenantID: f.tenant, ID: requestID, Hash: sha256.Sum256([]byte("body")), ObjectID: "site_1",
		Answer: `{"site":{"id":"site_1"}}`, CreatedAt: f.now,
	}
	f.update(func(tx store.Tx) error { return tx.InsertRequest(f.ctx, r) })
	return r
}

// finds checks what the store says about a request id.
func (f *fixture) finds(tenant id.Tenant, requestID string, want store.Request) {
	f.Helper()
	f.must(f.store.View(f.ctx, func(tx store.Tx) error {
		got, ok, err := tx.GetRequest(f.ctx, tenant, requestID)
		equal(f, ok, want.ID != "")
		equal(f, got, want)
		return err
	}))
}

func requestIsKept(f *fixture) {
	r := f.newRequest("r1")
	f.finds(f.tenant, "r1", r)
	bare := store.Request{TenantID: f.tenant, ID: "r2", CreatedAt: f.now}
	f.update(func(tx store.Tx) error { return tx.InsertRequest(f.ctx, bare) })
	f.finds(f.tenant, "r2", bare)
}

func unknownRequest(f *fixture) {
	f.newRequest("r1")
	f.finds(f.tenant, "r2", store.Request{})
	f.finds(f.newTenant("stranger"), "r1", store.Request{})
}

func requestIsUnique(f *fixture) {
	r := f.newRequest("r1")
	again := r
	again.ObjectID = "site_2"
	f.is(f.try(func(tx store.Tx) error { return tx.InsertRequest(f.ctx, again) }), lifecycle.ErrLostRace)
	f.finds(f.tenant, "r1", r)
	again.TenantID = f.newTenant("stranger")
	f.update(func(tx store.Tx) error { return tx.InsertRequest(f.ctx, again) })
}

func requestsRace(f *fixture) {
	r := store.Request{TenantID: f.tenant, ID: "r1", ObjectID: "site_1", CreatedAt: f.now}
	f.oneWins(func(tx store.Tx) error { return tx.InsertRequest(f.ctx, r) })
}

func requestsArePruned(f *fixture) {
	other := f.as("other")
	first := f.newRequest("r1")
	f.after(time.Minute)
	other.now = f.now
	second, third := other.newRequest("r1"), f.newRequest("r2")
	f.after(time.Minute)
	last := f.newRequest("r3")
	for _, step := range []struct {
		before time.Time
		limit  int
		kept   int
	}{{first.CreatedAt, 10, 4}, {last.CreatedAt, 1, 3}, {last.CreatedAt, 10, 1}, {last.CreatedAt, 10, 1}} {
		f.update(func(tx store.Tx) error { return tx.PruneRequests(f.ctx, step.before, step.limit) })
		// The oldest go first; the two of one time go together here.
		for i, r := range []store.Request{last, third, second, first} {
			want := r
			if i >= step.kept {
				want = store.Request{}
			}
			f.finds(r.TenantID, r.ID, want)
		}
	}
}

func requestOfUnknownTenant(f *fixture) {
	r := store.Request{TenantID: "ten_1", ID: "r1", ObjectID: "site_1", CreatedAt: f.now}
	f.notFound(f.try(func(tx store.Tx) error { return tx.InsertRequest(f.ctx, r) }), "tenant", "ten_1")
}
