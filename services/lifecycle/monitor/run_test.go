package monitor_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/monitor"
)

var now = time.Date(2026, 5, 4, 3, 2, 1, 0, time.UTC)

// fakeStore has what a test planted.
type fakeStore struct {
	planted map[monitor.Fault][]monitor.Suspect
	// without are the faults that it cannot have.
	without map[monitor.Fault]bool
	asked   map[monitor.Fault]monitor.Query
	err     error
}

func (f *fakeStore) Suspects(_ context.Context, fault monitor.Fault, q monitor.Query) ([]monitor.Suspect, int, error) {
	switch {
	case f.err != nil:
		return nil, 0, f.err
	case f.without[fault]:
		return nil, 0, monitor.ErrDoesNotApply
	}
	if f.asked == nil {
		f.asked = map[monitor.Fault]monitor.Query{}
	}
	if _, before := f.asked[fault]; !before {
		f.asked[fault] = q
	}
	found := f.planted[fault]
	return found[:min(len(found), q.Limit)], len(found), nil
}

func settings() monitor.Settings { return monitor.Settings{Config: lifecycle.Defaults(), Now: now} }

// run has all monitors run on what a store has.
func run(t *testing.T, store *fakeStore, s monitor.Settings) monitor.Report {
	t.Helper()
	report, err := monitor.Run(t.Context(), store, s)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// result is that of one monitor.
func result(t *testing.T, report monitor.Report, name string) monitor.Result {
	t.Helper()
	for _, each := range report.Results {
		if each.Monitor.Name == name {
			return each
		}
	}
	t.Fatalf("there is no monitor %s", name)
	return monitor.Result{}
}

func suspect(object string, ago time.Duration) monitor.Suspect {
	return monitor.Suspect{ObjectID: object, TenantID: "ten_1", Seen: "shop.example.com", Since: now.Add(-ago)}
}

func TestRun(t *testing.T) {
	t.Run("says that nothing was found", func(t *testing.T) {
		report := run(t, &fakeStore{}, settings())
		if err := report.Err(); err != nil || len(report.Results) != len(monitor.Table) || !report.At.Equal(now) {
			t.Fatalf("%d results, %v", len(report.Results), err)
		}
	})
	t.Run("joins the faults of a monitor, the oldest first", func(t *testing.T) {
		report := run(t, &fakeStore{planted: map[monitor.Fault][]monitor.Suspect{
			monitor.Unproved: {suspect("dom_1", time.Minute)}, monitor.Contradicted: {suspect("dom_2", time.Hour)},
		}}, settings())
		got := result(t, report, "unproved-domains")
		want := []monitor.Finding{
			{Monitor: "M2", ObjectID: "dom_2", TenantID: "ten_1", Detail: "shop.example.com is ACTIVE and is contradicted for longer than the grace", Since: now.Add(-time.Hour)},
			{Monitor: "M2", ObjectID: "dom_1", TenantID: "ten_1", Detail: "shop.example.com is ACTIVE and was never seen to serve for this tenant", Since: now.Add(-time.Minute)},
		}
		if diff := cmp.Diff(want, got.Findings); diff != "" || got.Count != 2 || !got.Applies {
			t.Errorf("count %d\n%s", got.Count, diff)
		}
	})
	t.Run("shows no more than it was told and counts the rest", func(t *testing.T) {
		s := settings()
		s.Limit = 3
		two := []monitor.Suspect{suspect("dom_1", time.Hour), suspect("dom_2", time.Minute)}
		report := run(t, &fakeStore{planted: map[monitor.Fault][]monitor.Suspect{monitor.Unproved: two, monitor.Contradicted: two}}, s)
		if got := result(t, report, "unproved-domains"); got.Count != 4 || len(got.Findings) != 3 {
			t.Errorf("%d of %d", len(got.Findings), got.Count)
		}
		err := report.Err()
		for _, want := range []string{"M2 unproved-domains: dom_1: shop.example.com is ACTIVE", "M2 unproved-domains: 1 more"} {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("the error is %v, it does not say %q", err, want)
			}
		}
	})
	t.Run("does not call well what does not apply", func(t *testing.T) {
		report := run(t, &fakeStore{without: map[monitor.Fault]bool{monitor.Unplaced: true, monitor.Unproved: true}}, settings())
		if result(t, report, "unplaced-events").Applies {
			t.Error("a fault that cannot be is called well")
		}
		if !result(t, report, "unproved-domains").Applies {
			t.Error("one of two faults can be, and is not checked")
		}
	})
	t.Run("tells whose work waits longest, late or not", func(t *testing.T) {
		waits := []monitor.Suspect{suspect("site_1", time.Second)}
		store := &fakeStore{planted: map[monitor.Fault][]monitor.Suspect{monitor.Late: waits}}
		if diff := cmp.Diff(waits, run(t, store, settings()).Waiting); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("is no report when a store fails", func(t *testing.T) {
		broken := errors.New("broken")
		report, err := monitor.Run(t.Context(), &fakeStore{err: broken}, settings())
		if !errors.Is(err, broken) || !strings.Contains(err.Error(), "duplicate-claims") || report.Results != nil {
			t.Errorf("got %v, %v", report, err)
		}
	})
}
