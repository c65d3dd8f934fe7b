package machine_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/machine"
)

type (
	status string
	event  string
)

// door is a machine small enough to see at a glance.
var door = machine.Machine[status, event]{
	Name:    "door",
	Initial: "OPEN",
	Table: []machine.Transition[status, event]{
		{From: []status{"OPEN"}, Event: "close", To: "SHUT", When: "nobody stands in it"},
		{From: []status{"SHUT"}, Event: "open", To: "OPEN", When: "not locked"},
		{From: []status{"OPEN", "SHUT"}, Event: "wreck", To: "GONE", When: "ever"},
	},
}

func TestMachine_Next(t *testing.T) {
	t.Run("follows the row of a status and an event", func(t *testing.T) {
		for from, want := range map[status]status{"OPEN": "GONE", "SHUT": "GONE"} {
			if to, err := door.Next(from, "wreck"); err != nil || to != want {
				t.Errorf("from %s: got %s, %v", from, to, err)
			}
		}
	})
	t.Run("names what it does not allow", func(t *testing.T) {
		to, err := door.Next("GONE", "open")
		var illegal *lifecycle.IllegalTransitionError
		if !errors.As(err, &illegal) || to != "" {
			t.Fatalf("got %q, %v", to, err)
		}
		if want := (lifecycle.IllegalTransitionError{Machine: "door", From: "GONE", Event: "open"}); *illegal != want {
			t.Fatalf("got %+v, want %+v", *illegal, want)
		}
	})
	t.Run("agrees with Allows", func(t *testing.T) {
		if !door.Allows("OPEN", "close") || door.Allows("SHUT", "close") || door.Allows("OPEN", "knock") {
			t.Fatal("Allows says otherwise")
		}
	})
}

func TestMachine_lists(t *testing.T) {
	if got, want := door.States(), []status{"OPEN", "SHUT", "GONE"}; !slices.Equal(got, want) {
		t.Errorf("states %v, want %v", got, want)
	}
	if got, want := door.Events(), []event{"close", "open", "wreck"}; !slices.Equal(got, want) {
		t.Errorf("events %v, want %v", got, want)
	}
}
