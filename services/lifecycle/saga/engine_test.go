package saga_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel/trace"

	"github.com/siteplane/siteplane/internal/platform/tracecontext"
	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/failpoint"
	"github.com/siteplane/siteplane/services/lifecycle/saga"
	"github.com/siteplane/siteplane/services/lifecycle/store"
	"github.com/siteplane/siteplane/services/lifecycle/worker"
)

var errFlaky = errors.New("connection reset")

// down is an error that says nothing about the step.
type down struct{}

func (down) Error() string   { return "nobody answers" }
func (down) Uncounted() bool { return true }

// failing is a Confirm that gives these errors, one a look, and then succeeds.
func failing(errs ...error) func(context.Context, saga.Operation) (confirmation, error) {
	return func(context.Context, saga.Operation) (confirmation, error) {
		if len(errs) == 0 {
			return confirmation{Done: true}, nil
		}
		err := errs[0]
		errs = errs[1:]
		return confirmation{}, err
	}
}

func always(err error) func(context.Context, saga.Operation) (confirmation, error) {
	return func(context.Context, saga.Operation) (confirmation, error) { return confirmation{}, err }
}

func TestEngine_walks(t *testing.T) {
	t.Run("steps in order, intent before effect, outcome with status", func(t *testing.T) {
		var b *bench
		b = setup(t,
			step{
				Name: "one", Apply: func(context.Context, store.Tx, saga.Operation) (bool, error) { return true, b.note("apply one") },
				Confirm: func(context.Context, saga.Operation) (confirmation, error) {
					if !slices.Equal(b.journal(), []string{"one intent made"}) || !b.operation().Intent {
						t.Errorf("confirm runs before the intent is written: %v", b.journal())
					}
					return confirmation{Done: true, Response: map[string]int{"answer": 42}}, b.note("confirm one")
				},
				Commit: func(context.Context, store.Tx, saga.Operation) error { return b.note("commit one") },
			},
			step{Name: "two", Commit: func(context.Context, store.Tx, saga.Operation) error { return b.note("commit two") }},
		)
		b.open("op")
		if op := b.run(); op.State != saga.Succeeded || op.EndedAt.IsZero() || b.engine.StepName(op) != "" {
			t.Errorf("ended as %+v", op)
		}
		if want := []string{"apply one", "confirm one", "commit one", "commit two"}; !slices.Equal(b.did, want) {
			t.Errorf("did %v, want %v", b.did, want)
		}
		want := []string{"one intent made", "one outcome ok", "two intent ", "two outcome ok"}
		if diff := cmp.Diff(want, b.journal()); diff != "" {
			t.Errorf("journal (-want +got):\n%s", diff)
		}
		if got := b.entries()[1].ExternalResponse; got != `{"answer":42}` {
			t.Errorf("the response is %s", got)
		}
	})
	t.Run("past a step with nothing to do, without a row", func(t *testing.T) {
		skip := func(context.Context, store.Tx, saga.Operation) (bool, error) { return true, nil }
		b := setup(t, step{Name: "one", Skip: skip, Confirm: always(errFlaky)}, step{Name: "two"})
		b.open("op")
		b.run()
		if want := []string{"two intent ", "two outcome ok"}; !slices.Equal(b.journal(), want) {
			t.Errorf("journal %v, want %v", b.journal(), want)
		}
	})
	t.Run("on after a crash between intent and outcome, without a second intent", func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		b := setup(t, step{Name: "one", Confirm: func(ctx context.Context, _ saga.Operation) (confirmation, error) {
			stop() // the first look ends in the middle
			return confirmation{Done: ctx.Err() == nil}, ctx.Err()
		}})
		op := b.open("op")
		if _, err := b.engine.Advance(ctx, b.claim(), op); !errors.Is(err, context.Canceled) {
			t.Fatalf("got %v", err)
		}
		if op := b.run(); op.State != saga.Succeeded {
			t.Fatalf("ended as %s", op.State)
		}
		if want := []string{"one intent ", "one outcome ok"}; !slices.Equal(b.journal(), want) {
			t.Errorf("journal %v, want %v", b.journal(), want)
		}
	})
	t.Run("to its end when only an outsider can bring it further", func(t *testing.T) {
		b := setup(t, step{Name: "one", Confirm: func(context.Context, saga.Operation) (confirmation, error) {
			return confirmation{WaitingFor: "tenant", Reason: "DNS_NXDOMAIN", Message: "no such name"}, nil
		}}, step{Name: "two"})
		b.open("op")
		op := b.run()
		if op.State != saga.Succeeded || op.WaitingFor != "tenant" || op.Reason != "DNS_NXDOMAIN" {
			t.Errorf("ended as %+v", op)
		}
		if want := []string{"one intent ", "one outcome waiting"}; !slices.Equal(b.journal(), want) {
			t.Errorf("journal %v, want %v", b.journal(), want)
		}
	})
}

func TestEngine_waits(t *testing.T) {
	seen := confirmation{Reason: "WAITING", Message: "not yet", RetryAfter: time.Second}
	looks := 0
	var b *bench
	b = setup(t, step{Name: "one", Confirm: func(context.Context, saga.Operation) (confirmation, error) {
		looks++
		now := seen
		now.Record = func(context.Context, store.Tx) error { return b.note("record " + now.Message) }
		return now, nil
	}})
	b.open("op")
	for range 5 {
		next, err := b.advance()
		if err != nil || !next.Equal(b.now.Add(time.Second)) {
			t.Fatalf("next look %s, error %v", next, err)
		}
		b.now = next
	}
	if want := []string{"one intent ", "one outcome waiting"}; !slices.Equal(b.journal(), want) || looks != 5 {
		t.Errorf("after %d looks the journal is %v, want %v", looks, b.journal(), want)
	}
	seen.Message = "still not"
	_, err := b.advance()
	b.must(err)
	if want := []string{"record not yet", "record still not"}; !slices.Equal(b.did, want) {
		t.Errorf("recorded %v, want %v", b.did, want)
	}
	if op := b.operation(); op.State != saga.Waiting || op.Message != "still not" || op.FailedAttempts != 0 {
		t.Errorf("the operation is %+v", op)
	}
}

func TestEngine_retries(t *testing.T) {
	t.Run("a failed attempt later, and later each time", func(t *testing.T) {
		b := setup(t, step{Name: "one", Confirm: failing(errFlaky, errFlaky)})
		b.open("op")
		var waits []time.Duration
		for range 2 {
			next, err := b.advance()
			b.must(err)
			waits = append(waits, next.Sub(b.now))
			if op := b.operation(); op.State != saga.Waiting || op.FailedAttempts != len(waits) || op.Message != errFlaky.Error() {
				t.Errorf("the operation is %+v", op)
			}
			b.now = next
		}
		if waits[0] < 750*time.Millisecond || waits[1] <= waits[0] {
			t.Errorf("waits are %v", waits)
		}
		if op := b.run(); op.State != saga.Succeeded || op.FailedAttempts != 0 {
			t.Errorf("ended as %+v", op)
		}
		want := []string{"one intent ", "one outcome retry", "one outcome retry", "one outcome ok"}
		if diff := cmp.Diff(want, b.journal()); diff != "" {
			t.Errorf("journal (-want +got):\n%s", diff)
		}
		if e := b.entries(); e[1].Attempt != 1 || e[2].Attempt != 2 || e[3].Attempt != 3 {
			t.Errorf("attempts are counted %d, %d, %d", e[1].Attempt, e[2].Attempt, e[3].Attempt)
		}
	})
	t.Run("until its attempts are spent, then undoes", func(t *testing.T) {
		b := setup(t, step{Name: "one", Confirm: always(errFlaky)})
		b.open("op")
		if op := b.run(); op.State != saga.Failed || op.Message != errFlaky.Error() {
			t.Errorf("ended as %+v", op)
		}
		if want := []string{"fail"}; !slices.Equal(b.did, want) {
			t.Errorf("did %v, want %v", b.did, want)
		}
	})
	t.Run("what nobody answers without end, and spends no attempt", func(t *testing.T) {
		b := setup(t, step{Name: "one", Confirm: failing(down{}, down{}, down{}, down{}, errFlaky, down{}, down{}, errFlaky, down{})})
		b.open("op")
		if op := b.run(); op.State != saga.Succeeded {
			t.Errorf("nobody answered seven times and two attempts of three failed, but it ended as %+v", op)
		}
	})
	t.Run("what nobody answers later each time, up to a bound", func(t *testing.T) {
		b := setup(t, step{Name: "one", Confirm: always(down{})})
		b.open("op")
		var last time.Duration
		for i := range 15 {
			next, err := b.advance()
			b.must(err)
			wait := next.Sub(b.now)
			if i < 7 && wait <= last || wait > 5*time.Minute*5/4 {
				t.Errorf("wait %d is %s, the one before was %s", i, wait, last)
			}
			last, b.now = wait, next
		}
		if last < 3*time.Minute {
			t.Errorf("the last wait is %s", last)
		}
	})
	t.Run("at once what was lost in a race, and writes nothing", func(t *testing.T) {
		for _, lost := range []error{lifecycle.ErrLostRace, lifecycle.ErrFenced} {
			b := setup(t, step{Name: "one", Confirm: failing(lost)})
			b.open("op")
			if _, err := b.advance(); !errors.Is(err, lost) {
				t.Errorf("got %v, want %v", err, lost)
			}
			if want := []string{"one intent "}; !slices.Equal(b.journal(), want) {
				t.Errorf("journal %v, want %v", b.journal(), want)
			}
		}
	})
}

func TestEngine_parks_what_it_does_not_know(t *testing.T) {
	b := setup(t, step{Name: "one"})
	b.open("of_tomorrow")
	op := b.run()
	if op.State != saga.NeedsAttention || op.Reason != "UNKNOWN_OPERATION" || op.EndedAt.IsZero() {
		t.Errorf("ended as %+v", op)
	}
	b.open("op")
	if op := b.run(); op.State != saga.Succeeded {
		t.Errorf("the next operation of the object ended as %s", op.State)
	}
}

// A claim that was taken over writes neither intent nor outcome, neither wait nor
// failure, and undoes nothing.
func TestEngine_is_fenced(t *testing.T) {
	permanent := &saga.PermanentError{Reason: "NO", Err: errors.New("no")}
	var b *bench
	var old worker.Work
	steps := map[string]step{
		"intent": {Name: "one"},
		"outcome": {Name: "one", Confirm: func(context.Context, saga.Operation) (confirmation, error) {
			b.claim()
			return confirmation{Done: true}, nil
		}},
		"wait": {Name: "one", Confirm: func(context.Context, saga.Operation) (confirmation, error) {
			b.claim()
			return confirmation{Reason: "WAITING"}, nil
		}},
		"failure": {Name: "one", Confirm: func(context.Context, saga.Operation) (confirmation, error) {
			b.claim()
			return confirmation{}, errFlaky
		}},
		"undoing": {Name: "one", Confirm: always(permanent), Undone: func(context.Context, saga.Operation) (confirmation, error) {
			b.claim()
			return confirmation{Done: true}, nil
		}},
		"the parked": {},
	}
	for name, s := range steps {
		t.Run(name, func(t *testing.T) {
			b = setup(t, s)
			kind := "op"
			if name == "the parked" {
				kind = "of_tomorrow"
			}
			op := b.open(kind)
			old = b.claim()
			if name == "intent" || name == "the parked" {
				b.claim()
			}
			if _, err := b.engine.Advance(t.Context(), old, op); !errors.Is(err, lifecycle.ErrFenced) {
				t.Errorf("got %v, want ErrFenced", err)
			}
			if rows := b.journal(); slices.Contains(rows, "one outcome ok") || slices.Contains(rows, "one compensation ok") {
				t.Errorf("the old claim wrote %v", rows)
			}
			if got := b.operation().State; got.Terminal() {
				t.Errorf("the old claim ended the operation as %s", got)
			}
		})
	}
}

// A journal of another version may be further than the steps that are known.
func TestEngine_parks_a_step_that_it_does_not_know(t *testing.T) {
	b := setup(t, step{Name: "one"})
	op := b.open("op")
	b.update(func(tx store.Tx) error {
		op.Step = 7
		return tx.UpdateOperation(b.ctx, op)
	})
	op = b.run()
	if op.State != saga.NeedsAttention || op.Reason != "UNKNOWN_STEP" {
		t.Errorf("ended as %+v", op)
	}
	if want := []string{"fail"}; !slices.Equal(b.did, want) {
		t.Errorf("did %v, want %v", b.did, want)
	}
}

func TestEngine_parks_what_it_cannot_decode(t *testing.T) {
	broken := &lifecycle.UndecodableError{What: "spec", Err: errors.New("unexpected end")}
	for name, s := range map[string]step{
		"in a transaction": {Name: "one", Apply: func(context.Context, store.Tx, saga.Operation) (bool, error) { return false, broken }},
		"in a look":        {Name: "one", Confirm: always(broken)},
	} {
		t.Run(name, func(t *testing.T) {
			b := setup(t, s)
			b.open("op")
			op := b.run()
			if op.State != saga.NeedsAttention || op.Reason != "UNDECODABLE" {
				t.Errorf("ended as %+v", op)
			}
			b.open("op") // nobody is kept out
		})
	}
}

func TestEngine_Park(t *testing.T) {
	for name, fail := range map[string]func(*bench) error{
		"moves the object": func(b *bench) error { return b.note("fail") },
		"ends the operation though the object refuses": func(*bench) error { return errFlaky },
		"ends the operation though that panics, too":   func(*bench) error { panic("boom") },
	} {
		t.Run(name, func(t *testing.T) {
			b := setup(t, step{Name: "one"})
			b.fail = fail
			op := b.open("op")
			b.must(b.engine.Park(b.ctx, b.claim(), op, "WORK_PARKED", "it panicked"))
			if op := b.operation(); op.State != saga.NeedsAttention || op.Message != "it panicked" || op.EndedAt.IsZero() {
				t.Errorf("parked as %+v", op)
			}
			b.open("op")
		})
	}
}

func TestTakeBack(t *testing.T) {
	var b *bench
	waiting := func(context.Context, saga.Operation) (confirmation, error) {
		return confirmation{Reason: "WAITING", RetryAfter: time.Hour}, nil
	}
	made := func(name string, confirm func(context.Context, saga.Operation) (confirmation, error)) step {
		return step{
			Name: name, Confirm: confirm,
			Apply:      func(context.Context, store.Tx, saga.Operation) (bool, error) { return true, b.note("apply " + name) },
			Compensate: func(context.Context, store.Tx, saga.Operation) error { return b.note("undo " + name) },
		}
	}
	b = setup(t, made("one", nil), made("two", waiting), made("three", nil))
	op := b.open("op")
	_, err := b.advance()
	b.must(err)
	old := b.claim()
	takeBack := func(tx store.Tx) (err error) {
		op, err = tx.GetOperation(b.ctx, op.ID)
		if err == nil {
			op, err = saga.TakeBack(b.ctx, tx, op, "somebody said so", b.now)
		}
		return err
	}
	b.update(takeBack)
	if _, err := b.engine.Advance(b.ctx, old, op); !errors.Is(err, lifecycle.ErrFenced) {
		t.Errorf("who worked on it was told %v", err)
	}
	b.update(takeBack) // again changes nothing
	if op := b.run(); op.State != saga.Cancelled || op.Reason != saga.ReasonCancelled || op.Message != "somebody said so" {
		t.Errorf("ended as %+v", op)
	}
	if want := []string{"apply one", "apply two", "undo two", "undo one", "fail"}; !slices.Equal(b.did, want) {
		t.Errorf("did %v, want %v", b.did, want)
	}
	b.update(takeBack)
	if got := b.operation().State; got != saga.Cancelled {
		t.Errorf("one that has ended became %s", got)
	}
}

// The names come from the steps alone: what a step has, can be cut off.
func TestDefinition_Failpoints(t *testing.T) {
	var reached []failpoint.Name
	var b *bench
	undone := func(context.Context, saga.Operation) (confirmation, error) { return confirmation{Done: true}, nil }
	b = setup(t,
		step{
			Name: "one", Confirm: undone, Undone: undone,
			Compensate: func(context.Context, store.Tx, saga.Operation) error { return nil },
		},
		step{Name: "two", Confirm: always(&saga.PermanentError{Reason: "NO", Err: errors.New("no")})},
	)
	b.engine.Reached = func(name failpoint.Name) { reached = append(reached, name) }
	b.open("op")
	b.run()
	want := []failpoint.Name{
		"op.one.before_intent", "op.one.after_intent", "op.one.before_confirm", "op.one.after_confirm",
		"op.one.before_outcome", "op.one.after_outcome",
		"op.two.before_intent", "op.two.after_intent", "op.two.before_confirm", "op.two.after_confirm",
		"op.two.before_outcome", "op.two.after_outcome",
		"op.one.before_compensation", "op.one.after_compensation", "op.one.before_undone", "op.one.after_undone",
		"op.one.before_taken_back", "op.one.after_taken_back",
		"op.before_failed", "op.after_failed",
	}
	if diff := cmp.Diff(want, reached); diff != "" {
		t.Errorf("reached (-want +got):\n%s", diff)
	}
	named := b.engine.Definitions[0].Failpoints()
	slices.Sort(want)
	slices.Sort(named)
	if diff := cmp.Diff(want, named); diff != "" {
		t.Errorf("named (-want +got):\n%s", diff)
	}
}

func TestCancel(t *testing.T) {
	b := setup(t, step{Name: "one", Confirm: func(context.Context, saga.Operation) (confirmation, error) {
		return confirmation{Reason: "WAITING", RetryAfter: time.Second}, nil
	}})
	op := b.open("op")
	old := b.claim()
	cancel := func(tx store.Tx) error { return saga.Cancel(b.ctx, tx, worker.Site, object, "deleted", b.now) }
	b.update(cancel)
	if got := b.operation(); got.State != saga.Cancelled || got.Message != "deleted" || got.EndedAt.IsZero() {
		t.Errorf("cancelled, it is %+v", got)
	}
	if _, err := b.engine.Advance(t.Context(), old, op); !errors.Is(err, lifecycle.ErrFenced) {
		t.Errorf("who worked on it was told %v", err)
	}
	b.update(cancel) // nothing is left to cancel
	b.open("op")
	if n := len(b.operations()); n != 2 {
		t.Errorf("%d operations", n)
	}
}

func TestOpen_one_at_a_time(t *testing.T) {
	b := setup(t, step{Name: "one"})
	b.open("op")
	err := b.store.Update(t.Context(), func(tx store.Tx) error {
		_, err := saga.Open(t.Context(), tx, saga.Opening{Kind: "op", TenantID: b.tenant, ObjectKind: worker.Site, ObjectID: object, At: b.now})
		return err
	})
	if !errors.Is(err, lifecycle.ErrLostRace) {
		t.Errorf("a second operation of an object was told %v", err)
	}
}

// Looks belong to the trace that the operation was opened in; after a wait of more
// than five seconds a look begins a trace that links to it.
func TestEngine_traces(t *testing.T) {
	b := setup(t, step{Name: "one", Confirm: func(context.Context, saga.Operation) (confirmation, error) {
		return confirmation{Reason: "WAITING", RetryAfter: time.Second}, nil
	}})
	op := b.open("op")
	first := tracecontext.IDOf(op.TraceParent)
	for _, wait := range []time.Duration{0, 5 * time.Second, time.Second} {
		b.now = b.now.Add(wait)
		_, err := b.advance()
		b.must(err)
	}
	var looks []struct {
		trace string
		links int
	}
	for _, s := range b.spans.Ended() {
		if s.Name() != "operation op" {
			continue
		}
		looks = append(looks, struct {
			trace string
			links int
		}{s.SpanContext().TraceID().String(), len(s.Links())})
		for _, l := range s.Links() {
			if l.SpanContext.TraceID().String() != first || s.Parent().IsValid() || s.SpanKind() != trace.SpanKindInternal {
				t.Errorf("the span links to %s and has the parent %v; want a link to %s and none", l.SpanContext.TraceID(), s.Parent(), first)
			}
		}
	}
	if len(looks) != 3 || looks[0].trace != first || looks[1].trace != first || looks[2].trace == first || looks[2].links != 1 {
		t.Errorf("looks are %v, the first trace is %s", looks, first)
	}
}
