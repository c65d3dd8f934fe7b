package apply

import (
	"slices"

	edgev1 "github.com/siteplane/siteplane/gen/siteplane/edge/v1"
	"github.com/siteplane/siteplane/internal/platform/shrink"

	"github.com/siteplane/siteplane/services/edge-agent/internal/nginx/encode"
	"github.com/siteplane/siteplane/services/edge-agent/internal/snapshot"
)

// guard keeps a sender that lost its mind, or its rows, from emptying the host.
// The error is a *shrink.HeldError. What the sender takes away counts, not what a
// rejection leaves out.
func (a *Applier) guard(next *snapshot.Snapshot, request Request) error {
	if a.held == nil {
		return nil
	}
	unexplained := gone(a.held, next, request.Explained)
	if len(unexplained) == 0 {
		return nil
	}
	return shrink.Check(shrink.Removal{
		Held: a.held.NameCount(), Left: next.NameCount(), Unexplained: unexplained,
	}, request.ConfirmedHold)
}

// gone returns the names that held has and next lacks, but for those of sites
// that are explained. A hostname that another site takes over does not go.
func gone(held, next *snapshot.Snapshot, explained map[string]bool) []string {
	var names []string
	for _, site := range held.Sites() {
		if !explained[site.GetSiteId()] {
			names = append(names, lost(site, next.Site(site.GetSiteId()))...)
		}
	}
	if len(names) == 0 {
		return nil
	}
	left := next.Hosts()
	return slices.DeleteFunc(names, func(name string) bool { return left[name] })
}

// lost returns the names of a site that it does not have any more; after is nil
// when the site goes.
func lost(before, after *edgev1.Site) []string {
	var names []string
	if after == nil {
		names = append(names, before.GetSiteId()+encode.InternalSuffix)
	}
	if slices.Equal(before.GetHostnames(), after.GetHostnames()) {
		return names
	}
	for _, hostname := range before.GetHostnames() {
		if !slices.Contains(after.GetHostnames(), hostname) {
			names = append(names, hostname)
		}
	}
	return names
}
