// Package snapshot holds what an edge shall serve: a set of sites, its digest
// and the fence it came with.
//
// It owns the digest contract (docs/digest.md), the order of fences and the last
// good snapshot on disk. It must not know nginx.
//
// Invariants: a Snapshot never changes once made; the digest is over the sites
// only, never over the fence.
package snapshot

import (
	"errors"

	edgev1 "github.com/siteplane/siteplane/gen/siteplane/edge/v1"
	"github.com/siteplane/siteplane/internal/platform/digest"
)

// ErrNeeded asks for the whole: there is no base, or the digest does not come
// out.
var ErrNeeded = errors.New("whole snapshot needed")

// Snapshot is a set of sites.
type Snapshot struct {
	fence Fence
	// sites in the order of their ids, and their size in bytes.
	sites  []*edgev1.Site
	size   int
	set    *digest.Set
	digest string
}

// Change leads from one snapshot to the next.
type Change struct {
	Fence Fence
	// Whole: Sites are all there are.
	Whole bool
	// Digest of the outcome.
	Digest string
	// Removed holds ids of sites that go; unknown ones are harmless.
	Removed []string
	// Sites that come or change.
	Sites []*edgev1.Site
}

// Empty returns the snapshot of an edge that never received one.
func Empty() *Snapshot {
	set := digest.NewSet()
	return &Snapshot{set: set, digest: set.Digest()}
}

// Next returns the snapshot that change makes of base, which may be nil. It
// fails with ErrNeeded when the digest does not come out.
func Next(base *Snapshot, change Change) (*Snapshot, error) {
	if base == nil && !change.Whole {
		return nil, ErrNeeded
	}
	if change.Whole {
		base = Empty()
	}
	others := make(map[string]*edgev1.Site, len(change.Removed)+len(change.Sites))
	for _, id := range change.Removed {
		others[id] = nil
	}
	for _, site := range change.Sites {
		others[site.GetSiteId()] = site
	}
	next := base.With(others)
	next.fence = change.Fence
	if next.digest != change.Digest {
		return nil, ErrNeeded
	}
	return next, nil
}

// With returns a copy in which some sites are others: each id is given the site
// that takes its place, nil where it shall be left out.
func (s *Snapshot) With(others map[string]*edgev1.Site) *Snapshot {
	next := &Snapshot{fence: s.fence, set: s.set.Clone()}
	next.sites, next.size = merge(s.sites, s.size, others)
	for id, site := range others {
		if site == nil {
			next.set.Remove(id)
			continue
		}
		next.set.Put(id, Sum(site))
	}
	next.digest = next.set.Digest()
	return next
}

// Fence returns the fence that the snapshot came with.
func (s *Snapshot) Fence() Fence { return s.fence }

// Generation returns the generation of the fence.
func (s *Snapshot) Generation() uint64 { return s.fence.Generation }

// Digest returns the digest over the sites, 64 hexadecimal digits.
func (s *Snapshot) Digest() string { return s.digest }

// Len returns the number of sites.
func (s *Snapshot) Len() int { return len(s.sites) }

// Size returns how many bytes the sites take as messages, one by one.
func (s *Snapshot) Size() int { return s.size }

// Sites returns the sites in the order of their ids. The list is the snapshot's own.
func (s *Snapshot) Sites() []*edgev1.Site { return s.sites }

// Site returns the site with an id, nil when there is none.
func (s *Snapshot) Site(id string) *edgev1.Site {
	at, found := find(s.sites, id)
	if !found {
		return nil
	}
	return s.sites[at]
}

// Changed returns the ids of sites that base has otherwise or not at all, in
// their order.
func (s *Snapshot) Changed(base *Snapshot) []string {
	var changed []string
	for _, site := range s.sites {
		id := site.GetSiteId()
		sum, _ := s.set.Get(id)
		if before, had := base.set.Get(id); !had || before != sum {
			changed = append(changed, id)
		}
	}
	return changed
}
