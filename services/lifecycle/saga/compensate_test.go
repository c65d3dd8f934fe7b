package saga_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/saga"
	"github.com/siteplane/siteplane/services/lifecycle/store"
)

func TestEngine_compensates(t *testing.T) {
	var b *bench
	undoable := func(name string, confirm func(context.Context, saga.Operation) (confirmation, error)) step {
		return step{
			Name: name, Confirm: confirm,
			Compensate: func(context.Context, store.Tx, saga.Operation) error { return b.note("undo " + name) },
		}
	}
	permanent := always(&saga.PermanentError{Reason: "CONFIG_REJECTED", Err: errors.New("bad header")})
	t.Run("at once on a permanent error, in reverse, and then fails", func(t *testing.T) {
		b = setup(t, undoable("one", nil), undoable("two", nil), undoable("three", permanent), undoable("four", nil))
		b.open("op")
		op := b.run()
		if op.State != saga.Failed || op.Reason != "CONFIG_REJECTED" || op.Message != "bad header" {
			t.Errorf("ended as %+v", op)
		}
		if want := []string{"undo three", "undo two", "undo one", "fail"}; !slices.Equal(b.did, want) {
			t.Errorf("did %v, want %v", b.did, want)
		}
		want := []string{"three outcome failed", "three compensation ok", "two compensation ok", "one compensation ok"}
		if diff := cmp.Diff(want, b.journal()[5:]); diff != "" {
			t.Errorf("journal (-want +got):\n%s", diff)
		}
	})
	t.Run("not what was passed over", func(t *testing.T) {
		skipped := undoable("two", nil)
		skipped.Skip = func(context.Context, store.Tx, saga.Operation) (bool, error) { return true, nil }
		b = setup(t, undoable("one", nil), skipped, undoable("three", permanent))
		b.open("op")
		b.run()
		if want := []string{"undo three", "undo one", "fail"}; !slices.Equal(b.did, want) {
			t.Errorf("did %v, want %v", b.did, want)
		}
	})
	t.Run("nothing when the first step was all, and it was passed over", func(t *testing.T) {
		skipped := undoable("one", nil)
		skipped.Skip = func(context.Context, store.Tx, saga.Operation) (bool, error) { return true, nil }
		b = setup(t, skipped, undoable("two", permanent))
		b.open("op")
		b.run()
		if want := []string{"undo two", "fail"}; !slices.Equal(b.did, want) {
			t.Errorf("did %v, want %v", b.did, want)
		}
	})
	t.Run("not what was there before, I37", func(t *testing.T) {
		found := undoable("two", nil)
		found.Apply = func(context.Context, store.Tx, saga.Operation) (bool, error) { return false, nil }
		made := undoable("one", nil)
		made.Apply = func(context.Context, store.Tx, saga.Operation) (bool, error) { return true, nil }
		b = setup(t, made, found, undoable("three", permanent))
		b.open("op")
		b.run()
		if want := []string{"undo three", "undo one", "fail"}; !slices.Equal(b.did, want) {
			t.Errorf("did %v, want %v", b.did, want)
		}
	})
	t.Run("on after a crash where it was, and undoes nothing twice", func(t *testing.T) {
		one := undoable("one", nil)
		looks := 0
		one.Undone = func(ctx context.Context, _ saga.Operation) (confirmation, error) {
			if looks++; looks == 1 {
				return confirmation{}, lifecycle.ErrFenced // as good as dead
			}
			return confirmation{Done: true}, nil
		}
		b = setup(t, one, undoable("two", permanent))
		b.open("op")
		if _, err := b.advance(); !errors.Is(err, lifecycle.ErrFenced) {
			t.Fatalf("got %v", err)
		}
		b.run()
		if want := []string{"undo two", "undo one", "undo one", "fail"}; !slices.Equal(b.did, want) {
			t.Errorf("did %v, want %v", b.did, want)
		}
		var undone []string
		for _, row := range b.journal() {
			if strings.HasSuffix(row, "compensation ok") {
				undone = append(undone, row)
			}
		}
		if want := []string{"two compensation ok", "one compensation ok"}; !slices.Equal(undone, want) {
			t.Errorf("undone %v, want %v", undone, want)
		}
	})
	t.Run("within bounds; then it needs attention, says what is left, and blocks nothing, F02", func(t *testing.T) {
		one, two := undoable("one", nil), undoable("two", permanent)
		two.Undone = always(errFlaky)
		b = setup(t, one, two)
		b.open("op")
		begun := b.now
		op := b.run()
		if op.State != saga.NeedsAttention || op.Reason != "CONFIG_REJECTED" || !strings.Contains(op.Message, "two, one") {
			t.Errorf("ended as %+v", op)
		}
		if waited := op.EndedAt.Sub(begun); waited < compensateWithin || waited > 2*compensateWithin {
			t.Errorf("it was given up after %s", waited)
		}
		if b.did[len(b.did)-1] != "fail" {
			t.Errorf("its object was not moved: %v", b.did)
		}
		b.open("op") // the next operation of the object is not kept out
	})
	t.Run("waits until infrastructure has followed before it goes on", func(t *testing.T) {
		gone := false
		one := undoable("one", nil)
		two := undoable("two", permanent)
		two.Undone = func(context.Context, saga.Operation) (confirmation, error) {
			return confirmation{Done: gone, RetryAfter: time.Second}, nil
		}
		b = setup(t, one, two)
		b.open("op")
		for range 3 {
			next, err := b.advance()
			b.must(err)
			if op := b.operation(); op.State != saga.Compensating || slices.Contains(b.did, "undo one") {
				t.Fatalf("went on: %s, did %v", op.State, b.did)
			}
			b.now = next
		}
		gone = true
		if op := b.run(); op.State != saga.Failed || b.did[len(b.did)-2] != "undo one" {
			t.Errorf("ended as %s, did %v", op.State, b.did)
		}
	})
	t.Run("stays COMPENSATING while the way back fails", func(t *testing.T) {
		one := undoable("one", permanent)
		one.Undone = failing(errFlaky, errFlaky, errFlaky, errFlaky)
		b = setup(t, one)
		b.open("op")
		var last time.Duration
		for range 4 {
			next, err := b.advance()
			b.must(err)
			wait := next.Sub(b.now)
			if op := b.operation(); op.State != saga.Compensating || wait <= last {
				t.Fatalf("the operation is %s and waits %s, before it was %s", op.State, wait, last)
			}
			last = wait
		}
		if rows := b.journal(); !slices.Contains(rows, "one compensation retry") {
			t.Errorf("the journal says nothing of it: %v", rows)
		}
		if op := b.run(); op.State != saga.Failed {
			t.Errorf("ended as %s", op.State)
		}
	})
}
