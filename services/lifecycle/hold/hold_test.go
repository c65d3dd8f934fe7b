package hold_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/drift"
	"github.com/siteplane/siteplane/services/lifecycle/hold"
)

// memory is a store that counts what is written; an update fails if it is told to.
type memory struct {
	listErr error

	hold.Store
	holds     []hold.Hold
	writes    int
	readErr   error
	updateErr error
}

func (m *memory) ActiveHold(_ context.Context, target drift.Target) (hold.Hold, bool, error) {
	for _, h := range m.holds {
		if h.Target == target && h.EndedAt.IsZero() {
			return h, true, m.readErr
		}
	}
	return hold.Hold{}, false, m.readErr
}

func (m *memory) InsertHold(_ context.Context, h hold.Hold) error {
	if _, active, _ := m.ActiveHold(context.Background(), h.Target); active {
		return lifecycle.ErrLostRace
	}
	m.writes++
	m.holds = append(m.holds, h)
	return nil
}

func (m *memory) UpdateHold(_ context.Context, h hold.Hold) error {
	m.writes++
	for i := range m.holds {
		if m.holds[i].ID == h.ID && m.holds[i].Target == h.Target && m.holds[i].EndedAt.IsZero() {
			m.holds[i] = h
		}
	}
	return m.updateErr
}

func (m *memory) GetHold(_ context.Context, holdID string) (hold.Hold, error) {
	for _, h := range m.holds {
		if h.ID == holdID {
			return h, nil
		}
	}
	return hold.Hold{}, &lifecycle.NotFoundError{Kind: "hold", ID: holdID}
}

var (
	edge   = drift.Target{Kind: drift.Edge, ID: "edge_1"}
	tunnel = drift.Target{Kind: drift.Tunnel, ID: "tun_1"}
	now    = time.Date(2026, 5, 4, 3, 2, 1, 0, time.UTC)
	later  = now.Add(time.Hour)
)

func blank(target drift.Target, holdID string, since time.Time) hold.Hold {
	return hold.Hold{ID: holdID, Target: target, Names: []string{"a.example.com"}, Count: 1, Held: 9, Since: since}
}

// begun is a store with one hold of the edge and one of the tunnel.
// ListHolds returns those that have not ended, the oldest first.
func (m *memory) ListHolds(context.Context) (active []hold.Hold, err error) {
	for _, h := range m.holds {
		if h.EndedAt.IsZero() {
			active = append(active, h)
		}
	}
	return active, m.listErr
}

func begun(t *testing.T) *memory {
	t.Helper()
	m := &memory{}
	for _, target := range []drift.Target{edge, tunnel} {
		must(t, hold.Begin(t.Context(), m, blank(target, "hold_1", now)))
	}
	return m
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (m *memory) has(t *testing.T, want ...hold.Hold) {
	t.Helper()
	if diff := cmp.Diff(want, m.holds); diff != "" {
		t.Errorf("not as wanted (-want +got):\n%s", diff)
	}
}

func confirmed(h hold.Hold, at time.Time) hold.Hold {
	h.ConfirmedBy, h.ConfirmedAt = "key:1", at
	return h
}

func ended(h hold.Hold, at time.Time) hold.Hold {
	h.EndedAt = at
	return h
}

func TestBegin(t *testing.T) {
	t.Run("writes the hold", func(t *testing.T) {
		begun(t).has(t, blank(edge, "hold_1", now), blank(tunnel, "hold_1", now))
	})
	t.Run("writes nothing when the same is held already, confirmed or not", func(t *testing.T) {
		m := begun(t)
		m.holds[1] = confirmed(m.holds[1], now)
		for _, target := range []drift.Target{edge, tunnel} {
			must(t, hold.Begin(t.Context(), m, blank(target, "hold_1", later)))
		}
		m.has(t, blank(edge, "hold_1", now), confirmed(blank(tunnel, "hold_1", now), now))
		if m.writes != 2 {
			t.Errorf("%d writes, want 2", m.writes)
		}
	})
	t.Run("ends another hold of the target, and its confirmation with it", func(t *testing.T) {
		m := begun(t)
		m.holds[0] = confirmed(m.holds[0], now)
		must(t, hold.Begin(t.Context(), m, blank(edge, "hold_2", later)))
		m.has(t, ended(confirmed(blank(edge, "hold_1", now), now), later), blank(tunnel, "hold_1", now), blank(edge, "hold_2", later))
		passes(t, m, edge, "")
	})
	t.Run("keeps a hundred names and the count of all", func(t *testing.T) {
		m, h := &memory{}, blank(edge, "hold_1", now)
		h.Names, h.Count = nil, 250
		for i := range h.Count {
			h.Names = append(h.Names, fmt.Sprintf("h%d.example.com", i))
		}
		must(t, hold.Begin(t.Context(), m, h))
		want := h
		want.Names = h.Names[:100]
		m.has(t, want)
	})
	t.Run("returns what the store says", func(t *testing.T) {
		broken := errors.New("broken")
		m := begun(t)
		m.readErr = broken
		if err := hold.Begin(t.Context(), m, blank(edge, "hold_1", now)); !errors.Is(err, broken) {
			t.Errorf("reading: got %v", err)
		}
		m.readErr, m.updateErr = nil, broken
		if err := hold.Begin(t.Context(), m, blank(edge, "hold_2", now)); !errors.Is(err, broken) || len(m.holds) != 2 {
			t.Errorf("ending: got %v", err)
		}
	})
}

func TestEnd(t *testing.T) {
	t.Run("ends the active hold of the target", func(t *testing.T) {
		m := begun(t)
		must(t, hold.End(t.Context(), m, edge, later))
		m.has(t, ended(blank(edge, "hold_1", now), later), blank(tunnel, "hold_1", now))
	})
	t.Run("writes nothing when none is active", func(t *testing.T) {
		m := &memory{}
		must(t, hold.End(t.Context(), m, edge, later))
		if m.writes != 0 {
			t.Errorf("%d writes", m.writes)
		}
	})
}

// passes checks which hold of a target an operator let pass.
func passes(t *testing.T, m *memory, target drift.Target, want string) {
	t.Helper()
	got, err := hold.Confirmed(t.Context(), m, target)
	must(t, err)
	if got != want {
		t.Errorf("%v: %q passes, want %q", target, got, want)
	}
}

func TestConfirm(t *testing.T) {
	t.Run("lets the hold pass, on every target that has it", func(t *testing.T) {
		m := begun(t)
		passes(t, m, edge, "")
		got, err := hold.Confirm(t.Context(), m, "hold_1", "key:1", later)
		must(t, err)
		want := []hold.Hold{confirmed(blank(edge, "hold_1", now), later), confirmed(blank(tunnel, "hold_1", now), later)}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("not as wanted (-want +got):\n%s", diff)
		}
		m.has(t, want...)
		passes(t, m, edge, "hold_1")
		passes(t, m, tunnel, "hold_1")
	})
	t.Run("keeps the first confirmation", func(t *testing.T) {
		m := begun(t)
		m.holds[0] = confirmed(m.holds[0], now)
		h, err := hold.Confirm(t.Context(), m, "hold_1", "key:2", later)
		must(t, err)
		if h[0].ConfirmedBy != "key:1" || h[1].ConfirmedBy != "key:2" {
			t.Errorf("got %v after %d writes", h, m.writes)
		}
	})
	t.Run("refuses a hold that has ended, and nothing passes by it", func(t *testing.T) {
		m := begun(t)
		m.holds[0], m.holds[1] = ended(confirmed(m.holds[0], now), now), ended(m.holds[1], now)
		_, err := hold.Confirm(t.Context(), m, "hold_1", "key:1", later)
		var precondition *lifecycle.PreconditionError
		if !errors.As(err, &precondition) {
			t.Errorf("got %v", err)
		}
		passes(t, m, edge, "")
	})
	t.Run("says that it does not know a hold", func(t *testing.T) {
		_, err := hold.Confirm(t.Context(), begun(t), "hold_2", "key:1", later)
		var missing *lifecycle.NotFoundError
		if !errors.As(err, &missing) || missing.ID != "hold_2" {
			t.Errorf("got %v", err)
		}
	})
	t.Run("says what the store says", func(t *testing.T) {
		m := begun(t)
		m.updateErr, m.readErr = errors.New("broken"), errors.New("unread")
		if _, err := hold.Confirm(t.Context(), m, "hold_1", "key:1", later); !errors.Is(err, m.updateErr) {
			t.Errorf("got %v", err)
		}
		if holdID, err := hold.Confirmed(t.Context(), m, edge); !errors.Is(err, m.readErr) || holdID != "" {
			t.Errorf("got %q, %v", holdID, err)
		}
	})
}
