package apply

import (
	"context"
	"fmt"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/siteplane/siteplane/internal/platform/telemetry"
	"github.com/siteplane/siteplane/services/edge-agent/internal/snapshot"
)

// Result says what was proved and what it took.
type Result struct {
	Fence  snapshot.Fence
	Digest string
	Sites  int
	Timing Timing
}

// Timing is how long the parts of an apply took.
type Timing struct {
	Render, Test, Proof time.Duration
}

// Apply makes nginx run what change makes of the last good snapshot. Errors: a
// *snapshot.StaleFenceError, snapshot.ErrNeeded, a *render.InvalidSiteError or
// *nginx.RejectedError when the content is at fault, a *nginx.NotProvenError or
// another error of package nginx when nginx does not do it. Once begun, an apply
// is finished or taken back, whether its caller waits or not.
func (a *Applier) Apply(ctx context.Context, change snapshot.Change) (Result, error) {
	end, err := a.begin(ctx)
	if err != nil {
		return Result{}, err
	}
	defer end()
	ctx, span := a.config.Tracer.Start(context.WithoutCancel(ctx), "apply", trace.WithAttributes(
		attribute.Int64(telemetry.KeyGeneration, int64(change.Fence.Generation)),
		attribute.String(telemetry.KeyEdge, a.config.EdgeID),
	))
	defer span.End()
	result, err := a.apply(ctx, change)
	if err != nil {
		span.SetStatus(codes.Error, err.Error())
	}
	return result, err
}

func (a *Applier) apply(ctx context.Context, change snapshot.Change) (Result, error) {
	if change.Fence.Compare(a.seen) < 0 {
		return Result{}, &snapshot.StaleFenceError{Given: change.Fence, Seen: a.seen}
	}
	next, err := snapshot.Next(a.held, change)
	if err != nil {
		return Result{}, err
	}
	if err := a.config.Snapshots.Raise(a.seen, change.Fence); err != nil {
		return Result{}, err
	}
	a.seen = change.Fence
	timing, err := a.install(ctx, next)
	if err == nil {
		err = a.keep(ctx, next)
	}
	if err != nil {
		a.lastError = err.Error()
		return Result{}, err
	}
	a.lastError = ""
	return Result{Fence: change.Fence, Digest: next.Digest(), Sites: next.Len(), Timing: timing}, nil
}

// keep makes a proved snapshot the last good one.
func (a *Applier) keep(ctx context.Context, proved *snapshot.Snapshot) error {
	_, err := a.step(ctx, "save", proved.Generation(), func(context.Context) error {
		return a.config.Snapshots.Save(a.config.EdgeID, proved)
	})
	if err != nil {
		return err
	}
	a.hold(proved, time.Now())
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

// withRollback adds to err that the way back failed too.
func withRollback(err, rollback error) error {
	if rollback == nil {
		return err
	}
	return fmt.Errorf("%w; the last good configuration was not proved either: %w", err, rollback)
}
