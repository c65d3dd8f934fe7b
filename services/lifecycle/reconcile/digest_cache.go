package reconcile

import (
	"sync"

	"github.com/siteplane/siteplane/internal/platform/digest"
	"github.com/siteplane/siteplane/services/lifecycle/id"
)

// digestCache keeps the digest set of what each edge proved last, so that one
// change among many sites does not hash them all again. It is only a cache: an
// entry of another generation than the database names is no use and not used.
// Edges that hold the same share one set, which nobody changes any more.
type digestCache struct {
	mu      sync.Mutex
	entries map[id.Edge]digestEntry
}

type digestEntry struct {
	generation uint64
	digest     string
	set        *digest.Set
}

func newDigestCache() *digestCache {
	return &digestCache{entries: map[id.Edge]digestEntry{}}
}

// get returns the set that an edge proved with a generation, or nil.
func (c *digestCache) get(edge id.Edge, generation uint64) *digest.Set {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e, ok := c.entries[edge]; ok && e.generation == generation {
		return e.set
	}
	return nil
}

// put keeps the set that an edge proved with a generation, or one that is equal. From
// now on it may be cloned, and nothing else.
func (c *digestCache) put(edge id.Edge, generation uint64, digest string, set *digest.Set) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, other := range c.entries {
		if other.digest == digest {
			set = other.set
		}
	}
	c.entries[edge] = digestEntry{generation: generation, digest: digest, set: set}
}
