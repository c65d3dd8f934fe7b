package apply

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/siteplane/siteplane/internal/platform/telemetry"

	"github.com/siteplane/siteplane/services/edge-agent/internal/nginx"
	"github.com/siteplane/siteplane/services/edge-agent/internal/render"
	"github.com/siteplane/siteplane/services/edge-agent/internal/snapshot"
)

// Request is an apply that somebody asked for.
type Request struct {
	snapshot.Change
	// Explained are ids of sites of which an operation explains what goes.
	Explained map[string]bool
	// ConfirmedHold lets exactly the names of that hold go.
	ConfirmedHold string
	// HoldDrift refuses rather than overwrite drift.
	HoldDrift bool
}

// Result says what was proved and what it took.
type Result struct {
	Fence  snapshot.Fence
	Digest string
	Sites  int
	// Rejected are the sites that are not as they were sent.
	Rejected []snapshot.Rejection
	// Drifts were overwritten.
	Drifts []Drift
	Timing Timing
}

// Timing is how long the parts of an apply took.
type Timing struct {
	Render, Test, Proof time.Duration
}

// Apply makes nginx run what request makes of the last good snapshot; sites that
// nginx refuses stay as they were, or out. Errors: a *snapshot.StaleFenceError,
// snapshot.ErrNeeded, a *shrink.HeldError, a *DriftError, a
// *render.InvalidSiteError or *nginx.RejectedError when the content is at fault
// and no changed site is to blame, a *nginx.NotProvenError or another error of
// package nginx when nginx does not do it, a *DrainingError when too much is left
// of former ones, a *MemoryError when another one does not fit beside what runs, a
// *RollbackError around one of these when the way back failed, a *generation.FullError or *generation.DamagedError or an error
// of the system when the disk does not take it. Once begun, an apply is finished or
// taken back, whether its caller waits or not.
func (a *Applier) Apply(ctx context.Context, request Request) (Result, error) {
	end, err := a.beginApply(ctx)
	if err != nil {
		return Result{}, err
	}
	defer end()
	ctx, span := a.config.Tracer.Start(context.WithoutCancel(ctx), "apply", trace.WithAttributes(
		attribute.Int64(telemetry.KeyGeneration, int64(request.Fence.Generation)),
		attribute.String(telemetry.KeyEdge, a.config.EdgeID),
	))
	defer span.End()
	result, err := a.apply(ctx, request)
	if err != nil {
		span.SetStatus(codes.Error, err.Error())
	}
	return result, err
}

func (a *Applier) apply(ctx context.Context, request Request) (Result, error) {
	if request.Fence.Compare(a.seen) < 0 {
		return Result{}, &snapshot.StaleFenceError{Given: request.Fence, Seen: a.seen}
	}
	next, err := snapshot.Next(a.held, request.Change)
	if err != nil {
		return Result{}, err
	}
	if err := a.config.Snapshots.Raise(a.seen, request.Fence); err != nil {
		return Result{}, err
	}
	a.seen = request.Fence
	a.reached(Received)
	result, err := a.take(ctx, next, request)
	if err != nil {
		a.lastError = err
		return Result{}, err
	}
	a.lastError = nil
	return result, nil
}

// take changes nothing before guard and drift have been looked at.
func (a *Applier) take(ctx context.Context, next *snapshot.Snapshot, request Request) (Result, error) {
	if err := a.guard(next, request); err != nil {
		return Result{}, err
	}
	drifts, err := a.look(ctx)
	if err != nil {
		return Result{}, err
	}
	if request.HoldDrift && len(drifts) > 0 {
		return Result{}, &DriftError{Drifts: drifts}
	}
	a.meet(ctx, drifts)
	trial, timing, err := a.installGood(ctx, next)
	if err != nil {
		return Result{}, err
	}
	if err := a.keep(ctx, trial.next, trial.rejected); err != nil {
		return Result{}, err
	}
	met := a.found
	a.found = nil
	return Result{
		Fence: request.Fence, Digest: a.held.Digest(), Sites: a.held.Len(),
		Rejected: a.rejected, Drifts: met, Timing: timing,
	}, nil
}

// meet keeps drifts until an apply succeeds and tells of them: the way back from
// one that fails overwrites them as well.
func (a *Applier) meet(ctx context.Context, drifts []Drift) {
	a.logDrifts(ctx, "the host drifted, that is overwritten", drifts)
	for _, drift := range drifts {
		a.found = slices.DeleteFunc(a.found, func(known Drift) bool { return known.Kind == drift.Kind && known.Path == drift.Path })
	}
	a.found = append(a.found, drifts...)
}

// installGood makes nginx run next without the sites that it refuses.
func (a *Applier) installGood(ctx context.Context, next *snapshot.Snapshot) (*trial, Timing, error) {
	t := newTrial(a.wanted(), next)
	timing, err := a.install(ctx, t.next)
	if invalid := new(render.InvalidSiteError); errors.As(err, &invalid) && t.settle() {
		timing, err = a.install(ctx, t.next)
	}
	if !errors.As(err, new(*nginx.RejectedError)) {
		return t, timing, err
	}
	begun := time.Now()
	timing, err = a.installRest(ctx, t, err)
	timing.Test = time.Since(begun) - timing.Render - timing.Proof
	return t, timing, err
}

// installRest finds the sites for which nginx refused what was to be installed, and
// makes it run the rest. err is that refusal.
func (a *Applier) installRest(ctx context.Context, t *trial, err error) (timing Timing, _ error) {
	try := func(next *snapshot.Snapshot) error { return a.try(ctx, next) }
	for refusal := new(nginx.RejectedError); errors.As(err, &refusal); {
		found, failed := t.weed(try)
		if failed != nil {
			return timing, failed
		}
		if !found {
			if failed := t.isolate(refusal, try); failed != nil {
				return timing, failed
			}
			return a.install(ctx, t.next)
		}
		timing, err = a.install(ctx, t.next)
	}
	return timing, err
}

// keep makes a proved snapshot the last good one.
func (a *Applier) keep(ctx context.Context, next *snapshot.Snapshot, rejected []snapshot.Rejection) error {
	slices.SortFunc(rejected, func(a, b snapshot.Rejection) int { return cmp.Compare(a.SiteID, b.SiteID) })
	proved := snapshot.Proved{Snapshot: next, Rejected: rejected, At: time.Now()}
	_, err := a.step(ctx, "save", next.Generation(), func(context.Context) error {
		return a.config.Snapshots.Save(a.config.EdgeID, proved)
	})
	if err != nil {
		return err
	}
	a.reached(Saved)
	a.hold(proved)
	return nil
}

// step runs one part of an apply with a span, and logs intent and outcome.
func (a *Applier) step(ctx context.Context, name string, generation uint64, run func(context.Context) error) (time.Duration, error) {
	ctx, span := a.config.Tracer.Start(ctx, name)
	defer span.End()
	logger := a.config.Logger.With(telemetry.KeyStep, name, telemetry.KeyGeneration, generation, telemetry.KeyEdge, a.config.EdgeID)
	logger.InfoContext(ctx, "edge step begins")
	start := time.Now()
	err := run(ctx)
	took := time.Since(start)
	if err != nil {
		span.SetStatus(codes.Error, err.Error())
		logger.WarnContext(ctx, "edge step failed", telemetry.KeyDuration, took, telemetry.KeyError, err)
		return took, err
	}
	logger.InfoContext(ctx, "edge step done", telemetry.KeyDuration, took)
	return took, nil
}

// withRemoval adds to err that what was staged could not be removed.
func withRemoval(err, removal error) error {
	if removal == nil {
		return err
	}
	return fmt.Errorf("%w; what was staged is left behind: %w", err, removal)
}
