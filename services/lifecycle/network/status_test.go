package network_test

import (
	"slices"
	"testing"

	"github.com/siteplane/siteplane/services/lifecycle/network"
)

// transitions is the table of the design, spelled out: every pair of a status
// and an event that is allowed, and what it gives. Any other pair is refused.
var transitions = map[network.Status]map[network.Event]network.Status{
	"PENDING_DNS": {
		"validated": "VALIDATED",
		"release":   "RELEASING",
	},
	"VALIDATED": {
		"routed":   "ROUTED",
		"dns_lost": "PENDING_DNS",
		"fail":     "ERROR",
		"release":  "RELEASING",
	},
	"ROUTED": {
		"serving":  "ACTIVE",
		"dns_lost": "PENDING_DNS",
		"fail":     "ERROR",
		"release":  "RELEASING",
	},
	"ACTIVE": {
		"dns_lost": "PENDING_DNS",
		"release":  "RELEASING",
	},
	"ERROR": {
		"retry":   "PENDING_DNS",
		"release": "RELEASING",
	},
	"RELEASING": {
		"released": "RELEASED",
	},
	"RELEASED": {},
}

var events = []network.Event{
	"validated", "routed", "serving", "dns_lost", "fail", "retry", "release", "released",
}

func TestMachine(t *testing.T) {
	for from, row := range transitions {
		for _, event := range events {
			want, allowed := row[event]
			to, err := network.Machine.Next(from, event)
			if to != want || (err == nil) != allowed {
				t.Errorf("%s, %s: got %q, %v; want %q", from, event, to, err, want)
			}
		}
	}
}

func TestMachine_isComplete(t *testing.T) {
	if network.Machine.Initial != "PENDING_DNS" {
		t.Errorf("a new domain is %s", network.Machine.Initial)
	}
	if got := network.Machine.Events(); !sameSet(got, events) {
		t.Errorf("the machine has the events %v", got)
	}
	var statuses []network.Status
	pairs := 0
	for status, row := range transitions {
		statuses = append(statuses, status)
		pairs += len(row)
	}
	for _, row := range network.Machine.Table {
		pairs -= len(row.From)
	}
	if pairs != 0 {
		t.Errorf("the machine has %d pairs less than the design, or a pair twice", pairs)
	}
	if got := network.Machine.States(); !sameSet(got, statuses) {
		t.Errorf("the machine has the statuses %v", got)
	}
}

func TestStatus_Live(t *testing.T) {
	for status := range transitions {
		if got, want := status.Live(), status != "RELEASING" && status != "RELEASED"; got != want {
			t.Errorf("%s: live is %v", status, got)
		}
	}
}

func sameSet[T ~string](a, b []T) bool {
	a, b = slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b))
	return slices.Equal(a, b)
}
