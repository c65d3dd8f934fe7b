package site_test

import (
	"slices"
	"testing"

	"github.com/siteplane/siteplane/services/lifecycle/site"
)

// transitions is the table of the design, spelled out: every pair of a status
// and an event that is allowed, and what it gives. Any other pair is refused.
var transitions = map[site.Status]map[site.Event]site.Status{
	"CREATED": {
		"provision": "PROVISIONING",
		"fail":      "ERROR",
		"delete":    "DELETING",
	},
	"PROVISIONING": {
		"edge_ready": "DOMAIN_PENDING_DNS",
		"fail":       "ERROR",
		"delete":     "DELETING",
	},
	"DOMAIN_PENDING_DNS": {
		"dns_validated": "DOMAIN_VALIDATED",
		"delete":        "DELETING",
	},
	"DOMAIN_VALIDATED": {
		"routed":          "DOMAIN_ROUTED",
		"dns_lost":        "DOMAIN_PENDING_DNS",
		"fail":            "ERROR",
		"primary_changed": "DOMAIN_PENDING_DNS",
		"delete":          "DELETING",
	},
	"DOMAIN_ROUTED": {
		"serving":         "ACTIVE",
		"dns_lost":        "DOMAIN_PENDING_DNS",
		"fail":            "ERROR",
		"primary_changed": "DOMAIN_PENDING_DNS",
		"delete":          "DELETING",
	},
	"ACTIVE": {
		"dns_lost": "DOMAIN_PENDING_DNS",
		"delete":   "DELETING",
	},
	"ERROR": {
		"retry":  "PROVISIONING",
		"delete": "DELETING",
	},
	"DELETING": {
		"deleted": "DELETED",
	},
	"DELETED": {},
}

var events = []site.Event{
	"provision", "edge_ready", "dns_validated", "routed", "serving", "dns_lost", "fail", "primary_changed",
	"retry", "delete", "deleted",
}

func TestMachine(t *testing.T) {
	for from, row := range transitions {
		for _, event := range events {
			want, allowed := row[event]
			to, err := site.Machine.Next(from, event)
			if to != want || (err == nil) != allowed {
				t.Errorf("%s, %s: got %q, %v; want %q", from, event, to, err, want)
			}
		}
	}
}

func TestMachine_isComplete(t *testing.T) {
	if site.Machine.Initial != "CREATED" {
		t.Errorf("a new site is %s", site.Machine.Initial)
	}
	if got := site.Machine.Events(); !sameSet(got, events) {
		t.Errorf("the machine has the events %v", got)
	}
	var statuses []site.Status
	pairs := 0
	for status, row := range transitions {
		statuses = append(statuses, status)
		pairs += len(row)
	}
	for _, row := range site.Machine.Table {
		pairs -= len(row.From)
	}
	if pairs != 0 {
		t.Errorf("the machine has %d pairs less than the design, or a pair twice", pairs)
	}
	if got := site.Machine.States(); !sameSet(got, statuses) {
		t.Errorf("the machine has the statuses %v", got)
	}
}

func TestStatus(t *testing.T) {
	past := []site.Status{"DOMAIN_PENDING_DNS", "DOMAIN_VALIDATED", "DOMAIN_ROUTED", "ACTIVE"}
	for status := range transitions {
		if got, want := status.PastProvisioning(), slices.Contains(past, status); got != want {
			t.Errorf("%s: past provisioning is %v", status, got)
		}
		if got, want := status.Live(), status != "DELETED"; got != want {
			t.Errorf("%s: live is %v", status, got)
		}
	}
}

func sameSet[T ~string](a, b []T) bool {
	a, b = slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b))
	return slices.Equal(a, b)
}
