package relational

import (
	"context"
	"time"

	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/event"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/network"
)

const domainColumns = `id, tenant_id, site_id, hostname, kind, mode, prefer_direct, zone_id, zone_name, target,
	status, wanted, lost, attempts, reserved_until, version, created_at, updated_at`

func scanDomain(r Row) (d network.Domain, err error) {
	err = r.Scan(&d.ID, &d.TenantID, &d.SiteID, &d.Hostname, &d.Kind, &d.Mode, &d.PreferDirect,
		&d.ZoneID, &d.ZoneName, &d.Target, &d.Status, &d.Wanted, &d.Lost, &d.Attempts,
		moment{&d.ReservedUntil}, &d.Version, moment{&d.CreatedAt}, moment{&d.UpdatedAt})
	return d, err
}

// InsertDomain writes a new domain with its first history row.
func (t *Tx) InsertDomain(ctx context.Context, d network.Domain, cause lifecycle.Cause) error {
	err := t.later(ctx, "insert the domain", `
		INSERT INTO domain (`+domainColumns+`)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		d.ID, d.TenantID, d.SiteID, d.Hostname, d.Kind, d.Mode, d.PreferDirect,
		d.ZoneID, d.ZoneName, d.Target, d.Status, d.Wanted, d.Lost, d.Attempts,
		stamp(d.ReservedUntil), d.Version, stamp(d.CreatedAt), stamp(d.UpdatedAt))
	switch {
	case breaks(err, "domain.hostname"):
		return &lifecycle.TakenError{Kind: "hostname", Name: d.Hostname}
	case breaks(err, ForeignKey):
		return &lifecycle.NotFoundError{Kind: "site", ID: string(d.SiteID)}
	case err != nil:
		return err
	}
	return t.record(ctx, event.DomainCreated, lifecycle.Change{
		ObjectID: string(d.ID), TenantID: string(d.TenantID), Event: createEvent, To: string(d.Status), Cause: cause,
	})
}

// GetDomain returns a domain, tombstones included.
func (t *Tx) GetDomain(ctx context.Context, tenant id.Tenant, domain id.Domain) (network.Domain, error) {
	d, ok, err := one(ctx, t, "read the domain", scanDomain,
		`SELECT `+domainColumns+` FROM domain WHERE tenant_id = ? AND id = ?`, tenant, domain)
	if err == nil && !ok {
		err = &lifecycle.NotFoundError{Kind: "domain", ID: string(domain)}
	}
	return d, err
}

// DomainsOfSite returns a site's domains, oldest first, tombstones included.
func (t *Tx) DomainsOfSite(ctx context.Context, tenant id.Tenant, siteID id.Site) ([]network.Domain, error) {
	domains, err := all(ctx, t, "read the domains of the site", scanDomain, `
		SELECT `+domainColumns+` FROM domain WHERE tenant_id = ? AND site_id = ? ORDER BY created_at, id`, tenant, siteID)
	if err == nil && len(domains) == 0 {
		_, err = t.GetSite(ctx, tenant, siteID)
	}
	return domains, err
}

// ListDomains returns a page of a tenant's domains without released ones.
func (t *Tx) ListDomains(ctx context.Context, tenant id.Tenant, page network.Page) ([]network.Domain, error) {
	q := where(`SELECT `+domainColumns+` FROM domain WHERE tenant_id = ? AND status <> 'RELEASED'`, tenant)
	if page.SiteID != "" {
		q.and(`site_id = ?`, page.SiteID)
	}
	if page.Only != nil {
		q.and(`site_id IN (?texts)`, texts(page.Only))
	}
	if err := q.filter(t.conn, domainFields, page.Filter); err != nil {
		return nil, err
	}
	statement := q.page(string(page.Last), page.OldestFirst, page.Limit)
	domains, err := all(ctx, t, "list the domains", scanDomain, statement, q.args...)
	if err == nil && len(domains) == 0 && page.SiteID != "" {
		_, err = t.GetSite(ctx, tenant, page.SiteID)
	}
	return domains, err
}

// UpdateDomain writes what may change beside the status, if nobody else wrote in
// between. While another domain publishes the hostname, it is
// lifecycle.ErrLostRace to publish it too.
func (t *Tx) UpdateDomain(ctx context.Context, d network.Domain) error {
	n, err := t.exec(ctx, "update the domain", `
		UPDATE domain SET kind = ?, mode = ?, prefer_direct = ?, zone_id = ?, zone_name = ?, target = ?,
			wanted = ?, lost = ?, attempts = ?, reserved_until = ?, version = version + 1, updated_at = ?
		WHERE tenant_id = ? AND id = ? AND version = ?`,
		d.Kind, d.Mode, d.PreferDirect, d.ZoneID, d.ZoneName, d.Target,
		d.Wanted, d.Lost, d.Attempts, stamp(d.ReservedUntil), stamp(t.clock()),
		d.TenantID, d.ID, d.Version)
	switch {
	case breaks(err, "domain.hostname"):
		return lifecycle.ErrLostRace
	case err == nil && n == 0:
		return t.lostDomain(ctx, d.TenantID, d.ID)
	}
	return err
}

// TransitionDomain sets the status, if it is still the change's From.
func (t *Tx) TransitionDomain(ctx context.Context, c lifecycle.Change) error {
	n, err := t.exec(ctx, "set the status of the domain", `
		UPDATE domain SET status = ?, version = version + 1, updated_at = ?
		WHERE tenant_id = ? AND id = ? AND status = ?`,
		c.To, stamp(c.At), c.TenantID, c.ObjectID, c.From)
	switch {
	case breaks(err, "domain.hostname"):
		return t.takenHostname(ctx, id.Tenant(c.TenantID), id.Domain(c.ObjectID))
	case err != nil:
		return err
	case n == 0:
		return t.lostDomain(ctx, id.Tenant(c.TenantID), id.Domain(c.ObjectID))
	}
	return t.record(ctx, event.DomainStatusChanged, c)
}

func (t *Tx) takenHostname(ctx context.Context, tenant id.Tenant, domain id.Domain) error {
	d, err := t.GetDomain(ctx, tenant, domain)
	if err != nil {
		return err
	}
	return &lifecycle.TakenError{Kind: "hostname", Name: d.Hostname}
}

// lostDomain says why an update of a domain changed no row.
func (t *Tx) lostDomain(ctx context.Context, tenant id.Tenant, domain id.Domain) error {
	if _, err := t.GetDomain(ctx, tenant, domain); err != nil {
		return err
	}
	return lifecycle.ErrLostRace
}

// ReservedFor returns the tenant that a released hostname is reserved for; of
// several the one whose reservation lasts longest.
func (t *Tx) ReservedFor(ctx context.Context, hostname string, at time.Time) (id.Tenant, bool, error) {
	return one(ctx, t, "read the reservation", scanTenantID, `
		SELECT tenant_id FROM domain WHERE hostname = ? AND reserved_until > ?
		ORDER BY reserved_until DESC LIMIT 1`, hostname, stamp(at))
}

// EndReservations frees a hostname from every reservation.
func (t *Tx) EndReservations(ctx context.Context, hostname string) error {
	err := t.later(ctx, "end the reservations", `
		UPDATE domain SET reserved_until = NULL, version = version + 1, updated_at = ?
		WHERE hostname = ? AND reserved_until IS NOT NULL`, stamp(t.clock()), hostname)
	return err
}

func scanTenantID(r Row) (tenant id.Tenant, err error) {
	err = r.Scan(&tenant)
	return tenant, err
}
