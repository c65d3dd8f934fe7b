package app_test

import (
	"fmt"
	"strconv"
	"testing"

	edgev1 "github.com/siteplane/siteplane/gen/siteplane/edge/v1"
	"github.com/siteplane/siteplane/internal/platform/rpcerr"
	"github.com/siteplane/siteplane/internal/platform/shrink"
)

// explain names an operation for each site.
func explain(numbers ...int) (removals []*edgev1.Removal) {
	for _, number := range numbers {
		removals = append(removals, &edgev1.Removal{SiteId: siteID(number), OperationId: "op_1"})
	}
	return removals
}

func unexplained(numbers ...int) []*edgev1.Removal {
	removals := explain(numbers...)
	for _, removal := range removals {
		removal.OperationId = ""
	}
	return removals
}

// F43: a sender that lost its rows does not empty the host. Each case is a change
// to ten sites of two hostnames, thirty names in all.
func TestApply_shrink_guard(t *testing.T) {
	e := startEdge(t)
	var sites []*edgev1.Site
	for number := range 10 {
		sites = append(sites, newSite(number, "127.0.0.1:9", fmt.Sprintf("a%d.example.com", number), fmt.Sprintf("b%d.example.com", number)))
	}
	all := []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}
	bare := func(sites []*edgev1.Site) (out []*edgev1.Site) {
		for number := range sites {
			out = append(out, newSite(number, "127.0.0.1:9"))
		}
		return out
	}
	// What goes when the first two sites do.
	two := shrink.ID([]string{
		"a0.example.com", "a1.example.com", "b0.example.com", "b1.example.com", siteID(0) + ".site.internal", siteID(1) + ".site.internal",
	})
	moved := newSite(0, "127.0.0.1:9", "a0.example.com", "a1.example.com", "b0.example.com", "b1.example.com", "a2.example.com", "b2.example.com", "a3.example.com", "b3.example.com")
	for _, c := range []struct {
		name   string
		header *edgev1.ApplyHeader
		sites  []*edgev1.Site
		// held is how many names would go; 0: the change passes.
		held int
	}{
		{"a delta that takes one site away", &edgev1.ApplyHeader{Removals: unexplained(0)}, nil, 0},
		{"a delta that takes two away", &edgev1.ApplyHeader{Removals: unexplained(0, 1)}, nil, 6},
		{"a delta that takes all away with operations", &edgev1.ApplyHeader{Removals: explain(all...)}, nil, 0},
		{"a delta that takes all away, one without", &edgev1.ApplyHeader{Removals: append(explain(all[1:]...), unexplained(0)...)}, nil, 3},
		{"a delta whose sites lost their hostnames", &edgev1.ApplyHeader{}, bare(sites), 20},
		{"the same, explained", &edgev1.ApplyHeader{Explanations: explain(all...)}, bare(sites), 0},
		{"the same, explained without operations", &edgev1.ApplyHeader{Explanations: unexplained(all...)}, bare(sites), 20},
		{"names that move to another site", &edgev1.ApplyHeader{}, append(bare(sites)[1:4], moved), 0},
		{"a whole that lacks one site", &edgev1.ApplyHeader{Whole: true}, sites[1:], 0},
		{"a whole that lacks two", &edgev1.ApplyHeader{Whole: true}, sites[2:], 6},
		{"the same, confirmed", &edgev1.ApplyHeader{Whole: true, ConfirmedHold: two}, sites[2:], 0},
		{"another under the same confirmation", &edgev1.ApplyHeader{Whole: true, ConfirmedHold: two}, sites[3:], 9},
		{"a whole that lacks many, explained", &edgev1.ApplyHeader{Whole: true, Explanations: explain(all[:8]...)}, sites[8:], 0},
		{"an empty whole", &edgev1.ApplyHeader{Whole: true}, nil, 30},
		{"an empty whole, explained", &edgev1.ApplyHeader{Whole: true, Explanations: explain(all...)}, nil, 0},
		{"a new site that nginx refuses", &edgev1.ApplyHeader{}, []*edgev1.Site{poisoned(newSite(11, "127.0.0.1:9", "c.example.com"))}, 0},
	} {
		e.sub(c.name, func(t *testing.T) {
			generation := e.state().GetReceived().GetFence().GetGeneration()
			_, err := e.apply(&edgev1.ApplyHeader{Fence: fence(1, 1, generation+1), Whole: true}, sites...)
			check(t, err)
			before, master := e.files(), e.state().GetRunning().GetMasterPid()
			c.header.Fence = fence(1, 1, generation+2)
			_, err = e.apply(c.header, c.sites...)
			if c.held == 0 {
				check(t, err)
				return
			}
			wantReason(t, err, "FailedPrecondition", "HELD_BY_SHRINK_GUARD")
			violations := rpcerr.Violations(err)
			var names []string
			for _, violation := range violations {
				names = append(names, violation.Field)
			}
			want := map[string]string{"hold_id": shrink.ID(names), "held_count": strconv.Itoa(30)}
			if got := rpcerr.MetadataOf(err); got["hold_id"] != want["hold_id"] || got["held_count"] != want["held_count"] || len(names) != c.held {
				t.Errorf("held are %d names, %v, want %d, %v", len(names), got, c.held, want)
			}
			wantSameFiles(t, e.files(), before)
			if running := e.state().GetRunning(); running.GetMasterPid() != master || running.GetGeneration() != generation+1 {
				t.Errorf("running is %v", running)
			}
		})
	}
}

func TestApply_shrink_guard_names_the_first_hundred(t *testing.T) {
	e := startEdge(t)
	e.mustPut(1, manySites(70, "127.0.0.1:9")...)
	_, err := e.apply(&edgev1.ApplyHeader{Fence: fence(1, 1, 2), Whole: true})
	wantReason(t, err, "FailedPrecondition", "HELD_BY_SHRINK_GUARD", "140 of 140 names")
	if got := len(rpcerr.Violations(err)); got != 100 {
		t.Errorf("%d names are listed, want 100", got)
	}
}
