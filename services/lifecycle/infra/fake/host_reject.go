package fake

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/siteplane/siteplane/services/lifecycle/desired"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/infra"
)

// Reject refuses, for the reason given, every site that contains a text: that has
// it as its id or as a hostname, or has it anywhere in its spec. What the host
// holds already it goes on holding.
func (h *Host) Reject(text, reason string) { h.change(func() { h.rejects[text] = reason }) }

// Accept ends a Reject.
func (h *Host) Accept(text string) { h.change(func() { delete(h.rejects, text) }) }

// RejectAll refuses every apply, for the reason given, and blames no site; ""
// ends it.
func (h *Host) RejectAll(reason string) { h.change(func() { h.rejectAll = reason }) }

// isolate puts what is held, or nothing, in the place of each new site that is
// refused, and names those.
func (h *Host) isolate(next map[id.Site]desired.EdgeSite) (rejected []infra.Rejection) {
	for _, s := range sorted(next) {
		before, held := h.sites[s.SiteID]
		if held && before.Sum() == s.Sum() {
			continue
		}
		reason, refused := h.refuses(s)
		if !refused {
			continue
		}
		rejected = append(rejected, infra.Rejection{SiteID: s.SiteID, Revision: s.Revision, Message: reason, KeptRevision: before.Revision})
		if delete(next, s.SiteID); held {
			next[s.SiteID] = before
		}
	}
	return rejected
}

func (h *Host) refuses(s desired.EdgeSite) (reason string, refused bool) {
	for _, text := range slices.Sorted(maps.Keys(h.rejects)) {
		if contains(s, text) {
			return h.rejects[text], true
		}
	}
	return "", false
}

// contains compares names as a whole, for one may be the end of another.
func contains(s desired.EdgeSite, text string) bool {
	if text == string(s.SiteID) || slices.Contains(s.Hostnames, text) {
		return true
	}
	spec, err := json.Marshal(s.Spec)
	return err == nil && strings.Contains(string(spec), text)
}
