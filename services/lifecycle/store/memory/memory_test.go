package memory_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/siteplane/siteplane/services/lifecycle/admin"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/store"
	"github.com/siteplane/siteplane/services/lifecycle/store/memory"
	"github.com/siteplane/siteplane/services/lifecycle/store/storetest"
	"github.com/siteplane/siteplane/services/lifecycle/worker"
)

func TestStore(t *testing.T) {
	storetest.Run(t, func(_ testing.TB, clock func() time.Time) store.Store {
		return memory.New(memory.Config{Clock: clock})
	})
}

// The suite again, on a store that others are open beside.
func TestStore_among_others(t *testing.T) {
	storetest.Run(t, func(_ testing.TB, clock func() time.Time) store.Store {
		s := memory.New(memory.Config{Clock: clock, Shared: true})
		s.Open().OnMark(func() {})
		return s.Open()
	})
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// insertTenant commits something that another transaction can look for.
func insertTenant(t testing.TB, s *memory.Store, tenant id.Tenant) {
	t.Helper()
	must(t, s.Update(t.Context(), func(tx store.Tx) error { return putTenant(t, tx, tenant) }))
}

func putTenant(t testing.TB, tx store.Tx, tenant id.Tenant) error {
	t.Helper()
	return tx.InsertTenant(t.Context(), admin.Tenant{ID: tenant, Name: string(tenant), CreatedAt: time.Unix(1, 0)})
}

func numbered(i int) id.Tenant { return id.Tenant(fmt.Sprintf("ten_%d", i)) }

// has reports whether a store has a tenant.
func has(t testing.TB, s *memory.Store, tenant id.Tenant) (found bool) {
	t.Helper()
	must(t, s.View(t.Context(), func(tx store.Tx) error {
		_, err := tx.GetTenant(t.Context(), tenant)
		found = err == nil
		return nil
	}))
	return found
}

func mark(t testing.TB, s *memory.Store) {
	t.Helper()
	must(t, s.Update(t.Context(), func(tx store.Tx) error {
		return tx.MarkWork(t.Context(), worker.Mark{Kind: worker.Edge, Key: "edge_1", DueAt: s.Now()})
	}))
}

func TestStore_Open(t *testing.T) {
	t.Run("opens the same database", func(t *testing.T) {
		s := memory.New(memory.Config{})
		insertTenant(t, s.Open(), "ten_1")
		if !has(t, s, "ten_1") || has(t, memory.New(memory.Config{}), "ten_1") {
			t.Error("what one store commits is that of all of its database and of no other")
		}
	})
	t.Run("has every store told what any of them commits", func(t *testing.T) {
		one := memory.New(memory.Config{})
		other, deaf := one.Open(), one.Open()
		marks, events := map[*memory.Store]int{}, map[*memory.Store]int{}
		for _, s := range []*memory.Store{one, other} {
			s.OnMark(func() { marks[s]++ })
			s.OnEvent(func() { events[s]++ })
		}
		storetest.Everything(t, one)
		for _, s := range []*memory.Store{one, other} {
			if marks[s] == 0 || events[s] == 0 || marks[s] != marks[one] || events[s] != events[one] {
				t.Errorf("told of %d marks and %d events, the writer of %d and %d", marks[s], events[s], marks[one], events[one])
			}
		}
		before := marks[other]
		mark(t, deaf)
		if marks[other] != before+1 {
			t.Errorf("told %d times of one commit", marks[other]-before)
		}
	})
	t.Run("says what the database was made with", func(t *testing.T) {
		now := time.Unix(17, 0)
		for _, shared := range []bool{false, true} {
			s := memory.New(memory.Config{Clock: func() time.Time { return now }, Shared: shared}).Open()
			if s.Shared() != shared || !s.Now().Equal(now) {
				t.Errorf("shared %v, now %v", s.Shared(), s.Now())
			}
		}
	})
}

func TestStore_Close(t *testing.T) {
	one := memory.New(memory.Config{})
	other := one.Open()
	one.OnMark(func() { t.Error("a closed store was told") })
	must(t, one.Close())
	mark(t, other)
	_, _, claimFails := one.ClaimWork(t.Context(), worker.Claim{Limit: 1})
	_, _, sequenceFails := one.Sequence(t.Context())
	nothing := func(store.Tx) error { return nil }
	for call, err := range map[string]error{
		"update": one.Update(t.Context(), nothing), "view": one.View(t.Context(), nothing),
		"claim": claimFails, "sequence": sequenceFails,
	} {
		if err == nil {
			t.Errorf("a closed store does %s", call)
		}
	}
}
