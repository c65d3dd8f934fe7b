package drift_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/drift"
	"github.com/siteplane/siteplane/services/lifecycle/id"
)

// memory is a store of one target that counts what is written; reads and writes
// fail if they are told to.
type memory struct {
	drift.Store
	drifts                       []drift.Drift
	writes                       int
	readErr, insertErr, closeErr error
}

func (m *memory) OpenDrifts(_ context.Context, target drift.Target) (open []drift.Drift, err error) {
	for _, d := range m.drifts {
		if d.Target == target && d.ClosedAt.IsZero() {
			open = append(open, d)
		}
	}
	return open, m.readErr
}

func (m *memory) InsertDrift(_ context.Context, d drift.Drift) error {
	m.writes++
	m.drifts = append(m.drifts, d)
	return m.insertErr
}

func (m *memory) CloseDrift(_ context.Context, driftID id.Drift, at time.Time, outcome drift.Outcome) error {
	m.writes++
	i := slices.IndexFunc(m.drifts, func(d drift.Drift) bool { return d.ID == driftID })
	m.drifts[i].ClosedAt, m.drifts[i].Outcome = at, outcome
	return m.closeErr
}

var (
	edge    = drift.Target{Kind: drift.Edge, ID: "edge_1"}
	tunnel  = drift.Target{Kind: drift.Tunnel, ID: "tun_1"}
	now     = time.Date(2026, 5, 4, 3, 2, 1, 0, time.UTC)
	changed = drift.Finding{Kind: "FILE_CHANGED", Place: "nginx.conf", Detail: "has 3 lines more", Cause: "edited", Since: now.Add(-time.Hour)}
	missing = drift.Finding{Kind: "FILE_MISSING", Place: "nginx.conf", Detail: "is not there"}
	foreign = drift.Finding{Kind: "RULE_FOREIGN", Place: "a.example.com", Foreign: true}
)

// look records what a look finds some minutes after the first.
func (m *memory) look(t *testing.T, minutes int, outcome drift.Outcome, found ...drift.Finding) []drift.Drift {
	t.Helper()
	cause := lifecycle.Cause{At: now.Add(time.Duration(minutes) * time.Minute), TraceID: "t1"}
	opened, err := drift.Record(t.Context(), m, edge, found, outcome, cause)
	if err != nil {
		t.Fatal(err)
	}
	return opened
}

// open is a drift as a look some minutes after the first writes it.
func open(f drift.Finding, minutes int) drift.Drift {
	return drift.Drift{Target: edge, Finding: f, FoundAt: now.Add(time.Duration(minutes) * time.Minute), TraceID: "t1"}
}

// same compares drifts but for their ids.
func same(t *testing.T, got, want []drift.Drift) {
	t.Helper()
	if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(drift.Drift{}, "ID")); diff != "" {
		t.Errorf("not as wanted (-want +got):\n%s", diff)
	}
}

func TestRecord(t *testing.T) {
	t.Run("opens what is found and was not known", func(t *testing.T) {
		m := &memory{}
		opened := m.look(t, 0, drift.Gone, changed, foreign)
		same(t, opened, []drift.Drift{open(changed, 0), open(foreign, 0)})
		same(t, m.drifts, opened)
		if opened[0].ID == "" || opened[0].ID == opened[1].ID {
			t.Errorf("the ids are %q and %q", opened[0].ID, opened[1].ID)
		}
	})
	t.Run("writes nothing when the same is found again, however it is said", func(t *testing.T) {
		m := &memory{}
		m.look(t, 0, drift.Gone, changed, foreign)
		again := changed
		again.Detail, again.Cause, again.Since = "has 4 lines more", "", now
		same(t, m.look(t, 1, drift.Gone, foreign, again), nil)
		same(t, m.drifts, []drift.Drift{open(changed, 0), open(foreign, 0)})
		if m.writes != 2 {
			t.Errorf("%d writes, want 2", m.writes)
		}
	})
	t.Run("writes nothing when nothing is found and nothing was known", func(t *testing.T) {
		m := &memory{}
		same(t, m.look(t, 0, drift.Gone), nil)
		if m.writes != 0 {
			t.Errorf("%d writes", m.writes)
		}
	})
	t.Run("closes what is not found any more, by the outcome that is given", func(t *testing.T) {
		for _, outcome := range []drift.Outcome{drift.Repaired, drift.Gone} {
			m := &memory{}
			m.look(t, 0, drift.Gone, changed, foreign)
			same(t, m.look(t, 1, outcome, foreign), nil)
			gone := open(changed, 0)
			gone.ClosedAt, gone.Outcome = now.Add(time.Minute), outcome
			same(t, m.drifts, []drift.Drift{gone, open(foreign, 0)})
		}
	})
	t.Run("opens anew what was gone and came back", func(t *testing.T) {
		m := &memory{}
		m.look(t, 0, drift.Gone, changed)
		m.look(t, 1, drift.Gone)
		same(t, m.look(t, 2, drift.Gone, changed), []drift.Drift{open(changed, 2)})
	})
	t.Run("takes another kind at the same place for another drift", func(t *testing.T) {
		m := &memory{}
		m.look(t, 0, drift.Gone, changed)
		same(t, m.look(t, 1, drift.Gone, missing), []drift.Drift{open(missing, 1)})
		if m.drifts[0].ClosedAt.IsZero() {
			t.Error("the first is still open")
		}
	})
	t.Run("opens once what a look names twice", func(t *testing.T) {
		m := &memory{}
		same(t, m.look(t, 0, drift.Gone, changed, changed), []drift.Drift{open(changed, 0)})
	})
	t.Run("leaves other targets alone", func(t *testing.T) {
		others := open(changed, 0)
		others.Target = tunnel
		m := &memory{drifts: []drift.Drift{others}}
		m.look(t, 1, drift.Gone)
		same(t, m.drifts, []drift.Drift{others})
		same(t, m.look(t, 2, drift.Gone, changed), []drift.Drift{open(changed, 2)})
	})
	t.Run("returns what the store says", func(t *testing.T) {
		broken := errors.New("broken")
		for name, m := range map[string]*memory{
			"reading": {readErr: broken}, "opening": {insertErr: broken},
			"closing": {closeErr: broken, drifts: []drift.Drift{open(changed, 0)}},
		} {
			opened, err := drift.Record(t.Context(), m, edge, []drift.Finding{missing}, drift.Gone, lifecycle.Cause{At: now})
			if !errors.Is(err, broken) || opened != nil {
				t.Errorf("%s: got %v, %v", name, opened, err)
			}
		}
	})
}

func TestOurs(t *testing.T) {
	if diff := cmp.Diff([]drift.Finding{changed, missing}, drift.Ours([]drift.Finding{changed, foreign, missing})); diff != "" {
		t.Errorf("not as wanted (-want +got):\n%s", diff)
	}
	if ours := drift.Ours([]drift.Finding{foreign}); ours != nil {
		t.Errorf("got %v", ours)
	}
}

func TestPolicy_Valid(t *testing.T) {
	for policy, want := range map[drift.Policy]bool{drift.Repair: true, drift.Hold: true, "": false, "Hold": false} {
		if policy.Valid() != want {
			t.Errorf("%q: got %v", policy, !want)
		}
	}
}
