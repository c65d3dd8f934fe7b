package snapshot

import (
	"cmp"
	"maps"
	"slices"

	"google.golang.org/protobuf/proto"

	edgev1 "github.com/siteplane/siteplane/gen/siteplane/edge/v1"
)

// find returns where a site is among sites in the order of their ids, or would be.
func find(sites []*edgev1.Site, id string) (at int, found bool) {
	return slices.BinarySearchFunc(sites, id, func(site *edgev1.Site, id string) int { return cmp.Compare(site.GetSiteId(), id) })
}

// merge returns sites with others in their places, in the order of their ids, and
// their size. What does not change is neither looked at nor sorted again: one site
// changes much more often than all do.
func merge(sites []*edgev1.Site, size int, others map[string]*edgev1.Site) ([]*edgev1.Site, int) {
	merged := make([]*edgev1.Site, 0, len(sites)+len(others))
	for _, id := range slices.Sorted(maps.Keys(others)) {
		at, found := find(sites, id)
		merged = append(merged, sites[:at]...)
		sites = sites[at:]
		if found {
			size -= proto.Size(sites[0])
			sites = sites[1:]
		}
		if site := others[id]; site != nil {
			size += proto.Size(site)
			merged = append(merged, site)
		}
	}
	return append(merged, sites...), size
}
