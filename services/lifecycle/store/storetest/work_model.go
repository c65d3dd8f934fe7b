package storetest

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"pgregory.net/rapid"

	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/store"
	"github.com/siteplane/siteplane/services/lifecycle/worker"
)

// model is what the work table promises, in its plainest form: each object has
// marks that nobody took yet and at most one claim that took some.
type model struct {
	*fixture
	rapid *rapid.T
	// base names the rows of one run.
	base   string
	rows   map[string]*modelRow
	claims []modelClaim
}

type modelRow struct {
	waiting  []time.Time
	claim    *modelClaim
	epoch    uint64
	failures int
	unended  int
}

type modelClaim struct {
	owner string
	work  worker.Work
	taken []time.Time
	until time.Time
}

// ready is when the row can be claimed; ok is false while it is clean.
func (r *modelRow) ready() (at time.Time, ok bool) {
	switch {
	case r.claim != nil:
		return r.claim.until, true
	case len(r.waiting) > 0:
		return earliest(r.waiting), true
	}
	return time.Time{}, false
}

func earliest(times []time.Time) time.Time { return slices.MinFunc(times, time.Time.Compare) }

// workModel compares the store with the model after every call of random runs.
func workModel(f *fixture) {
	run := 0
	rapid.Check(f.T, func(t *rapid.T) {
		f.drain()
		run++
		m := &model{fixture: f, rapid: t, base: fmt.Sprintf("run%d-", run), rows: map[string]*modelRow{}}
		t.Repeat(map[string]func(*rapid.T){
			"mark":    func(*rapid.T) { m.mark() },
			"claim":   func(*rapid.T) { m.claim() },
			"finish":  func(*rapid.T) { m.finish() },
			"fail":    func(*rapid.T) { m.fail() },
			"hold":    func(*rapid.T) { m.hold() },
			"fence":   func(*rapid.T) { m.fence() },
			"release": func(*rapid.T) { m.release() },
			"wait":    func(*rapid.T) { m.after(m.seconds("wait")) },
			"":        func(*rapid.T) { m.compare() },
		})
	})
}

// drain cleans what the run before left.
func (f *fixture) drain() {
	f.after(24 * time.Hour)
	for _, w := range f.claim(1000) {
		f.finish(w, time.Time{})
	}
}

func (m *model) seconds(label string) time.Duration {
	return time.Duration(rapid.IntRange(0, 90).Draw(m.rapid, label)) * time.Second
}

func (m *model) key() string {
	return m.base + rapid.SampledFrom([]string{"a", "b", "c"}).Draw(m.rapid, "key")
}

func (m *model) mark() {
	key, due := m.key(), m.now.Add(m.seconds("due"))
	m.fixture.mark(key, due, "")
	if m.rows[key] == nil {
		m.rows[key] = &modelRow{}
	}
	m.rows[key].waiting = append(m.rows[key].waiting, due)
}

// owner draws who claims.
func (m *model) owner() string {
	return rapid.SampledFrom([]string{"me", "you"}).Draw(m.rapid, "owner")
}

func (m *model) claim() {
	owner, got := m.owner(), map[string]worker.Work{}
	for _, w := range m.fixture.claimAs(owner, 10) {
		got[w.Key] = w
	}
	for key, row := range m.rows {
		at, ok := row.ready()
		w, claimed := got[key]
		if claimable := ok && !at.After(m.now); claimable != claimed {
			m.rapid.Fatalf("%s: claimed %v, the model says %v", key, claimed, claimable)
		}
		if claimed {
			m.take(owner, row, w)
		}
	}
}

// take lets a claim answer all marks so far, those of a lost claim included.
func (m *model) take(owner string, row *modelRow, w worker.Work) {
	if w.Epoch != row.epoch+1 {
		m.rapid.Fatalf("%s: claimed with the epoch %d after %d", w.Key, w.Epoch, row.epoch)
	}
	row.epoch = w.Epoch
	row.unended++
	if w.Failures != row.failures || w.Unended != row.unended {
		m.rapid.Fatalf("%s: claimed with %d failures and %d unended, the model says %d and %d",
			w.Key, w.Failures, w.Unended, row.failures, row.unended)
	}
	c := modelClaim{owner: owner, work: w, taken: row.waiting, until: m.now.Add(lease)}
	if row.claim != nil {
		c.taken = append(c.taken, row.claim.taken...)
	}
	row.waiting, row.claim = nil, &c
	m.claims = append(m.claims, c)
}

// some returns one of the latest claims of this run, current or not.
func (m *model) some() modelClaim {
	if len(m.claims) == 0 {
		m.rapid.Skip("no claim yet")
	}
	return rapid.SampledFrom(m.claims[max(0, len(m.claims)-4):]).Draw(m.rapid, "claim")
}

func (m *model) finish() {
	c, next := m.some(), time.Time{}
	if rapid.Bool().Draw(m.rapid, "again") {
		next = m.now.Add(m.seconds("next"))
	}
	m.fixture.finish(c.work, next)
	if row, ok := m.ends(c); ok {
		row.failures, row.unended = 0, 0
		if !next.IsZero() {
			row.waiting = append(row.waiting, next)
		}
	}
}

// ends ends a claim; ok is false when it was taken over or ended before.
func (m *model) ends(c modelClaim) (row *modelRow, ok bool) {
	row = m.rows[c.work.Key]
	if row.claim == nil || row.claim.work.Epoch != c.work.Epoch {
		return row, false
	}
	row.claim = nil
	return row, true
}

func (m *model) fail() {
	c, next, panicked := m.some(), m.now.Add(m.seconds("next")), rapid.Bool().Draw(m.rapid, "panicked")
	m.fixture.fail(c.work, next, panicked)
	if row, ok := m.ends(c); ok {
		row.failures++
		if !panicked {
			row.unended = 0
		}
		row.waiting = append(row.waiting, next)
	}
}

func (m *model) hold() {
	c := m.some()
	err := m.fixture.hold(c.work)
	if held := m.rows[c.work.Key].epoch == c.work.Epoch; held != (err == nil) || !held && !errors.Is(err, lifecycle.ErrFenced) {
		m.rapid.Fatalf("%s: hold says %v, the model says %v", c.work.Key, err, held)
	}
}

func (m *model) fence() {
	key := m.key()
	m.fixture.fence(key)
	if row := m.rows[key]; row != nil {
		row.epoch++
		row.failures, row.unended = 0, 0
		row.giveBack()
	}
}

// release ends the leases of one owner or of all.
func (m *model) release() {
	owner := ""
	if rapid.Bool().Draw(m.rapid, "of one") {
		owner = m.owner()
	}
	m.update(func(tx store.Tx) error { return tx.ReleaseLeases(m.ctx, owner) })
	for _, row := range m.rows {
		if row.claim != nil && (owner == "" || row.claim.owner == owner) {
			row.giveBack()
		}
	}
}

// giveBack ends the claim of a row unanswered.
func (r *modelRow) giveBack() {
	if r.claim != nil {
		r.waiting = append(r.waiting, r.claim.taken...)
		r.claim = nil
	}
}

// compare checks every due time.
func (m *model) compare() {
	var all []time.Time
	for key, row := range m.rows {
		if at, ok := row.ready(); ok {
			all = append(all, at)
		}
		due := row.waiting
		if row.claim != nil {
			due = row.claim.taken
		}
		m.same(key, due, func(tx store.Tx) (time.Time, bool, error) { return tx.DueAt(m.ctx, worker.Site, key) })
	}
	m.same("all", all, func(tx store.Tx) (time.Time, bool, error) { return tx.NextDue(m.ctx) })
}

// same checks that a due time is the earliest of some, and missing without any.
func (m *model) same(what string, times []time.Time, get func(tx store.Tx) (time.Time, bool, error)) {
	m.must(m.store.View(m.ctx, func(tx store.Tx) error {
		at, ok, err := get(tx)
		if ok != (len(times) > 0) || ok && !at.Equal(earliest(times)) {
			m.rapid.Fatalf("%s: due %v, %v; the model has %v", what, at, ok, times)
		}
		return err
	}))
}
