package memory

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/event"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/network"
	"github.com/siteplane/siteplane/services/lifecycle/site"
)

// hostnameRule is broken by a second domain of a hostname, by whichever of the three.
const hostnameRule = "domain.hostname"

// domainVerified keeps a hostname's live verified claims to one.
var domainVerified = &index[network.Domain]{
	unique: hostnameRule,
	of:     func(d *network.Domain) bool { return d.Status.Verified() },
	by:     byHostname,
}

// domainLive lets a tenant claim a hostname once.
var domainLive = &index[network.Domain]{
	unique: hostnameRule,
	of:     func(d *network.Domain) bool { return !oneOf(d.Status, network.Releasing, network.Released) },
	by:     func(a, b *network.Domain) int { return cmp.Or(byTenant(a, b), byHostname(a, b)) },
}

// domainShown lets one domain publish a hostname until that is hidden again.
var domainShown = &index[network.Domain]{
	unique: hostnameRule,
	of:     func(d *network.Domain) bool { return d.Wanted != network.Hidden },
	by:     byHostname,
}

// domainNamed is whoever held or holds a hostname.
var domainNamed = &index[network.Domain]{by: byHostname}

var domainOfSite = &index[network.Domain]{
	by:   func(a, b *network.Domain) int { return cmp.Compare(a.SiteID, b.SiteID) },
	then: byCreation,
}

// domainListed is what a tenant's lists are made of.
var domainListed = &index[network.Domain]{
	of: func(d *network.Domain) bool { return d.Status != network.Released },
	by: byTenant,
}

// domainRouted are those that lead through a tunnel.
var domainRouted = &index[network.Domain]{
	of: func(d *network.Domain) bool {
		return oneOf(d.Mode, network.Managed, network.CustomHostname) && d.Wanted == network.Public
	},
	then: byHostname,
}

func byHostname(a, b *network.Domain) int { return cmp.Compare(a.Hostname, b.Hostname) }
func byTenant(a, b *network.Domain) int   { return cmp.Compare(a.TenantID, b.TenantID) }
func byCreation(a, b *network.Domain) int { return a.CreatedAt.Compare(b.CreatedAt) }

var domainSchema = &schema[network.Domain]{
	key: &index[network.Domain]{
		unique: "domain.id",
		by:     func(a, b *network.Domain) int { return cmp.Compare(a.ID, b.ID) },
	},
	others: []*index[network.Domain]{
		domainVerified, domainLive, domainShown, domainNamed, domainOfSite, domainListed, domainRouted,
	},
	keep: func(d *network.Domain) { micro(&d.ReservedUntil, &d.CreatedAt, &d.UpdatedAt) },
	rules: []rule[network.Domain]{
		{"domain.status", func(d *network.Domain) bool { return oneOf(d.Status, domainStatuses...) }},
		{"domain.kind", func(d *network.Domain) bool { return oneOf(d.Kind, network.Platform, network.Custom) }},
		{"domain.mode", func(d *network.Domain) bool {
			return oneOf(d.Mode, network.ModeUnknown, network.Managed, network.CustomHostname, network.Direct)
		}},
		{"domain.wanted", func(d *network.Domain) bool {
			return oneOf(d.Wanted, network.Hidden, network.OnEdge, network.Public)
		}},
		{"domain.created_at", func(d *network.Domain) bool { return set(d.CreatedAt, d.UpdatedAt) }},
	},
	refers: func(t *tx, d *network.Domain) error { return t.hasSite(d.TenantID, d.SiteID) },
}

var domainStatuses = network.Machine.States()

// domainFields are what a list of domains may be limited by.
func (t *tx) domainFields() map[string]field[network.Domain] {
	return map[string]field[network.Domain]{
		"status":   textField(func(d *network.Domain) string { return string(d.Status) }, exactly),
		"mode":     textField(func(d *network.Domain) string { return string(d.Mode) }, exactly),
		"hostname": textField(func(d *network.Domain) string { return d.Hostname }, exactly),
		"primary": flagField(func(d *network.Domain) bool {
			s, _ := t.sites.get(site.Site{ID: d.SiteID})
			return s.PrimaryDomainID == d.ID
		}),
		"create_time": timeField(func(d *network.Domain) time.Time { return d.CreatedAt }),
	}
}

// InsertDomain writes a new domain with its first history row.
func (t *tx) InsertDomain(ctx context.Context, d network.Domain, cause lifecycle.Cause) error {
	err := t.domains.insert(t, d)
	switch {
	case breaks(err, hostnameRule):
		return &lifecycle.TakenError{Kind: "hostname", Name: d.Hostname}
	case err != nil:
		return err
	}
	return t.record(ctx, event.DomainCreated, lifecycle.Change{
		ObjectID: string(d.ID), TenantID: string(d.TenantID), Event: createEvent, To: string(d.Status), Cause: cause,
	})
}

// GetDomain returns a domain, tombstones included.
func (t *tx) GetDomain(_ context.Context, tenant id.Tenant, domain id.Domain) (network.Domain, error) {
	d, ok := t.domains.get(network.Domain{ID: domain})
	if !ok || d.TenantID != tenant {
		return network.Domain{}, &lifecycle.NotFoundError{Kind: "domain", ID: string(domain)}
	}
	return d, nil
}

// hasDomain returns the error for a domain that the tenant does not have.
func (t *tx) hasDomain(tenant id.Tenant, domain id.Domain) error {
	_, err := t.GetDomain(context.Background(), tenant, domain)
	return err
}

// DomainsOfSite returns a site's domains, oldest first, tombstones included.
func (t *tx) DomainsOfSite(_ context.Context, tenant id.Tenant, siteID id.Site) ([]network.Domain, error) {
	if err := t.hasSite(tenant, siteID); err != nil {
		return nil, err
	}
	return t.domains.list(t.domains.in(domainOfSite, network.Domain{SiteID: siteID}), all, nil), nil
}

// ListDomains returns a page of a tenant's domains without released ones.
func (t *tx) ListDomains(_ context.Context, tenant id.Tenant, page network.Page) ([]network.Domain, error) {
	passes, err := compile(t.domainFields(), page.Filter)
	if err != nil {
		return nil, err
	}
	if page.SiteID != "" {
		if err := t.hasSite(tenant, page.SiteID); err != nil {
			return nil, err
		}
	}
	from := network.Domain{TenantID: tenant, ID: first(page.Last, page.OldestFirst)}
	return t.domains.list(t.domains.page(domainListed, from, page.OldestFirst), page.Limit, func(d *network.Domain) bool {
		return d.ID != page.Last && (page.SiteID == "" || d.SiteID == page.SiteID) &&
			(page.Only == nil || slices.Contains(page.Only, d.SiteID)) && passes(d)
	}), nil
}

// UpdateDomain writes what may change beside the status, if nobody else wrote in
// between. While another domain publishes the hostname, it is
// lifecycle.ErrLostRace to publish it too.
func (t *tx) UpdateDomain(ctx context.Context, d network.Domain) error {
	now, err := t.GetDomain(ctx, d.TenantID, d.ID)
	switch {
	case err != nil:
		return err
	case now.Version != d.Version:
		return lifecycle.ErrLostRace
	}
	d.SiteID, d.Hostname, d.Status, d.CreatedAt = now.SiteID, now.Hostname, now.Status, now.CreatedAt
	err = t.touch(d)
	if breaks(err, hostnameRule) {
		return lifecycle.ErrLostRace
	}
	return err
}

// touch writes a domain as its next version.
func (t *tx) touch(d network.Domain) error {
	d.Version, d.UpdatedAt = d.Version+1, t.clock()
	return t.domains.put(t, d)
}

// TransitionDomain sets the status, if it is still the change's From.
func (t *tx) TransitionDomain(ctx context.Context, c lifecycle.Change) error {
	d, err := t.GetDomain(ctx, id.Tenant(c.TenantID), id.Domain(c.ObjectID))
	switch {
	case err != nil:
		return err
	case string(d.Status) != c.From:
		return lifecycle.ErrLostRace
	}
	d.Status, d.Version, d.UpdatedAt = network.Status(c.To), d.Version+1, c.At
	err = t.domains.put(t, d)
	switch {
	case breaks(err, hostnameRule):
		return &lifecycle.TakenError{Kind: "hostname", Name: d.Hostname}
	case err != nil:
		return err
	}
	return t.record(ctx, event.DomainStatusChanged, c)
}

// ReservedFor returns the tenant that a released hostname is reserved for; of
// several the one whose reservation lasts longest.
func (t *tx) ReservedFor(_ context.Context, hostname string, at time.Time) (tenant id.Tenant, ok bool, err error) {
	for d := range t.domains.in(domainNamed, network.Domain{Hostname: hostname}) {
		if d.ReservedUntil.After(at) {
			tenant, ok, at = d.TenantID, true, d.ReservedUntil
		}
	}
	return tenant, ok, nil
}

// EndReservations frees a hostname from every reservation.
func (t *tx) EndReservations(_ context.Context, hostname string) error {
	named := t.domains.list(t.domains.in(domainNamed, network.Domain{Hostname: hostname}), all, nil)
	for _, d := range named {
		if d.ReservedUntil.IsZero() {
			continue
		}
		d.ReservedUntil = time.Time{}
		if err := t.touch(d); err != nil {
			return err
		}
	}
	return t.domains.own(t)
}
