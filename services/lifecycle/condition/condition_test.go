package condition_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/siteplane/siteplane/services/lifecycle/condition"
)

// memory is a store of one object that counts what is written.
type memory struct {
	stored []condition.Condition
	writes int
	err    error
}

func (m *memory) Conditions(context.Context, string) ([]condition.Condition, error) {
	return m.stored, m.err
}

func (m *memory) PutCondition(_ context.Context, c condition.Condition) error {
	m.writes++
	for i := range m.stored {
		if m.stored[i].Type == c.Type {
			m.stored[i] = c
			return nil
		}
	}
	m.stored = append(m.stored, c)
	return nil
}

var since = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func waiting() condition.Condition {
	return condition.Condition{
		ObjectID: "dom_1", Type: condition.Resolves, Status: condition.False, Reason: "DNS_NXDOMAIN",
		Message: "The name does not exist.", Evidence: []string{"ns1: NXDOMAIN"}, Actor: condition.Tenant,
		Fix: []string{"Add the record."}, Since: since, TraceID: "t1",
	}
}

// set sets what a change makes of a stored condition an hour later, and returns
// what is stored then and how often it was written.
func set(t *testing.T, change func(c *condition.Condition)) (condition.Condition, int) {
	t.Helper()
	m := &memory{stored: []condition.Condition{waiting()}}
	c := waiting()
	c.Since, c.TraceID = since.Add(time.Hour), "t2"
	change(&c)
	if err := condition.Set(t.Context(), m, c); err != nil {
		t.Fatal(err)
	}
	return m.stored[0], m.writes
}

func TestSet(t *testing.T) {
	t.Run("writes a condition that is new", func(t *testing.T) {
		m := &memory{}
		if err := condition.Set(t.Context(), m, waiting()); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]condition.Condition{waiting()}, m.stored); diff != "" {
			t.Fatal(diff)
		}
	})
	t.Run("does not write again what is said already", func(t *testing.T) {
		got, writes := set(t, func(*condition.Condition) {})
		if diff := cmp.Diff(waiting(), got); diff != "" || writes != 0 {
			t.Fatalf("%d writes, %s", writes, diff)
		}
	})
	t.Run("keeps since while status and reason stay", func(t *testing.T) {
		for name, change := range map[string]func(c *condition.Condition){
			"message":  func(c *condition.Condition) { c.Message = "Still not." },
			"evidence": func(c *condition.Condition) { c.Evidence = append(c.Evidence, "ns2: NXDOMAIN") },
			"actor":    func(c *condition.Condition) { c.Actor = condition.Operator },
			"fix":      func(c *condition.Condition) { c.Fix = nil },
		} {
			if got, writes := set(t, change); writes != 1 || !got.Since.Equal(since) || got.TraceID != "t2" {
				t.Errorf("%s: %d writes, %+v", name, writes, got)
			}
		}
	})
	t.Run("starts since anew when status or reason change", func(t *testing.T) {
		for name, change := range map[string]func(c *condition.Condition){
			"status": func(c *condition.Condition) { c.Status = condition.Unknown },
			"reason": func(c *condition.Condition) { c.Reason = "DNS_SERVFAIL" },
		} {
			if got, writes := set(t, change); writes != 1 || !got.Since.Equal(since.Add(time.Hour)) {
				t.Errorf("%s: %d writes, %+v", name, writes, got)
			}
		}
	})
	t.Run("leaves other types alone", func(t *testing.T) {
		got, writes := set(t, func(c *condition.Condition) { c.Type = condition.Serving })
		if diff := cmp.Diff(waiting(), got); diff != "" || writes != 1 {
			t.Fatalf("%d writes, %s", writes, diff)
		}
	})
	t.Run("reads nothing when there is nothing to set", func(t *testing.T) {
		if err := condition.Set(t.Context(), &memory{err: errors.New("asked")}); err != nil {
			t.Fatal(err)
		}
	})
	t.Run("returns the error of the store", func(t *testing.T) {
		broken := &memory{err: errors.New("broken")}
		if err := condition.Set(t.Context(), broken, waiting()); !errors.Is(err, broken.err) || broken.writes != 0 {
			t.Fatalf("got %v after %d writes", err, broken.writes)
		}
	})
}

func TestFind(t *testing.T) {
	conditions := []condition.Condition{waiting()}
	if c, ok := condition.Find(conditions, condition.Resolves); !ok || !c.Same(waiting()) {
		t.Errorf("got %+v, %v", c, ok)
	}
	if c, ok := condition.Find(conditions, condition.Serving); ok || c.Type != "" {
		t.Errorf("got %+v, %v", c, ok)
	}
}
