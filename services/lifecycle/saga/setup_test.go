package saga_test

import (
	"context"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/siteplane/siteplane/services/lifecycle/admin"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/saga"
	"github.com/siteplane/siteplane/services/lifecycle/store"
	"github.com/siteplane/siteplane/services/lifecycle/store/sqlite"
	"github.com/siteplane/siteplane/services/lifecycle/worker"
)

// Shorter names for what every definition spells.
type (
	step         = saga.Step[store.Tx]
	confirmation = saga.Confirmation[store.Tx]
)

// bench is an engine on a real store, with one object to work on.
type bench struct {
	t      *testing.T
	ctx    context.Context
	store  *sqlite.Store
	engine *saga.Engine[store.Tx]
	tracer trace.Tracer
	spans  *tracetest.SpanRecorder
	now    time.Time
	tenant id.Tenant
	did    []string // what steps did, in order
	fail   func(*bench) error
}

const object = "site_1"

const compensateWithin = time.Hour

// setup makes an engine that knows one operation, "op", of these steps.
func setup(t *testing.T, steps ...step) *bench {
	t.Helper()
	b := &bench{
		t: t, ctx: t.Context(), spans: tracetest.NewSpanRecorder(),
		now: time.Date(2026, 5, 4, 3, 2, 1, 0, time.UTC), tenant: id.NewTenant(),
		fail: func(b *bench) error { return b.note("fail") },
	}
	db, err := sqlite.Open(t.Context(), sqlite.Config{
		Path:  filepath.Join(t.TempDir(), "siteplane.db"),
		Clock: func() time.Time { return b.now.Add(time.Hour) }, // what is due within the hour is due
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	b.store = db
	b.tracer = sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(b.spans)).Tracer("test")
	b.engine = saga.NewEngine(saga.Config[store.Tx]{
		Update: db.Update, View: db.View, Clock: func() time.Time { return b.now },
		Logger: slog.New(slog.DiscardHandler), Tracer: b.tracer, CompensateWithin: compensateWithin,
		Definitions: []saga.Definition[store.Tx]{{
			Kind: "op", Steps: steps, MaxAttempts: 3,
			Fail: func(context.Context, store.Tx, saga.Operation) error { return b.fail(b) },
		}},
	})
	b.update(func(tx store.Tx) error {
		return tx.InsertTenant(b.ctx, admin.Tenant{ID: b.tenant, Name: "default", CreatedAt: b.now})
	})
	return b
}

func (b *bench) note(what string) error {
	b.did = append(b.did, what)
	return nil
}

func (b *bench) update(do func(tx store.Tx) error) {
	b.t.Helper()
	b.must(b.store.Update(b.ctx, do))
}

func (b *bench) must(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

// open opens an operation of a kind in a trace of its own.
func (b *bench) open(kind string) saga.Operation {
	b.t.Helper()
	ctx, span := b.tracer.Start(b.ctx, "call")
	defer span.End()
	var op saga.Operation
	b.must(b.store.Update(ctx, func(tx store.Tx) (err error) {
		op, err = saga.Open(ctx, tx, saga.Opening{
			Kind: kind, TenantID: b.tenant, ObjectKind: worker.Site, ObjectID: object, Actor: "test", At: b.now,
		})
		return err
	}))
	return op
}

// claim claims the object; the claims before it are fenced.
func (b *bench) claim() worker.Work {
	b.t.Helper()
	b.update(func(tx store.Tx) error {
		err := tx.MarkWork(b.ctx, worker.Mark{Kind: worker.Site, Key: object, TenantID: string(b.tenant), DueAt: b.now})
		if err == nil {
			err = tx.ReleaseLeases(b.ctx, "")
		}
		return err
	})
	claimed, _, err := b.store.ClaimWork(b.ctx, worker.Claim{Owner: "test", Lease: time.Hour, Limit: 1})
	if err != nil || len(claimed) != 1 {
		b.t.Fatalf("claimed %v, %v", claimed, err)
	}
	return claimed[0]
}

// advance looks at the operation once, under a new claim.
func (b *bench) advance() (next time.Time, err error) {
	b.t.Helper()
	op := b.operation()
	if op.State.Terminal() {
		return time.Time{}, nil
	}
	return b.engine.Advance(b.ctx, b.claim(), op)
}

// run looks until the operation has ended; time passes as it asks for.
func (b *bench) run() saga.Operation {
	b.t.Helper()
	for range 50 {
		next, err := b.advance()
		b.must(err)
		if next.IsZero() {
			return b.operation()
		}
		b.now = next
	}
	b.t.Fatalf("the operation does not end: %+v", b.operation())
	return saga.Operation{}
}

// operation returns the only operation of the object, as it is stored.
func (b *bench) operation() saga.Operation {
	b.t.Helper()
	ops := b.operations()
	return ops[len(ops)-1]
}

func (b *bench) operations() (ops []saga.Operation) {
	b.t.Helper()
	b.must(b.store.View(b.ctx, func(tx store.Tx) (err error) {
		ops, err = tx.OperationsOf(b.ctx, []string{object})
		return err
	}))
	return ops
}

// journal returns the operation's rows as "step phase result".
func (b *bench) journal() (rows []string) {
	b.t.Helper()
	for _, e := range b.entries() {
		rows = append(rows, e.Step+" "+string(e.Phase)+" "+string(e.Result))
	}
	return rows
}

func (b *bench) entries() (entries []saga.Entry) {
	b.t.Helper()
	b.must(b.store.View(b.ctx, func(tx store.Tx) (err error) {
		entries, err = tx.JournalOf(b.ctx, []id.Operation{b.operation().ID})
		return err
	}))
	return entries
}
