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
	"maps"
	"slices"

	edgev1 "github.com/siteplane/siteplane/gen/siteplane/edge/v1"
	"github.com/siteplane/siteplane/internal/platform/digest"
)

// ErrNeeded asks for the whole: there is no base, or the digest does not come
// out.
var ErrNeeded = errors.New("whole snapshot needed")

// Snapshot is a set of sites.
type Snapshot struct {
	fence  Fence
	sites  map[string]*edgev1.Site
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
	return &Snapshot{sites: map[string]*edgev1.Site{}, set: set, digest: set.Digest()}
}

// Next returns the snapshot that change makes of base, which may be nil. It
// fails with ErrNeeded when the digest does not come out.
func Next(base *Snapshot, change Change) (*Snapshot, error) {
	if base == nil && !change.Whole {
		return nil, ErrNeeded
	}
	next := Empty()
	if !change.Whole {
		next.sites, next.set = maps.Clone(base.sites), base.set.Clone()
	}
	for _, id := range change.Removed {
		delete(next.sites, id)
		next.set.Remove(id)
	}
	for _, site := range change.Sites {
		next.sites[site.GetSiteId()] = site
		next.set.Put(site.GetSiteId(), Sum(site))
	}
	next.fence = change.Fence
	if next.digest = next.set.Digest(); next.digest != change.Digest {
		return nil, ErrNeeded
	}
	return next, nil
}

// With returns a copy in which some sites are others: each id is given the site
// that takes its place, nil where it shall be left out.
func (s *Snapshot) With(others map[string]*edgev1.Site) *Snapshot {
	next := &Snapshot{fence: s.fence, sites: maps.Clone(s.sites), set: s.set.Clone()}
	for id, site := range others {
		if site == nil {
			delete(next.sites, id)
			next.set.Remove(id)
			continue
		}
		next.sites[id] = site
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

// Sites returns the sites in the order of their ids.
func (s *Snapshot) Sites() []*edgev1.Site {
	sites := make([]*edgev1.Site, 0, len(s.sites))
	for _, id := range slices.Sorted(maps.Keys(s.sites)) {
		sites = append(sites, s.sites[id])
	}
	return sites
}

// Site returns the site with an id, nil when there is none.
func (s *Snapshot) Site(id string) *edgev1.Site { return s.sites[id] }

// Changed returns the ids of sites that base has otherwise or not at all, in
// their order.
func (s *Snapshot) Changed(base *Snapshot) []string {
	var changed []string
	for id := range s.sites {
		sum, _ := s.set.Get(id)
		if before, had := base.set.Get(id); !had || before != sum {
			changed = append(changed, id)
		}
	}
	slices.Sort(changed)
	return changed
}
