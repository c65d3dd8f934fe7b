package fake

import (
	"bytes"
	"errors"
	"maps"
	"slices"

	"github.com/siteplane/siteplane/internal/platform/digest"
	"github.com/siteplane/siteplane/internal/platform/shrink"
	"github.com/siteplane/siteplane/services/lifecycle/desired"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/infra"
	"github.com/siteplane/siteplane/services/lifecycle/site"
)

// namesOf returns all names of sites, public and internal.
func namesOf(sites map[id.Site]desired.EdgeSite) map[string]bool {
	out := map[string]bool{}
	for siteID, s := range sites {
		out[site.InternalName(siteID)] = true
		for _, hostname := range s.Hostnames {
			out[hostname] = true
		}
	}
	return out
}

// guard holds an update back when more names would go than its operations
// explain.
func (h *Host) guard(update infra.EdgeUpdate, next map[id.Site]desired.EdgeSite) error {
	left := namesOf(next)
	var unexplained []string
	for siteID, s := range h.sites {
		if update.Removals[siteID] != "" || update.Explanations[siteID] != "" {
			continue
		}
		for name := range namesOf(map[id.Site]desired.EdgeSite{siteID: s}) {
			if !left[name] {
				unexplained = append(unexplained, name)
			}
		}
	}
	slices.Sort(unexplained)
	return guard(shrink.Removal{
		Held: len(namesOf(h.sites)), Left: len(left), Unexplained: slices.Compact(unexplained),
	}, update.ConfirmedHold)
}

// list returns what is in buckets that differ from those of the sums.
func (h *Host) list(sums [][]byte) (infra.Held, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(sums) != 0 && len(sums) != digest.Buckets {
		return infra.Held{}, &infra.UnavailableError{Service: "edge", Err: errors.New("these are not the sums of all buckets")}
	}
	set := setOf(h.sites)
	held := infra.Held{Sites: map[id.Site][]string{}, Hostnames: len(namesOf(h.sites))}
	for siteID, s := range h.sites {
		n := digest.BucketOf(string(siteID))
		if ours := set.Bucket(n); len(sums) == 0 || !bytes.Equal(sums[n], ours[:]) {
			held.Sites[siteID] = slices.Clone(s.Hostnames)
		}
	}
	return held, nil
}

func sorted(sites map[id.Site]desired.EdgeSite) []desired.EdgeSite {
	var out []desired.EdgeSite
	for _, siteID := range slices.Sorted(maps.Keys(sites)) {
		out = append(out, sites[siteID])
	}
	return out
}

// sum is the digest of the whole, made anew.
func sum(sites map[id.Site]desired.EdgeSite) string { return setOf(sites).Digest() }

func setOf(sites map[id.Site]desired.EdgeSite) *digest.Set {
	set := digest.NewSet()
	for siteID, s := range sites {
		set.Put(string(siteID), s.Sum())
	}
	return set
}
