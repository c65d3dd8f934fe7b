package snapshot_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"google.golang.org/protobuf/proto"

	edgev1 "github.com/siteplane/siteplane/gen/siteplane/edge/v1"

	"github.com/siteplane/siteplane/services/edge-agent/internal/snapshot"
)

// Whatever changes lead there, a snapshot is the one that was sent as a whole: its
// sites, their order and their size.
func TestSnapshot_With_is_as_the_whole(t *testing.T) {
	model, made := map[string]*edgev1.Site{}, snapshot.Empty()
	for step := range 300 {
		others := map[string]*edgev1.Site{}
		for range rand.IntN(5) {
			id := fmt.Sprintf("site_%03d", rand.IntN(60))
			if others[id] = nil; rand.IntN(3) > 0 {
				others[id] = &edgev1.Site{SiteId: id, Revision: int64(step), Hostnames: make([]string, rand.IntN(4))}
			}
		}
		before, held := made, slices.Clone(made.Sites())
		made = made.With(others)
		for id, site := range others {
			if model[id] = site; site == nil {
				delete(model, id)
			}
		}
		var want []*edgev1.Site
		size := 0
		for number := range 60 {
			if site := model[fmt.Sprintf("site_%03d", number)]; site != nil {
				want, size = append(want, site), size+proto.Size(site)
			}
		}
		if !slices.Equal(made.Sites(), want) || made.Size() != size || made.Digest() != digestOf(want) {
			t.Fatalf("step %d: %d sites of %d bytes, want %d of %d", step, made.Len(), made.Size(), len(want), size)
		}
		if !slices.Equal(before.Sites(), held) {
			t.Fatalf("step %d changed the snapshot of before", step)
		}
		for id := range others {
			if made.Site(id) != model[id] {
				t.Fatalf("step %d: site %s is %v", step, id, made.Site(id))
			}
		}
	}
}
