package saga_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

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
		for range 4 {
			if _, err := b.advance(); !errors.Is(err, errFlaky) {
				t.Fatalf("got %v", err)
			}
			if op := b.operation(); op.State != saga.Compensating {
				t.Fatalf("the operation is %s", op.State)
			}
		}
		if op := b.run(); op.State != saga.Failed {
			t.Errorf("ended as %s", op.State)
		}
	})
}
