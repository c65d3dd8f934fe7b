package snapshot

import (
	edgev1 "github.com/siteplane/siteplane/gen/siteplane/edge/v1"
	"github.com/siteplane/siteplane/internal/platform/digest"
)

// NameCount returns how many names the sites answer to: their public hostnames
// and one internal name each.
func (s *Snapshot) NameCount() int {
	count := len(s.sites)
	for _, site := range s.sites {
		count += len(site.GetHostnames())
	}
	return count
}

// Hosts returns the set of public hostnames.
func (s *Snapshot) Hosts() map[string]bool {
	hosts := make(map[string]bool, len(s.sites))
	for _, site := range s.sites {
		for _, hostname := range site.GetHostnames() {
			hosts[hostname] = true
		}
	}
	return hosts
}

// Differing returns the sites in buckets whose sums differ from those given, one
// for each of digest.Buckets; all sites when none are given. They come bucket by
// bucket.
func (s *Snapshot) Differing(sums [][]byte) []*edgev1.Site {
	var sites []*edgev1.Site
	for bucket := range digest.Buckets {
		own := s.set.Bucket(bucket)
		if len(sums) > 0 && string(sums[bucket]) == string(own[:]) {
			continue
		}
		for _, id := range s.set.Keys(bucket) {
			sites = append(sites, s.Site(id))
		}
	}
	return sites
}
