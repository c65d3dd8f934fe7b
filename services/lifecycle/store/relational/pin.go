package relational

import (
	"context"

	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/edge"
	"github.com/siteplane/siteplane/services/lifecycle/id"
)

const pinColumns = `edge_id, site_id, tenant_id, revision, kept_revision, renderer_version, nginx_version, message, created_at`

func scanPin(r Row) (p edge.Pin, err error) {
	err = r.Scan(&p.EdgeID, &p.SiteID, &p.TenantID, &p.Revision, &p.KeptRevision, &p.RendererVersion, &p.NginxVersion,
		&p.Message, moment{&p.CreatedAt})
	return p, err
}

// PutPin inserts or replaces the pin of a site on an edge.
func (t *Tx) PutPin(ctx context.Context, p edge.Pin) error {
	err := t.later(ctx, "put the pin", `
		INSERT INTO pin (`+pinColumns+`) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (edge_id, site_id) DO UPDATE SET tenant_id = excluded.tenant_id, revision = excluded.revision,
			kept_revision = excluded.kept_revision, renderer_version = excluded.renderer_version, nginx_version = excluded.nginx_version,
			message = excluded.message, created_at = excluded.created_at`,
		p.EdgeID, p.SiteID, p.TenantID, p.Revision, p.KeptRevision, p.RendererVersion, p.NginxVersion, p.Message, stamp(p.CreatedAt))
	if breaks(err, ForeignKey) {
		if _, err := t.GetEdge(ctx, p.EdgeID); err != nil {
			return err
		}
		return &lifecycle.NotFoundError{Kind: "site", ID: string(p.SiteID)}
	}
	return err
}

// PinsOfSite returns a site's pins, ordered by edge.
func (t *Tx) PinsOfSite(ctx context.Context, siteID id.Site) ([]edge.Pin, error) {
	return all(ctx, t, "read the pins of the site", scanPin,
		`SELECT `+pinColumns+` FROM pin WHERE site_id = ? ORDER BY edge_id`, siteID)
}

// PinsOfEdge returns an edge's pins, ordered by site.
func (t *Tx) PinsOfEdge(ctx context.Context, edgeID id.Edge) ([]edge.Pin, error) {
	return all(ctx, t, "read the pins of the edge", scanPin,
		`SELECT `+pinColumns+` FROM pin WHERE edge_id = ? ORDER BY site_id`, edgeID)
}

// DeletePin lifts a pin, if there is one.
func (t *Tx) DeletePin(ctx context.Context, edgeID id.Edge, siteID id.Site) error {
	err := t.later(ctx, "delete the pin", `DELETE FROM pin WHERE edge_id = ? AND site_id = ?`, edgeID, siteID)
	return err
}
