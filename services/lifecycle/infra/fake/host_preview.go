package fake

import (
	"fmt"
	"maps"
	"slices"

	"github.com/siteplane/siteplane/services/lifecycle/desired"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/infra"
)

// preview shows a host as one file per site, with a line of its revision and one of
// each hostname, and the generation in a file of its own. What was edited by hand
// is as it was before: only real hosts know contents.
func (h *Host) preview(update infra.EdgeUpdate) ([]infra.FileDiff, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	next, err := h.outcome(update)
	if err != nil {
		return nil, err
	}
	was, is := files(h.sites, h.fence.Generation), files(next, update.Fence.Generation)
	all := maps.Clone(was)
	maps.Copy(all, is)
	var diffs []infra.FileDiff
	for _, path := range slices.Sorted(maps.Keys(all)) {
		if !slices.Equal(was[path], is[path]) {
			diffs = append(diffs, diffOf(path, was[path], is[path]))
		}
	}
	return diffs, nil
}

// files are what a host would hold on its disk; none before the first apply.
func files(sites map[id.Site]desired.EdgeSite, generation uint64) map[string][]string {
	files := map[string][]string{}
	if sites != nil {
		files["generation"] = []string{fmt.Sprint(generation)}
	}
	for siteID, s := range sites {
		files["sites/"+string(siteID)] = append([]string{fmt.Sprintf("revision %d", s.Revision)}, s.Hostnames...)
	}
	return files
}

// diffOf replaces all lines.
func diffOf(path string, was, is []string) infra.FileDiff {
	diff := infra.FileDiff{Path: path, Added: len(is), Removed: len(was)}
	for _, line := range was {
		diff.Diff += "-" + line + "\n"
	}
	for _, line := range is {
		diff.Diff += "+" + line + "\n"
	}
	return diff
}
