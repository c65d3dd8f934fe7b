package reconcile

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

func TestTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		turn := newTurns()
		if _, err := turn.take(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := turn.take(t.Context()); !errors.Is(err, errNotMyTurn) {
			t.Errorf("two have it: %v", err)
		}
		time.Sleep(time.Second)
		give, err := turn.take(t.Context()) // the first has held it for long enough by then
		if err != nil {
			t.Fatalf("a turn is held for ever: %v", err)
		}
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := turn.take(ended); !errors.Is(err, context.Canceled) {
			t.Errorf("a claim that ends waits: %v", err)
		}
		waited := make(chan error)
		go func() {
			_, err := turn.take(t.Context())
			waited <- err
		}()
		synctest.Wait()
		give()
		give()
		if err := <-waited; err != nil {
			t.Errorf("the next does not get it: %v", err)
		}
	})
}
