package reconcile

import (
	"testing"

	"github.com/siteplane/siteplane/internal/platform/digest"
)

// What an edge proved under another generation is no base for a delta: another
// process may have brought the edge further.
func TestDigestCache(t *testing.T) {
	c := newDigestCache()
	set := digest.NewSet()
	c.put("edge_1", 3, "d", set)
	if got := c.get("edge_1", 3); got != set {
		t.Error("the set of the proved generation is not kept")
	}
	if c.get("edge_1", 2) != nil || c.get("edge_1", 4) != nil {
		t.Error("the set of another generation is used")
	}
	if c.get("edge_2", 3) != nil {
		t.Error("the set of another edge is used")
	}
	c.put("edge_1", 4, "e", digest.NewSet())
	if c.get("edge_1", 3) != nil {
		t.Error("an older set is kept")
	}
}

// Ten edges with the same sites cost the memory of one.
func TestDigestCache_shares_equal_sets(t *testing.T) {
	c := newDigestCache()
	first := digest.NewSet()
	c.put("edge_1", 3, "d", first)
	c.put("edge_2", 8, "d", digest.NewSet())
	if c.get("edge_2", 8) != first {
		t.Error("an equal set is kept twice")
	}
	c.put("edge_2", 9, "e", digest.NewSet())
	if c.get("edge_2", 9) == first || c.get("edge_1", 3) != first {
		t.Error("another set is taken for an equal one")
	}
}
