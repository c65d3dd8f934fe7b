package cli

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

func TestPause(t *testing.T) {
	t.Run("takes its time", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			begun := time.Now()
			if err := pause(t.Context(), time.Minute); err != nil || time.Since(begun) != time.Minute {
				t.Errorf("took %v, %v", time.Since(begun), err)
			}
		})
	})
	t.Run("ends with its context", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			begun := time.Now()
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			if err := pause(ctx, time.Minute); !errors.Is(err, context.DeadlineExceeded) || time.Since(begun) != time.Second {
				t.Errorf("took %v, %v", time.Since(begun), err)
			}
		})
	})
}
