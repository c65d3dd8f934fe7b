package simulate

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
)

// The things that must have happened sometimes, or the runs prove nothing.
const (
	sawFenced          = "a write of a lost claim was refused"
	sawTakeover        = "a claim took over what another never ended"
	sawLostCommit      = "a commit whose answer got lost was asked for again"
	sawStaleFence      = "an edge or tunnel refused an older caller"
	sawReplay          = "a repeated request was answered as the first"
	sawOtherBody       = "a request id with another body was refused"
	sawRanTwice        = "a closure ran twice"
	sawLateCall        = "a call took effect after its caller had gone"
	sawLateCommit      = "a commit of a dead replica took effect"
	sawCompensated     = "an operation was undone"
	sawSuperseded      = "an operation was cancelled by another"
	sawDomainLost      = "DNS lost a domain"
	sawTransfer        = "a hostname went to another tenant"
	sawContest         = "a hostname was contested"
	sawPin             = "an edge refused a revision"
	sawDrift           = "drift was repaired"
	sawReleasedLeases  = "a replica that stopped left no lease"
	sawActive          = "a site became ACTIVE"
	sawDeleted         = "a site was deleted"
	sawSuspended       = "a suspended tenant was refused"
	sawOutage          = "the database did not answer"
	sawPausedOverLease = "a replica stood still for longer than a lease"
	sawWatched         = "a reader got events by another replica than the first"
)

// wanted are all of them.
var wanted = []string{
	sawFenced, sawTakeover, sawLostCommit, sawStaleFence, sawReplay, sawOtherBody, sawRanTwice, sawLateCall, sawLateCommit,
	sawCompensated, sawSuperseded, sawDomainLost, sawTransfer, sawContest, sawPin, sawDrift, sawReleasedLeases,
	sawActive, sawDeleted, sawSuspended, sawOutage, sawPausedOverLease, sawWatched,
}

// Tally counts what happened.
type Tally struct {
	mu   sync.Mutex
	seen map[string]int
}

// saw counts one thing.
func (t *Tally) saw(what string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.seen == nil {
		t.seen = map[string]int{}
	}
	t.seen[what]++
}

// Add adds another tally.
func (t *Tally) Add(o *Tally) {
	o.mu.Lock()
	defer o.mu.Unlock()
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.seen == nil {
		t.seen = map[string]int{}
	}
	for what, n := range o.seen {
		t.seen[what] += n
	}
}

// Missing returns what never happened although it must have, sorted.
func (t *Tally) Missing() (missing []string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, what := range wanted {
		if t.seen[what] == 0 {
			missing = append(missing, what)
		}
	}
	for _, v := range verbs {
		if what := did(v.name); t.seen[what] == 0 {
			missing = append(missing, what)
		}
	}
	slices.Sort(missing)
	return missing
}

func did(verb string) string { return "action " + verb }

// String lists everything with its number.
func (t *Tally) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	var b strings.Builder
	for _, what := range slices.Sorted(maps.Keys(t.seen)) {
		fmt.Fprintf(&b, "%8d  %s\n", t.seen[what], what)
	}
	return b.String()
}
