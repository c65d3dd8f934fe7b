package shrink_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/siteplane/siteplane/internal/platform/shrink"
)

func names(n int) (out []string) {
	for i := range n {
		out = append(out, fmt.Sprintf("n%04d.example", i))
	}
	return out
}

func TestCheck(t *testing.T) {
	for _, tt := range []struct {
		name                    string
		held, left, unexplained int
		stops                   bool
	}{
		{"nothing goes", 100, 100, 0, false},
		{"everything goes with an explanation", 100, 0, 0, false},
		{"five of few", 8, 3, 5, false},
		{"six of few", 100, 94, 6, true},
		{"one percent of many", 10_000, 9_900, 100, false},
		{"more than one percent of many", 10_000, 9_899, 101, true},
		{"a single one, and nothing is left", 1, 0, 1, true},
		{"one unexplained among explained ones, and nothing is left", 50, 0, 1, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := shrink.Removal{Held: tt.held, Left: tt.left, Unexplained: names(tt.unexplained)}
			err := shrink.Check(r, "")
			var held *shrink.HeldError
			if errors.As(err, &held) != tt.stops {
				t.Fatalf("got %v", err)
			}
			if !tt.stops {
				return
			}
			if len(held.Names) != tt.unexplained || held.Held != tt.held {
				t.Errorf("got %+v", held)
			}
			if err := shrink.Check(r, held.ID); err != nil {
				t.Errorf("confirmed, and still: %v", err)
			}
		})
	}
}

func TestCheck_confirms_one_set_only(t *testing.T) {
	first := shrink.Removal{Held: 100, Left: 90, Unexplained: names(10)}
	var held *shrink.HeldError
	if !errors.As(shrink.Check(first, ""), &held) {
		t.Fatal("not held")
	}
	slices.Reverse(first.Unexplained)
	if err := shrink.Check(first, held.ID); err != nil {
		t.Errorf("another order of the same names: %v", err)
	}
	other := shrink.Removal{Held: 100, Left: 89, Unexplained: names(11)}
	if err := shrink.Check(other, held.ID); err == nil {
		t.Error("a confirmation of ten names let eleven go")
	}
}
