package reconcile

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
)

func TestTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		turn := newTurns()
		if err := turn.take(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := turn.take(t.Context()); !errors.Is(err, errNotMyTurn) {
			t.Errorf("two have it: %v", err)
		}
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		if err := turn.take(ended); !errors.Is(err, context.Canceled) {
			t.Errorf("a claim that ends waits: %v", err)
		}
		waited := make(chan error)
		go func() { waited <- turn.take(t.Context()) }()
		synctest.Wait()
		turn.give()
		if err := <-waited; err != nil {
			t.Errorf("the next does not get it: %v", err)
		}
	})
}
