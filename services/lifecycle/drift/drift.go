// Package drift owns what was found to differ from what was proved: where, since
// when, what likely caused it, and what became of it. It knows no nginx and no
// Cloudflare; whoever observes names the kinds.
//
// A drift is open from the first look that finds it until a look that does not.
// Looks that find the same again write nothing.
package drift

import (
	"context"
	"time"

	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/id"
)

// Policy says what is done about drift.
type Policy string

// The policies.
const (
	// Repair brings back what was proved, after the drift is written down.
	Repair Policy = "repair"
	// Hold writes the drift down and sends nothing that would overwrite it until
	// it is gone or the policy is another.
	Hold Policy = "hold"
)

// Valid reports whether a policy is one of the above.
func (p Policy) Valid() bool { return p == Repair || p == Hold }

// TargetKind names what drifts.
type TargetKind string

// The kinds of targets.
const (
	Edge   TargetKind = "edge"
	Tunnel TargetKind = "tunnel"
)

// Target is one edge or tunnel.
type Target struct {
	Kind TargetKind
	// ID is that of the edge or tunnel.
	ID string
}

// Finding is one difference, as a look found it.
type Finding struct {
	// Kind is a word in upper case, for instance FILE_CHANGED or RULE_MISSING.
	Kind string
	// Place is the file or hostname, empty for the whole target.
	Place string
	// Detail says what is different, in one sentence.
	Detail string
	// Cause says what likely caused it, in one sentence.
	Cause string
	// Since is when it came to be, zero when that cannot be told.
	Since time.Time
	// Diff is the unified diff of a file, from what was proved to what was found, not
	// more than its beginning. It holds what tenants configured.
	Diff string
	// Owner owned the file then.
	Owner string
	// Foreign says that it is somebody else's: it is told and left alone.
	Foreign bool
}

// Same reports whether two findings are about the same difference.
func (f Finding) Same(o Finding) bool { return f.Kind == o.Kind && f.Place == o.Place }

// Drift is a finding with its life.
type Drift struct {
	ID     id.Drift
	Target Target
	Finding
	// FoundAt is when it was seen first, ClosedAt when it was seen to be gone;
	// zero while it is open.
	FoundAt  time.Time
	ClosedAt time.Time
	// Outcome says how it ended: "repaired" by us, "gone" by others.
	Outcome Outcome
	// TraceID is the trace of the look that found it.
	TraceID string
}

// Outcome says how a drift ended.
type Outcome string

// The outcomes. The empty one is that of an open drift.
const (
	Repaired Outcome = "repaired"
	Gone     Outcome = "gone"
)

// Store keeps drifts inside the caller's transaction. Opening and closing append
// an event, drift.found or drift.closed, to the outbox.
type Store interface {
	// OpenDrifts returns the open drifts of a target, ordered by place and kind.
	OpenDrifts(ctx context.Context, target Target) ([]Drift, error)
	// InsertDrift writes a new open drift; a second open one of the same target,
	// kind and place is lifecycle.ErrLostRace.
	InsertDrift(ctx context.Context, d Drift) error
	// CloseDrift sets when and how an open drift ended. An unknown one is a
	// *lifecycle.NotFoundError, one that ended before lifecycle.ErrLostRace.
	CloseDrift(ctx context.Context, drift id.Drift, at time.Time, outcome Outcome) error
	// ListDrifts returns drifts of all targets, the newest first: up to limit, and
	// only the open ones if open is set.
	ListDrifts(ctx context.Context, open bool, limit int) ([]Drift, error)
}

// Record brings the open drifts of a target to what a look found: new ones are
// opened, those that are gone are closed. It returns the new ones. What was known
// already is not written again.
func Record(ctx context.Context, store Store, target Target, found []Finding, gone Outcome, cause lifecycle.Cause) (opened []Drift, err error) {
	known, err := store.OpenDrifts(ctx, target)
	if err != nil {
		return nil, err
	}
	for _, d := range known {
		if !contains(found, d.Finding) {
			if err := store.CloseDrift(ctx, d.ID, cause.At, gone); err != nil {
				return nil, err
			}
		}
	}
	for i, f := range found {
		if contains(findings(known), f) || contains(found[:i], f) {
			continue
		}
		d := Drift{ID: id.NewDrift(), Target: target, Finding: f, FoundAt: cause.At, TraceID: cause.TraceID}
		if err := store.InsertDrift(ctx, d); err != nil {
			return nil, err
		}
		opened = append(opened, d)
	}
	return opened, nil
}

// Ours returns the findings that are ours to repair.
func Ours(found []Finding) (ours []Finding) {
	for _, f := range found {
		if !f.Foreign {
			ours = append(ours, f)
		}
	}
	return ours
}

func findings(drifts []Drift) (out []Finding) {
	for _, d := range drifts {
		out = append(out, d.Finding)
	}
	return out
}

func contains(all []Finding, f Finding) bool {
	for _, o := range all {
		if o.Same(f) {
			return true
		}
	}
	return false
}
