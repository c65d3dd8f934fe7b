package monitor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/siteplane/siteplane/services/lifecycle"
)

const (
	// DefaultLimit is how many findings of one monitor are shown if nobody says.
	DefaultLimit = 10
	// waiting is how many tenants with late work are shown.
	waiting = 10
)

// Settings say what to check against.
type Settings struct {
	// Config is the installation's: it says how long things may take.
	Config lifecycle.Config
	// Now is the time by the database's clock.
	Now time.Time
	// Whole has all of the history read, instead of the newest rows.
	Whole bool
	// Limit is how many findings of one monitor are shown; 0 means DefaultLimit.
	Limit int
}

// Finding is one thing that is not as it must be.
type Finding struct {
	Monitor ID
	// ObjectID is the object, or the table.
	ObjectID string
	// TenantID is empty for what is the installation's.
	TenantID string
	// Detail says what is wrong, in one sentence.
	Detail string
	// Since is when it began, as far as that can be told.
	Since time.Time
}

// Result is what one monitor found.
type Result struct {
	Monitor Monitor
	// Applies is false where the database cannot have the faults.
	Applies bool
	// Count is how many findings there are.
	Count int
	// Findings are the oldest of them.
	Findings []Finding
}

// Report is what all monitors found.
type Report struct {
	// Results are in the order of the table.
	Results []Result
	// Waiting is the oldest work that can be claimed of the tenants that wait longest,
	// whether that is a finding or not.
	Waiting []Suspect
	At      time.Time
}

// Run checks every monitor of the table.
func Run(ctx context.Context, store Store, s Settings) (Report, error) {
	s.Limit = cmp.Or(s.Limit, DefaultLimit)
	report := Report{At: s.Now}
	for _, m := range Table {
		result, err := m.run(ctx, store, s)
		if err != nil {
			return Report{}, fmt.Errorf("check %s: %w", m.Name, err)
		}
		report.Results = append(report.Results, result)
	}
	var err error
	if report.Waiting, _, err = store.Suspects(ctx, Late, Query{Before: s.Now, Limit: waiting}); err != nil {
		return Report{}, fmt.Errorf("look for the oldest work: %w", err)
	}
	return report, nil
}

func (m Monitor) run(ctx context.Context, store Store, s Settings) (Result, error) {
	result := Result{Monitor: m}
	for _, each := range m.searches {
		q := each.query(s)
		q.Limit = s.Limit
		found, total, err := store.Suspects(ctx, each.fault, q)
		if errors.Is(err, ErrDoesNotApply) {
			continue
		}
		if err != nil {
			return Result{}, err
		}
		result.Applies = true
		result.Count += total
		for _, suspect := range found {
			result.Findings = append(result.Findings, m.finding(each, suspect))
		}
	}
	slices.SortStableFunc(result.Findings, func(a, b Finding) int { return a.Since.Compare(b.Since) })
	result.Findings = result.Findings[:min(len(result.Findings), s.Limit)]
	return result, nil
}

func (m Monitor) finding(by search, s Suspect) Finding {
	return Finding{
		Monitor: m.ID, ObjectID: s.ObjectID, TenantID: s.TenantID,
		Detail: fmt.Sprintf(by.detail, s.Seen), Since: s.Since,
	}
}

// Err returns nil when no monitor found anything, else an error that names what was
// found. It is how a test says that everything is as it must be.
func (r Report) Err() error {
	var found []string
	for _, result := range r.Results {
		for _, f := range result.Findings {
			found = append(found, fmt.Sprintf("%s %s: %s: %s", f.Monitor, result.Monitor.Name, f.ObjectID, f.Detail))
		}
		if rest := result.Count - len(result.Findings); rest > 0 {
			found = append(found, fmt.Sprintf("%s %s: %d more", result.Monitor.ID, result.Monitor.Name, rest))
		}
	}
	if len(found) == 0 {
		return nil
	}
	return fmt.Errorf("monitors found:\n%s", strings.Join(found, "\n"))
}
