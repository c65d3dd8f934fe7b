package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
)

// deletedClean: after a delete nothing that serves or decides knows the site,
// neither the edge's files nor the database, and visitors are sent away. The
// name may still resolve: the platform's wildcard record answers for any name.
func deletedClean(ctx context.Context, d *demo) error {
	site := d.hello.GetSite()
	files, tables, err := d.knowing(ctx, site)
	if err != nil {
		return err
	}
	if len(files) == 0 || len(tables) == 0 {
		return fmt.Errorf("before the delete files %q and tables %q know the site, so the search shows nothing", files, tables)
	}
	gone, err := d.cli.site(ctx, nil, "delete", site.GetSiteId(), "--wait", "--timeout", "20s")
	if err != nil {
		return err
	}
	if got := gone.GetSite().GetStatus(); got != lifecyclev1.SiteStatus_SITE_STATUS_DELETED {
		return fmt.Errorf("the site is %s, not DELETED", got)
	}
	return errors.Join(d.forgotten(ctx, site), d.misdirected(ctx, site.GetPrimaryDomain().GetHostname()))
}

// forgotten demands that nothing knows the site any more.
func (d *demo) forgotten(ctx context.Context, site *lifecyclev1.Site) error {
	files, tables, err := d.knowing(ctx, site)
	if err != nil {
		return err
	}
	if len(files) > 0 || len(tables) > 0 {
		return fmt.Errorf("still known by the edge's files %q and the tables %q", files, tables)
	}
	return nil
}

// knowing returns the edge's files and the tables that know a site by any of its
// names. Not searched are:
//
//   - the edge's logs, which tell what was;
//   - for the site's id, but not for the hostname, the generation before the
//     current one. The agent keeps it and nginx no longer reads it; the hostname
//     had to be gone before the site went, so it is not even there;
//   - the tables of recordTables.
func (d *demo) knowing(ctx context.Context, site *lifecyclev1.Site) (files, tables []string, err error) {
	siteID, domainID, hostname := site.GetSiteId(), site.GetPrimaryDomain().GetDomainId(), site.GetPrimaryDomain().GetHostname()
	superseded, err := supersededIn(d.edgeDir())
	if err != nil {
		return nil, nil, err
	}
	served := func(path string) bool { return logs(path) || superseded(path) }
	byName, nameErr := mentions(d.edgeDir(), hostname, logs)
	byID, idErr := mentions(d.edgeDir(), siteID, served)
	tables, tableErr := bearers(ctx, d.installation.Where().Database, siteID, domainID, hostname)
	files = append(byName, byID...)
	slices.Sort(files)
	return slices.Compact(files), tables, errors.Join(nameErr, idErr, tableErr)
}

func (d *demo) edgeDir() string { return d.installation.Where().EdgeDir }

// logs says whether a path below the edge's directory is a log.
func logs(path string) bool { return strings.HasPrefix(path, "logs/") }
