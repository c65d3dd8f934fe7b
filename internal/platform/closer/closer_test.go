package closer_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/siteplane/siteplane/internal/platform/closer"
)

func TestStack_Close(t *testing.T) {
	t.Run("closes last opened first, once", func(t *testing.T) {
		var order []string
		s := closer.New(time.Second)
		for _, name := range []string{"store", "server", "listener"} {
			s.Push(name, func(context.Context) error {
				order = append(order, name)
				return nil
			})
		}
		if err := errors.Join(s.Close(), s.Close()); err != nil {
			t.Fatal(err)
		}
		if want := []string{"listener", "server", "store"}; !slices.Equal(order, want) {
			t.Errorf("closed %q, want %q", order, want)
		}
	})

	t.Run("joins errors with names and goes on after them", func(t *testing.T) {
		errDisk, errNet := errors.New("disk full"), errors.New("connection reset")
		s := closer.New(time.Second)
		s.Push("store", func(context.Context) error { return errDisk })
		s.Push("server", func(context.Context) error { panic("boom") })
		s.PushCloser("listener", failing{errNet})
		err := s.Close()
		if !errors.Is(err, errDisk) || !errors.Is(err, errNet) {
			t.Errorf("Close() = %v, want both errors", err)
		}
		for _, want := range []string{"close store: disk full", "close server: panic: boom", "close listener: connection reset"} {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("Close() = %q lacks %q", err, want)
			}
		}
	})

	t.Run("leaves a hanging closer behind and names it", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			release := make(chan struct{})
			defer close(release)
			closed := false
			s := closer.New(10 * time.Second)
			s.Push("store", func(context.Context) error { closed = true; return nil })
			s.Push("server", func(context.Context) error { <-release; return nil })
			start := time.Now()
			err := s.Close()
			if err == nil || err.Error() != "close server: not done after 10s" {
				t.Errorf("Close() = %v", err)
			}
			if !closed {
				t.Error("the closer below the hanging one was not called")
			}
			if took := time.Since(start); took != 10*time.Second {
				t.Errorf("Close took %s, want the limit of 10s", took)
			}
		})
	})

	t.Run("ends the context of a closer after the limit", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s := closer.New(time.Second)
			s.Push("server", func(ctx context.Context) error {
				<-ctx.Done()
				return nil
			})
			start := time.Now()
			_ = s.Close()
			if took := time.Since(start); took != time.Second {
				t.Errorf("the context ended after %s, want 1s", took)
			}
		})
	})
}

type failing struct{ err error }

func (f failing) Close() error { return f.err }
