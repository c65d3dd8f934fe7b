// Package storetest is the one suite that every store passes: what the comments
// of the store's interfaces promise, said as tests. It knows no database; what
// only one implementation can be asked, its own tests ask.
//
// A store keeps times and durations at least to the microsecond.
package storetest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/auth"
	"github.com/siteplane/siteplane/services/lifecycle/edge"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/network"
	"github.com/siteplane/siteplane/services/lifecycle/saga"
	"github.com/siteplane/siteplane/services/lifecycle/site"
	"github.com/siteplane/siteplane/services/lifecycle/store"
	"github.com/siteplane/siteplane/services/lifecycle/worker"
)

// Open opens an empty store and closes it when the test ends.
type Open func(t testing.TB) store.Store

// Run runs the suite; each test gets a store of its own.
func Run(t *testing.T, open Open) {
	nouns := []struct {
		name  string
		tests []test
	}{
		{"Tx", txTests}, {"Tenant", tenantTests}, {"Site", siteTests}, {"Domain", domainTests},
		{"Event", eventTests}, {"Edge", edgeTests}, {"Condition", conditionTests}, {"Desired", desiredTests},
		{"Operation", operationTests}, {"Work", workTests}, {"Request", requestTests}, {"Purge", purgeTests},
	}
	for _, noun := range nouns {
		t.Run(noun.name, func(t *testing.T) {
			for _, test := range noun.tests {
				t.Run(test.says, func(t *testing.T) {
					t.Parallel()
					test.run(setup(t, open(t)))
				})
			}
		})
	}
}

// test is one promise.
type test struct {
	says string
	run  func(f *fixture)
}

// fixture is a store with one tenant, and short ways to fill it. What goes wrong
// ends the test.
type fixture struct {
	*testing.T
	ctx    context.Context
	store  store.Store
	now    time.Time
	tenant id.Tenant
}

func setup(t *testing.T, s store.Store) *fixture {
	f := &fixture{
		T: t, ctx: t.Context(), store: s,
		now: time.Date(2026, 5, 4, 3, 2, 1, 123456000, time.UTC),
	}
	f.tenant = f.newTenant("default")
	return f
}

// update runs a closure in a transaction that must succeed.
func (f *fixture) update(do func(tx store.Tx) error) {
	f.Helper()
	f.must(f.store.Update(f.ctx, do))
}

// try runs a closure in a transaction and returns its error.
func (f *fixture) try(do func(tx store.Tx) error) error { return f.store.Update(f.ctx, do) }

// read returns what a read in a View gives.
func read[T any](f *fixture, get func(tx store.Tx) (T, error)) (v T) {
	f.Helper()
	f.must(f.store.View(f.ctx, func(tx store.Tx) (err error) {
		v, err = get(tx)
		return err
	}))
	return v
}

func (f *fixture) must(err error) {
	f.Helper()
	if err != nil {
		f.Fatal(err)
	}
}

// equal compares two values.
func equal[T any](f *fixture, got, want T) {
	f.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		f.Fatalf("not as wanted (-want +got):\n%s", diff)
	}
}

// is checks for an error value.
func (f *fixture) is(err, want error) {
	f.Helper()
	if !errors.Is(err, want) {
		f.Fatalf("got %v, want %v", err, want)
	}
}

// notFound checks for a NotFoundError.
func (f *fixture) notFound(err error, kind, name string) {
	f.Helper()
	var e *lifecycle.NotFoundError
	if !errors.As(err, &e) || e.Kind != kind || e.ID != name {
		f.Fatalf("got %v, want %v", err, &lifecycle.NotFoundError{Kind: kind, ID: name})
	}
}

// taken checks for a TakenError.
func (f *fixture) taken(err error, kind, name string) {
	f.Helper()
	var e *lifecycle.TakenError
	if !errors.As(err, &e) || e.Kind != kind || e.Name != name {
		f.Fatalf("got %v, want %v", err, &lifecycle.TakenError{Kind: kind, Name: name})
	}
}

// oneWins runs an update twice at once and checks that one succeeds and the
// other is told that it lost.
func (f *fixture) oneWins(do func(tx store.Tx) error) {
	f.Helper()
	results := make(chan error)
	for range 2 {
		go func() { results <- f.try(do) }()
	}
	first, second := <-results, <-results
	if first != nil {
		first, second = second, first
	}
	f.must(first)
	f.is(second, lifecycle.ErrLostRace)
}

// cause is a cause whose reason tells rows apart.
func (f *fixture) cause(reason string) lifecycle.Cause {
	return lifecycle.Cause{
		Actor: "worker:site", Reason: reason, OperationID: "op_1",
		TraceID: "0af7651916cd43dd8448eb211c80319c", At: f.now,
	}
}

func (f *fixture) newTenant(name string) id.Tenant {
	f.Helper()
	tenant := auth.Tenant{ID: id.NewTenant(), Name: name, CreatedAt: f.now}
	f.update(func(tx store.Tx) error { return tx.InsertTenant(f.ctx, tenant) })
	return tenant.ID
}

// blankSite is a site that was not inserted yet.
func (f *fixture) blankSite(slug string) (site.Site, site.Revision) {
	s := site.Site{
		ID: id.NewSite(), TenantID: f.tenant, Name: "The " + slug, Slug: slug, Status: site.Created,
		Wanted: site.Absent, WantedRevision: 1, Version: 1, CreatedAt: f.now, UpdatedAt: f.now,
	}
	spec := site.Spec{Origin: &site.Origin{Targets: []site.Target{{Address: "192.0.2.1:80", Weight: 1}}}}
	return s, site.Revision{SiteID: s.ID, Number: 1, Spec: spec, CreatedAt: f.now}
}

// newSite inserts a site and returns it.
func (f *fixture) newSite(slug string) site.Site {
	f.Helper()
	s, r := f.blankSite(slug)
	f.update(func(tx store.Tx) error { return tx.InsertSite(f.ctx, s, r, f.cause("asked for")) })
	return s
}

func (f *fixture) getSite(s site.Site) site.Site {
	f.Helper()
	return read(f, func(tx store.Tx) (site.Site, error) { return tx.GetSite(f.ctx, s.TenantID, s.ID) })
}

// moveSite writes transitions of a site without asking the machine.
func (f *fixture) moveSite(s site.Site, statuses ...site.Status) site.Site {
	f.Helper()
	for _, to := range statuses {
		c := f.siteChange(s, to)
		f.update(func(tx store.Tx) error { return tx.TransitionSite(f.ctx, c) })
		s = f.getSite(s)
	}
	return s
}

func (f *fixture) siteChange(s site.Site, to site.Status) lifecycle.Change {
	return lifecycle.Change{
		ObjectID: string(s.ID), TenantID: string(s.TenantID),
		From: string(s.Status), Event: "moved", To: string(to), Cause: f.cause("to " + string(to)),
	}
}

func (f *fixture) blankDomain(s site.Site, hostname string) network.Domain {
	return network.Domain{
		ID: id.NewDomain(), TenantID: s.TenantID, SiteID: s.ID, Hostname: hostname, Kind: network.Custom,
		Status: network.PendingDNS, Wanted: network.Hidden, Version: 1, CreatedAt: f.now, UpdatedAt: f.now,
	}
}

// newDomain inserts a domain and returns it.
func (f *fixture) newDomain(s site.Site, hostname string) network.Domain {
	f.Helper()
	d := f.blankDomain(s, hostname)
	f.update(func(tx store.Tx) error { return tx.InsertDomain(f.ctx, d, f.cause("asked for")) })
	return d
}

func (f *fixture) getDomain(d network.Domain) network.Domain {
	f.Helper()
	return read(f, func(tx store.Tx) (network.Domain, error) { return tx.GetDomain(f.ctx, d.TenantID, d.ID) })
}

// moveDomain writes transitions of a domain without asking the machine.
func (f *fixture) moveDomain(d network.Domain, statuses ...network.Status) network.Domain {
	f.Helper()
	for _, to := range statuses {
		c := f.domainChange(d, to)
		f.update(func(tx store.Tx) error { return tx.TransitionDomain(f.ctx, c) })
		d = f.getDomain(d)
	}
	return d
}

func (f *fixture) domainChange(d network.Domain, to network.Status) lifecycle.Change {
	return lifecycle.Change{
		ObjectID: string(d.ID), TenantID: string(d.TenantID),
		From: string(d.Status), Event: "moved", To: string(to), Cause: f.cause("to " + string(to)),
	}
}

// newEdge inserts an edge and returns it.
func (f *fixture) newEdge(name string) edge.Edge {
	f.Helper()
	e := edge.Edge{
		ID: id.NewEdge(), Name: name, Address: "127.0.0.1:9000",
		PublicAddresses: []string{"127.0.0.1", "::1"}, NeedsWhole: true,
	}
	f.update(func(tx store.Tx) error { return tx.PutEdge(f.ctx, e) })
	return e
}

func (f *fixture) blankOperation(objectID string) saga.Operation {
	return saga.Operation{
		ID: id.NewOperation(), TenantID: f.tenant, Kind: "create_site", ObjectKind: worker.Site, ObjectID: objectID,
		State: saga.Pending, Actor: "key:1", TraceParent: "00-trace-span-01", CreatedAt: f.now, UpdatedAt: f.now,
	}
}

// newOperation inserts an operation and returns it.
func (f *fixture) newOperation(objectID string) saga.Operation {
	f.Helper()
	o := f.blankOperation(objectID)
	f.update(func(tx store.Tx) error { return tx.InsertOperation(f.ctx, o) })
	return o
}
