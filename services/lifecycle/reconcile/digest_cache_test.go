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
	c.put("edge_1", 3, set)
	if got := c.get("edge_1", 3); got != set {
		t.Error("the set of the proved generation is not kept")
	}
	if c.get("edge_1", 2) != nil || c.get("edge_1", 4) != nil {
		t.Error("the set of another generation is used")
	}
	if c.get("edge_2", 3) != nil {
		t.Error("the set of another edge is used")
	}
	c.put("edge_1", 4, digest.NewSet())
	if c.get("edge_1", 3) != nil {
		t.Error("an older set is kept")
	}
}
