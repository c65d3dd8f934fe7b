package deadline_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/siteplane/siteplane/internal/platform/deadline"
)

func TestOutgoing_keeps_a_little_of_the_time(t *testing.T) {
	tests := []struct {
		name        string
		given, want time.Duration
	}{
		{"2 % of a short time", time.Second, 980 * time.Millisecond},
		{"50 ms where 2 % would be more", 10 * time.Second, 9950 * time.Millisecond},
		{"where both are the same", 2500 * time.Millisecond, 2450 * time.Millisecond},
		{"almost nothing of almost nothing", 50 * time.Nanosecond, 49 * time.Nanosecond},
		{"nothing of a time that is over", -time.Second, -time.Second},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				given, cancel := context.WithTimeout(t.Context(), tt.given)
				defer cancel()
				ctx, cancel := deadline.Outgoing(given, time.Minute)
				defer cancel()
				end, _ := ctx.Deadline()
				if got := time.Until(end); got != tt.want {
					t.Errorf("the call may take %s, want %s", got, tt.want)
				}
			})
		})
	}
}

func TestOutgoing_sets_the_limit_where_there_is_none(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := deadline.Outgoing(context.Background(), 3*time.Second)
		defer cancel()
		end, ok := ctx.Deadline()
		if got := time.Until(end); !ok || got != 3*time.Second {
			t.Errorf("the call may take %s (%t), want 3s", got, ok)
		}
	})
}

func TestOutgoing_shrinks_at_each_hop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		before, _ := ctx.Deadline()
		for hop := range 3 {
			next, cancel := deadline.Outgoing(ctx, time.Minute)
			defer cancel()
			after, _ := next.Deadline()
			if !after.Before(before) {
				t.Errorf("hop %d has not less time than the one before", hop+1)
			}
			ctx, before = next, after
		}
	})
}
