package main

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestRunChecks_goes_on_after_a_failure(t *testing.T) {
	passes := func(context.Context, *demo) error { return nil }
	table := []check{
		{name: "first", run: passes},
		{name: "broken", needs: "first", run: func(context.Context, *demo) error {
			return errors.Join(errors.New("one thing"), errors.New("another"))
		}},
		{name: "dependent", needs: "broken", run: passes},
		{name: "last", needs: "first", run: passes},
	}
	var out bytes.Buffer
	if err := runChecks(t.Context(), &demo{out: &out}, table); !errors.Is(err, errFailed) {
		t.Errorf("runChecks = %v, want errFailed", err)
	}
	want := "check first ok\n" +
		"check broken FAILED: one thing; another\n" +
		"check dependent FAILED: it needs broken\n" +
		"check last ok\n"
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("printed (-want +got):\n%s", diff)
	}
}

func TestRunChecks_stops_when_interrupted(t *testing.T) {
	ctx, interrupt := context.WithCancel(t.Context())
	table := []check{
		{name: "first", run: func(context.Context, *demo) error { interrupt(); return nil }},
		{name: "second", run: func(context.Context, *demo) error { t.Error("the second check ran"); return nil }},
	}
	var out bytes.Buffer
	if err := runChecks(ctx, &demo{out: &out}, table); !errors.Is(err, context.Canceled) {
		t.Errorf("runChecks = %v, want Canceled", err)
	}
	if out.Len() > 0 {
		t.Errorf("printed %q of a check that nobody waited for", out.String())
	}
}

// TestChecks_need_earlier_ones finds a need that no check fulfils.
func TestChecks_need_earlier_ones(t *testing.T) {
	seen := map[string]bool{"": true}
	for _, c := range checks {
		if !seen[c.needs] {
			t.Errorf("%s needs %q, which is no earlier check", c.name, c.needs)
		}
		if seen[c.name] {
			t.Errorf("there are two checks named %q", c.name)
		}
		seen[c.name] = true
	}
}

func TestEventually(t *testing.T) {
	missing := errors.New("missing")
	t.Run("looks until it succeeds", func(t *testing.T) {
		looks := 0
		err := eventually(t.Context(), time.Minute, func(context.Context) error {
			if looks++; looks < 3 {
				return missing
			}
			return nil
		})
		if err != nil || looks != 3 {
			t.Errorf("eventually = %v after %d looks", err, looks)
		}
	})
	t.Run("says what was missing at the limit", func(t *testing.T) {
		err := eventually(t.Context(), time.Millisecond, func(context.Context) error { return missing })
		if !errors.Is(err, missing) {
			t.Errorf("eventually = %v, want what was missing", err)
		}
	})
	t.Run("says what was missing before a look was cut short", func(t *testing.T) {
		looks := 0
		err := eventually(t.Context(), lookAgain+lookAgain/2, func(ctx context.Context) error {
			if looks++; looks == 1 {
				return missing
			}
			<-ctx.Done()
			return ctx.Err()
		})
		if looks < 2 || !errors.Is(err, missing) {
			t.Errorf("eventually = %v after %d looks, want what was missing", err, looks)
		}
	})
	t.Run("gives up what can never come", func(t *testing.T) {
		err := eventually(t.Context(), time.Minute, func(context.Context) error { return errNever })
		if !errors.Is(err, errNever) {
			t.Errorf("eventually = %v, want errNever", err)
		}
	})
}
