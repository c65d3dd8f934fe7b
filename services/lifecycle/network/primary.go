package network

import (
	"context"
	"fmt"

	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/site"
)

// SetPrimary makes a domain its site's primary and has the site's status follow.
// An ACTIVE site takes only an ACTIVE domain, a site in ERROR none; nor is a
// domain taken that is in ERROR or on its way out. Refusals are
// *lifecycle.PreconditionError.
func SetPrimary(ctx context.Context, store site.Store, s site.Site, d Domain, cause lifecycle.Cause) (site.Site, error) {
	if s.PrimaryDomainID == d.ID {
		return s, nil
	}
	if err := mayBePrimary(s, d); err != nil {
		return s, err
	}
	if site.Machine.Allows(s.Status, site.PrimaryChanged) {
		var err error
		if s, err = site.Apply(ctx, store, s, site.PrimaryChanged, cause); err != nil {
			return s, err
		}
	}
	s.PrimaryDomainID, s.UpdatedAt = d.ID, cause.At
	if err := store.UpdateSite(ctx, s); err != nil {
		return s, err
	}
	s, err := store.GetSite(ctx, s.TenantID, s.ID)
	if err != nil {
		return s, err
	}
	return Project(ctx, store, s, &d, cause)
}

func mayBePrimary(s site.Site, d Domain) error {
	refuse := func(format string, args ...any) error {
		return &lifecycle.PreconditionError{Message: fmt.Sprintf(format, args...)}
	}
	switch {
	case s.Status == site.Error:
		return refuse("the site is in ERROR; retry it first")
	case s.Status == site.Deleting || s.Status == site.Deleted:
		return refuse("the site is on its way out")
	case !d.Status.Live():
		return refuse("%s is on its way out", d.Hostname)
	case d.Status == Error:
		return refuse("%s is in ERROR; check it first", d.Hostname)
	case s.Status == site.Active && d.Status != Active:
		return refuse("the site is ACTIVE and %s is %s; wait until it is ACTIVE too", d.Hostname, d.Status)
	}
	return nil
}
