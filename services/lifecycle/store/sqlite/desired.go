package sqlite

import (
	"context"

	"github.com/siteplane/siteplane/services/lifecycle/desired"
	"github.com/siteplane/siteplane/services/lifecycle/id"
)

// DesiredRows returns what is wanted of the given sites, or of all sites that
// are wanted PRESENT when sites is nil. However many sites there are, it takes
// three queries.
func (t *tx) DesiredRows(ctx context.Context, _ id.Edge, sites []id.Site) ([]desired.Row, error) {
	chosen, args := `s.wanted = 'PRESENT'`, []any(nil)
	if sites != nil {
		chosen, args = `s.id IN (SELECT value FROM json_each(?))`, []any{list(sites)}
	}
	rows, err := all(ctx, t, "read what is desired", scanDesired, `
		SELECT s.id, s.wanted, s.wanted_revision, r.spec
		FROM site s LEFT JOIN site_revision r ON r.site_id = s.id AND r.number = s.wanted_revision
		WHERE `+chosen+` ORDER BY s.id`, args...)
	if err != nil {
		return nil, err
	}
	place := make(map[id.Site]int, len(rows))
	for i, r := range rows {
		place[r.SiteID] = i
	}
	if err := t.desiredTargets(ctx, chosen, args, rows, place); err != nil {
		return nil, err
	}
	return rows, t.desiredHostnames(ctx, chosen, args, rows, place)
}

func scanDesired(r row) (v desired.Row, err error) {
	err = r.Scan(&v.SiteID, &v.Wanted, &v.Revision, specColumn{&v.Spec})
	return v, err
}

// desiredTargets gives each row the targets of its origins.
func (t *tx) desiredTargets(ctx context.Context, chosen string, args []any, rows []desired.Row, place map[id.Site]int) error {
	endpoints, err := all(ctx, t, "read the desired endpoints", scanEndpoint, `
		SELECT e.site_id, e.pool, e.address, e.weight
		FROM site s CROSS JOIN endpoint e ON e.site_id = s.id AND e.revision = s.wanted_revision
		WHERE `+chosen+` ORDER BY e.site_id, e.pool, e.ordinal`, args...)
	if err != nil {
		return err
	}
	for first := 0; first < len(endpoints); {
		end := first + 1
		for end < len(endpoints) && endpoints[end].siteID == endpoints[first].siteID {
			end++
		}
		if err := putTargets(&rows[place[endpoints[first].siteID]].Spec, endpoints[first:end]); err != nil {
			return err
		}
		first = end
	}
	return nil
}

// hostname is one published name of a site.
type hostname struct {
	siteID id.Site
	name   string
}

func scanHostname(r row) (h hostname, err error) {
	err = r.Scan(&h.siteID, &h.name)
	return h, err
}

// desiredHostnames gives each row the names that shall be on the edges.
func (t *tx) desiredHostnames(ctx context.Context, chosen string, args []any, rows []desired.Row, place map[id.Site]int) error {
	names, err := all(ctx, t, "read the desired hostnames", scanHostname, `
		SELECT d.site_id, d.hostname
		FROM site s CROSS JOIN domain d ON d.site_id = s.id AND d.wanted <> 'HIDDEN'
		WHERE `+chosen+` ORDER BY d.site_id, d.hostname`, args...)
	if err != nil {
		return err
	}
	for _, h := range names {
		r := &rows[place[h.siteID]]
		r.Hostnames = append(r.Hostnames, h.name)
	}
	return nil
}
