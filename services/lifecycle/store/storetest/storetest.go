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
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/store"
)

// Open opens an empty store that has the given clock, and closes it when the test
// ends.
type Open func(t testing.TB, clock func() time.Time) store.Store

// Run runs the suite; each test gets a store of its own.
func Run(t *testing.T, open Open) {
	nouns := []struct {
		name  string
		tests []test
	}{
		{"Tx", txTests}, {"Tenant", tenantTests}, {"Key", keyTests}, {"Audit", auditTests}, {"Site", siteTests}, {"Revision", revisionTests}, {"Domain", domainTests},
		{"Hostname", hostnameTests}, {"Evidence", evidenceTests}, {"Losses", lossesTests}, {"Claim", claimTests}, {"Contest", contestTests},
		{"Instruction", instructionTests}, {"Zone", zoneTests}, {"Tunnel", tunnelTests},
		{"History", historyTests}, {"Event", eventTests}, {"Filter", filterTests}, {"Edge", edgeTests}, {"Placement", placementTests}, {"JoinToken", joinTokenTests}, {"Pin", pinTests}, {"Condition", conditionTests},
		{"Desired", desiredTests}, {"Removal", removalTests}, {"Drift", driftTests}, {"Hold", holdTests},
		{"Operation", operationTests}, {"Work", workTests}, {"Lease", leaseTests}, {"Share", shareTests}, {"Failure", failureTests},
		{"Request", requestTests}, {"Many", manyTests}, {"Purge", purgeTests}, {"Rule", ruleTests}, {"Monitor", monitorTests},
	}
	for _, noun := range nouns {
		t.Run(noun.name, func(t *testing.T) {
			for _, test := range noun.tests {
				t.Run(test.says, func(t *testing.T) {
					t.Parallel()
					test.run(setup(t, open))
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

func setup(t *testing.T, open Open) *fixture {
	f := &fixture{
		T: t, ctx: t.Context(),
		now: time.Date(2026, 5, 4, 3, 2, 1, 123456000, time.UTC),
	}
	f.store = open(t, func() time.Time { return f.now })
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

// refused checks that a transaction fails by a rule that has no error of its own.
func (f *fixture) refused(do func(tx store.Tx) error) {
	f.Helper()
	err := f.try(do)
	var missing *lifecycle.NotFoundError
	var taken *lifecycle.TakenError
	if err == nil || errors.As(err, &missing) || errors.As(err, &taken) || errors.Is(err, lifecycle.ErrLostRace) {
		f.Fatalf("got %v, want a broken rule", err)
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
