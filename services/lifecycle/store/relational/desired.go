package relational

import (
	"context"

	"github.com/siteplane/siteplane/services/lifecycle/desired"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/network"
	"github.com/siteplane/siteplane/services/lifecycle/site"
)

// chosen is which sites are read, for which edge, and in which revision: a table named
// s with the pin p that acts on a site, and a condition on them.
type chosen struct {
	from, where string
	args        []any
	// served is the revision that the edge is sent, 0 for none.
	served string
}

// choose takes the given sites, or all that are wanted PRESENT for nil, as far as the
// placements select the edge.
func choose(edge id.Edge, placed selection, sites []id.Site) chosen {
	c := chosen{from: `site s` + pinned, where: `s.id IN (?texts)`, args: []any{edge, texts(sites)}, served: served}
	if sites == nil {
		c.from, c.where, c.args = `site s INDEXED BY site_present`+pinned, `s.wanted = 'PRESENT' AND NOT `+c.withheld(), []any{edge}
	}
	condition, args := placed.condition()
	c.where += condition
	c.args = append(c.args, args...)
	return c
}

const (
	// pinned joins the pin of a site on an edge, if that refuses what is wanted.
	pinned = ` LEFT JOIN pin p ON p.edge_id = ? AND p.site_id = s.id AND p.revision = s.wanted_revision`
	// served is as edge.Pin.Served: none was confirmed, or the edge refuses that one and
	// kept none.
	served = `CASE WHEN p.revision IS NULL THEN s.wanted_revision
		WHEN p.revision = s.confirmed_revision THEN p.kept_revision ELSE s.confirmed_revision END`
	// confirmed is what is served where nothing else than what was confirmed is.
	confirmed = `CASE WHEN p.revision = s.confirmed_revision THEN p.kept_revision ELSE s.confirmed_revision END`
)

// withheld is whether the edge is sent nothing of a site that is wanted.
func (c chosen) withheld() string { return `(` + c.served + ` = 0)` }

// DesiredRows returns what is wanted of the given sites, or of all sites that
// are wanted PRESENT when sites is nil; what the edge refuses is replaced by what
// was confirmed, or by what it kept. However many sites there are, it takes four queries, and
// one more where there are placements.
func (t *Tx) DesiredRows(ctx context.Context, edge id.Edge, sites []id.Site) ([]desired.Row, error) {
	placed, err := t.selectionOf(ctx, edge)
	if err != nil {
		return nil, err
	}
	return t.desiredRows(ctx, choose(edge, placed, sites))
}

// ConfirmedRows returns the rows of the given sites as if nothing were served that is not
// confirmed.
func (t *Tx) ConfirmedRows(ctx context.Context, edge id.Edge, sites []id.Site) ([]desired.Row, error) {
	if len(sites) == 0 {
		return nil, nil
	}
	placed, err := t.selectionOf(ctx, edge)
	if err != nil {
		return nil, err
	}
	which := choose(edge, placed, sites)
	which.served = confirmed
	return t.desiredRows(ctx, which)
}

func (t *Tx) desiredRows(ctx context.Context, which chosen) ([]desired.Row, error) {
	rows, err := all(ctx, t, "read what is desired", scanDesired(map[string]site.Spec{}), `
		SELECT s.id, s.tenant_id, CASE WHEN `+which.withheld()+` THEN 'ABSENT' ELSE s.wanted END, `+which.served+`, r.spec
		FROM `+which.from+` LEFT JOIN site_revision r ON r.site_id = s.id AND r.number = `+which.served+`
		WHERE `+which.where+` ORDER BY s.id`, which.args...)
	if err != nil {
		return nil, err
	}
	place := make(map[id.Site]*desired.Row, len(rows))
	for i := range rows {
		place[rows[i].SiteID] = &rows[i]
	}
	if err := t.desiredTargets(ctx, which, place); err != nil {
		return nil, err
	}
	return rows, t.desiredHostnames(ctx, which, place)
}

// scanDesired takes texts as they are, as scanRouted does, and decodes equal specs once:
// without their targets, those of many sites are.
func scanDesired(decoded map[string]site.Spec) func(Row) (desired.Row, error) {
	return func(r Row) (v desired.Row, err error) {
		var siteID, tenant, wanted string
		var text *string
		if err := r.Scan(&siteID, &tenant, &wanted, &v.Revision, &text); err != nil {
			return v, err
		}
		v.SiteID, v.TenantID, v.Wanted = id.Site(siteID), id.Tenant(tenant), site.Wanted(wanted)
		if text == nil {
			return v, nil
		}
		spec, known := decoded[*text]
		if !known {
			if err := decode("spec", *text, &spec); err != nil {
				return v, err
			}
			decoded[*text] = spec
		}
		v.Spec = withoutTargets(spec) // a copy, to which targets are added
		return v, nil
	}
}

// desiredTargets gives each row the targets of its origins.
func (t *Tx) desiredTargets(ctx context.Context, which chosen, place map[id.Site]*desired.Row) error {
	endpoints, err := all(ctx, t, "read the desired endpoints", scanEndpoint, `
		SELECT e.site_id, e.pool, e.address, e.weight
		FROM `+which.from+` CROSS JOIN endpoint e ON e.site_id = s.id AND e.revision = `+which.served+`
		WHERE `+which.where+` ORDER BY s.id, e.pool, e.ordinal`, which.args...)
	if err != nil {
		return err
	}
	for _, e := range endpoints {
		if err := putTarget(&place[e.siteID].Spec, e); err != nil {
			return err
		}
	}
	return nil
}

// hostname is one published name of a site.
type hostname struct {
	siteID id.Site
	name   string
}

func scanHostname(r Row) (h hostname, err error) {
	var siteID string
	err = r.Scan(&siteID, &h.name)
	h.siteID = id.Site(siteID)
	return h, err
}

// desiredHostnames gives each row the names that shall be on the edges.
func (t *Tx) desiredHostnames(ctx context.Context, which chosen, place map[id.Site]*desired.Row) error {
	names, err := all(ctx, t, "read the desired hostnames", scanHostname, `
		SELECT d.site_id, d.hostname
		FROM `+which.from+` CROSS JOIN domain d ON d.site_id = s.id AND d.wanted <> 'HIDDEN'
		WHERE `+which.where+` ORDER BY s.id, d.hostname`, which.args...)
	if err != nil {
		return err
	}
	for _, h := range names {
		row := place[h.siteID]
		row.Hostnames = append(row.Hostnames, h.name)
	}
	return nil
}

// RoutedDomains returns the domains of all tenants that are wanted ROUTED and
// whose mode has a route through a tunnel, ordered by hostname.
func (t *Tx) RoutedDomains(ctx context.Context, _ id.Tunnel) ([]desired.Routed, error) {
	return all(ctx, t, "read the routed domains", scanRouted, `
		SELECT id, tenant_id, hostname, mode, zone_id, status = 'VALIDATED' FROM domain INDEXED BY domain_routed
		WHERE mode IN ('managed', 'custom_hostname') AND wanted = 'ROUTED' ORDER BY hostname`)
}

// scanRouted takes texts as they are: there may be a hundred thousand, and drivers take
// several times as long for types of ours.
func scanRouted(r Row) (v desired.Routed, err error) {
	var domain, tenant, mode string
	err = r.Scan(&domain, &tenant, &v.Hostname, &mode, &v.ZoneID, &v.Waits)
	v.DomainID, v.TenantID, v.Mode = id.Domain(domain), id.Tenant(tenant), network.Mode(mode)
	return v, err
}
