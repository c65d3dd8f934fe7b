package app_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	edgev1 "github.com/siteplane/siteplane/gen/siteplane/edge/v1"
	"github.com/siteplane/siteplane/internal/platform/rpcerr"
)

// I24: however often and in which order snapshots arrive, the edge ends with the newest.
func TestApply_order_of_deliveries_does_not_count(t *testing.T) {
	address := startOrigin(t, "main")
	snapshots := map[uint64][]*edgev1.Site{
		1: {newSite(1, address, "a.example.com"), newSite(2, address, "b.example.com")},
		2: {newSite(2, address, "b.example.com", "moved.example.com"), newSite(3, address, "c.example.com")},
		3: {newSite(2, "127.0.0.1:9", "b.example.com"), newSite(4, address, "moved.example.com")},
	}
	e := startEdge(t)
	var want map[string]string
	for epoch, order := range [][]uint64{{3}, {1, 2, 3}, {3, 2, 1}, {1, 3, 2, 3}, {2, 1, 3, 3}, {2, 3, 1, 2}, {1, 1, 3, 1}} {
		e.sub(fmt.Sprint(order), func(t *testing.T) {
			var newest uint64
			for _, generation := range order {
				header := &edgev1.ApplyHeader{Fence: fence(1, uint64(epoch)+1, generation), Whole: true, Explanations: explained(snapshots)}
				e.complete(header, snapshots[generation])
				_, err := send(t, e.client, header, snapshots[generation])
				if stale := generation < newest; stale != (rpcerr.Reason(err) == "STALE_FENCE") || !stale && err != nil {
					t.Fatalf("generation %d after %d: %v", generation, newest, err)
				}
				newest = max(newest, generation)
			}
			got := e.files()
			if want == nil {
				want = got
			}
			wantSameFiles(t, got, want)
			if running := e.state().GetRunning(); running.GetGeneration() != 3 {
				t.Errorf("running is %v", running)
			}
			eventually(t, "no worker drains", func() bool { return e.state().GetDrainingWorkers() == 0 })
			e.wantStatus("moved.example.com", "/", 200)
			e.wantStatus("a.example.com", "/", 421)
		})
	}
}

// explained names an operation for whatever may go.
func explained(snapshots map[uint64][]*edgev1.Site) (all []*edgev1.Removal) {
	for _, sites := range snapshots {
		for _, site := range sites {
			all = append(all, &edgev1.Removal{SiteId: site.GetSiteId(), OperationId: "op_" + strconv.Itoa(len(all))})
		}
	}
	slices.SortFunc(all, func(a, b *edgev1.Removal) int { return strings.Compare(a.GetSiteId(), b.GetSiteId()) })
	return slices.CompactFunc(all, func(a, b *edgev1.Removal) bool { return a.GetSiteId() == b.GetSiteId() })
}
