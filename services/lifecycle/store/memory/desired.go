package memory

import (
	"context"
	"iter"
	"slices"

	"github.com/siteplane/siteplane/services/lifecycle/desired"
	"github.com/siteplane/siteplane/services/lifecycle/edge"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/network"
	"github.com/siteplane/siteplane/services/lifecycle/site"
)

// DesiredRows returns what is wanted of the given sites, or of all sites that
// are wanted PRESENT when sites is nil; what the edge refuses is replaced by what
// was confirmed.
func (t *tx) DesiredRows(_ context.Context, edgeID id.Edge, sites []id.Site) (rows []desired.Row, err error) {
	placed := t.placementsOf(edgeID)
	for s := range t.chosen(sites) {
		row := t.desiredRow(edgeID, s, served)
		if !placed[s.Placement] || sites == nil && row.Wanted == site.Absent {
			continue
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// ConfirmedRows returns the rows of the given sites as if nothing were served that is not
// confirmed.
func (t *tx) ConfirmedRows(_ context.Context, edgeID id.Edge, sites []id.Site) (rows []desired.Row, err error) {
	if len(sites) == 0 {
		return nil, nil
	}
	placed := t.placementsOf(edgeID)
	for s := range t.chosen(sites) {
		if placed[s.Placement] {
			rows = append(rows, t.desiredRow(edgeID, s, confirmed))
		}
	}
	return rows, nil
}

// served is the revision that an edge is sent of a site, 0 for none. The pin is the zero
// one where it refuses nothing.
func served(s *site.Site, pin edge.Pin) int64 {
	return pin.Served(s.WantedRevision, s.ConfirmedRevision)
}

// confirmed is served where nothing else than what was confirmed is.
func confirmed(s *site.Site, pin edge.Pin) int64 {
	if pin.Revision == s.WantedRevision {
		return served(s, pin)
	}
	return s.ConfirmedRevision
}

// chosen walks over the given sites, or over all that are wanted PRESENT for nil.
func (t *tx) chosen(sites []id.Site) iter.Seq[*site.Site] {
	if sites == nil {
		return t.sites.in(sitePresent, site.Site{})
	}
	return func(yield func(s *site.Site) bool) {
		for _, siteID := range unique(sites) {
			if s, ok := t.sites.get(site.Site{ID: siteID}); ok && !yield(&s) {
				return
			}
		}
	}
}

func (t *tx) desiredRow(edgeID id.Edge, s *site.Site, revision func(*site.Site, edge.Pin) int64) desired.Row {
	pin, _ := t.pins.get(edge.Pin{EdgeID: edgeID, SiteID: s.ID})
	row := desired.Row{SiteID: s.ID, TenantID: s.TenantID, Wanted: s.Wanted, Revision: revision(s, pin)}
	if row.Revision == 0 {
		row.Wanted = site.Absent
	}
	r, _ := t.revisions.get(site.Revision{SiteID: s.ID, Number: row.Revision})
	row.Spec = r.Spec
	for d := range t.domains.in(domainOfSite, network.Domain{SiteID: s.ID}) {
		if d.Wanted != network.Hidden {
			row.Hostnames = append(row.Hostnames, d.Hostname)
		}
	}
	slices.Sort(row.Hostnames)
	return row
}

// RoutedDomains returns the domains of all tenants that are wanted ROUTED and
// whose mode has a route through a tunnel, ordered by hostname.
func (t *tx) RoutedDomains(context.Context, id.Tunnel) (out []desired.Routed, err error) {
	for d := range t.domains.in(domainRouted, network.Domain{}) {
		out = append(out, desired.Routed{
			DomainID: d.ID, TenantID: d.TenantID, Hostname: d.Hostname, Mode: d.Mode, ZoneID: d.ZoneID, Waits: d.Status == network.Validated,
		})
	}
	return out, nil
}
