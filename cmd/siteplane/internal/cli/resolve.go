package cli

import (
	"context"
	"strings"

	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
)

// Objects are named on the command line by id or by the name that people gave
// them. No slug, hostname or tenant name begins like an id: none has an underscore.
const (
	sitePrefix   = "site_"
	domainPrefix = "dom_"
	tenantPrefix = "ten_"
	keyPrefix    = "key_"
)

// siteID is the id of the site that an id or a slug names.
func (s *session) siteID(ctx context.Context, name string) (string, error) {
	if strings.HasPrefix(name, sitePrefix) {
		return name, nil
	}
	sites, err := listSites(ctx, s, equal("slug", name))
	if err != nil {
		return "", err
	}
	for _, site := range sites {
		if site.GetSlug() == name {
			return site.GetSiteId(), nil
		}
	}
	return "", &missingError{kind: "site", name: name}
}

// domainID is the id of the domain that an id or a hostname names.
func (s *session) domainID(ctx context.Context, name string) (string, error) {
	if strings.HasPrefix(name, domainPrefix) {
		return name, nil
	}
	domains, err := listDomains(ctx, s, "", equal("hostname", asciiForm(name)))
	if err != nil {
		return "", err
	}
	if domain := withHostname(domains, asciiForm(name)); domain != nil {
		return domain.GetDomainId(), nil
	}
	return "", &missingError{kind: "domain", name: name}
}

// withHostname is the domain of a hostname. One that is on its way out may be
// listed beside the one that claims the name again; the latter is meant then.
func withHostname(domains []*lifecyclev1.Domain, hostname string) *lifecyclev1.Domain {
	var leaving *lifecyclev1.Domain
	for _, domain := range domains {
		switch {
		case domain.GetHostname() != hostname:
		case claimed(domain):
			return domain
		case leaving == nil:
			leaving = domain
		}
	}
	return leaving
}

// tenantID is the id of the tenant that an id or a name names.
func (s *session) tenantID(ctx context.Context, named string) (string, error) {
	if strings.HasPrefix(named, tenantPrefix) {
		return named, nil
	}
	if named == ownTenant {
		found, err := call(ctx, s, callTimeout, s.tenants.GetTenant, &lifecyclev1.GetTenantRequest{TenantId: ownTenant})
		return found.GetTenant().GetTenantId(), err
	}
	tenants, err := listTenants(ctx, s, listFlags{})
	if err != nil {
		return "", err
	}
	for _, tenant := range tenants {
		if tenant.GetName() == named {
			return tenant.GetTenantId(), nil
		}
	}
	return "", &missingError{kind: "tenant", name: named}
}

// tenantIDOrOwn is the id of a tenant that may not be named: empty then, which means
// the caller's own.
func (s *session) tenantIDOrOwn(ctx context.Context, named string) (string, error) {
	if named == "" || named == ownTenant {
		return "", nil
	}
	return s.tenantID(ctx, named)
}

// missingError is a name that no object of this key has.
type missingError struct{ kind, name string }

func (e *missingError) Error() string { return "there is no " + e.kind + " \"" + e.name + "\"" }

func (e *missingError) exitCode() int { return ExitNotFound }

func (e *missingError) problem() problem {
	if e.kind == "context" {
		return problem{text: e.Error(), next: "`siteplane context list` shows the contexts"}
	}
	return problem{text: e.Error(), next: "`siteplane " + e.kind + " list` shows those that this key may see"}
}
