package saga

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"github.com/siteplane/siteplane/internal/platform/tracecontext"
	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/backoff"
	"github.com/siteplane/siteplane/services/lifecycle/failpoint"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/worker"
)

// Config is what an engine needs.
type Config[T Tx] struct {
	// Update is the store's only write door.
	Update func(ctx context.Context, do func(tx T) error) error
	// View is the store's read door.
	View func(ctx context.Context, do func(tx T) error) error
	// Definitions are the operations that it can walk.
	Definitions []Definition[T]
	// CompensateWithin is how long the way back may take; 0 means for ever.
	CompensateWithin time.Duration
	// Reached is told each failpoint that is passed; nil for none.
	Reached failpoint.Reached
	Clock   func() time.Time
	Logger  *slog.Logger
	Tracer  trace.Tracer
}

// Engine walks operations. It keeps nothing in memory: every look begins with
// what the database says.
type Engine[T Tx] struct {
	Config[T]
	definitions map[string]Definition[T]
	backoff     backoff.Policy
}

// linkAfter is how long an operation may have waited for a look to still belong
// to its first trace; later looks begin a trace that links to it.
const linkAfter = 5 * time.Second

// NewEngine returns an engine.
func NewEngine[T Tx](cfg Config[T]) *Engine[T] {
	e := &Engine[T]{
		Config:      cfg,
		definitions: map[string]Definition[T]{},
		backoff:     backoff.Policy{First: time.Second, Cap: 5 * time.Minute},
	}
	for _, d := range cfg.Definitions {
		e.definitions[d.Kind] = d
	}
	return e
}

// Advance walks an operation of a claimed object until it ends or must wait,
// and returns when to look again; zero when it ended.
func (e *Engine[T]) Advance(ctx context.Context, w worker.Work, op Operation) (next time.Time, err error) {
	def, ok := e.definitions[op.Kind]
	if !ok {
		return time.Time{}, e.Park(ctx, w, op, "UNKNOWN_OPERATION", "this version knows no operation "+op.Kind)
	}
	ctx, span := e.begin(ctx, op)
	defer span.End()
	if op.Step < 0 || op.Step >= len(def.Steps) {
		return time.Time{}, e.Park(ctx, w, op, "UNKNOWN_STEP", fmt.Sprintf("this version of %s has no step %d", op.Kind, op.Step))
	}
	walk := &walk[T]{Engine: e, def: def, work: w, op: op}
	for !walk.op.State.Terminal() {
		next, err = walk.look(ctx)
		if undecodable(err) {
			return time.Time{}, e.Park(ctx, w, walk.op, "UNDECODABLE", err.Error())
		}
		if err != nil || !next.IsZero() {
			return next, err
		}
	}
	return time.Time{}, nil
}

// undecodable reports whether something stored makes no sense to this version.
func undecodable(err error) bool {
	var broken *lifecycle.UndecodableError
	return errors.As(err, &broken)
}

// StepName returns the name of the step that an operation is at, or "" once it
// ended.
func (e *Engine[T]) StepName(op Operation) string {
	steps := e.definitions[op.Kind].Steps
	if op.State.Terminal() || op.Step >= len(steps) {
		return ""
	}
	return steps[op.Step].Name
}

// begin starts the span of one look, in the operation's first trace, or after a
// wait in a new one that links to it.
func (e *Engine[T]) begin(ctx context.Context, op Operation) (context.Context, trace.Span) {
	attrs := trace.WithAttributes(
		attribute.String("operation_id", string(op.ID)), attribute.String("object_id", op.ObjectID))
	name := "operation " + op.Kind
	if op.State == Waiting && e.Clock().Sub(op.UpdatedAt) > linkAfter {
		return e.Tracer.Start(ctx, name, attrs, trace.WithNewRoot(), tracecontext.LinkTo(op.TraceParent))
	}
	return e.Tracer.Start(tracecontext.WithParent(ctx, op.TraceParent), name, attrs)
}

// Opening says which operation to open on which object.
type Opening struct {
	// ID is for callers whose other rows name the operation; a new one is made
	// when it is empty.
	ID         id.Operation
	Kind       string
	TenantID   id.Tenant
	ObjectKind worker.Kind
	ObjectID   string
	Actor      string
	At         time.Time
}

// Open writes a new operation and marks its object, so that the operation is
// looked at once the transaction commits. The context's trace becomes the
// operation's.
func Open(ctx context.Context, tx Tx, o Opening) (Operation, error) {
	if o.ID == "" {
		o.ID = id.NewOperation()
	}
	op := Operation{
		ID: o.ID, TenantID: o.TenantID, Kind: o.Kind,
		ObjectKind: o.ObjectKind, ObjectID: o.ObjectID,
		State: Pending, Actor: o.Actor, TraceParent: tracecontext.Parent(ctx),
		CreatedAt: o.At, UpdatedAt: o.At,
	}
	if err := tx.InsertOperation(ctx, op); err != nil {
		return op, fmt.Errorf("open %s on %s: %w", o.Kind, o.ObjectID, err)
	}
	return op, tx.MarkWork(ctx, worker.Mark{
		Kind: o.ObjectKind, Key: o.ObjectID, TenantID: string(o.TenantID),
		DueAt: o.At, TraceParent: op.TraceParent,
	})
}
