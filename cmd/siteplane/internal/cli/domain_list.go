package cli

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
)

func (a *app) domainList() *cobra.Command {
	flags, site := selectFlags{}, ""
	command := &cobra.Command{
		Use:     "list",
		Short:   "List the domains of your tenant, newest first, with what to mend first",
		Args:    Args(cobra.NoArgs),
		PreRunE: func(*cobra.Command, []string) error { return flags.check() },
		RunE: a.connected(func(command *cobra.Command, s *session, _ []string) error {
			domains, err := domainsOfNamed(command.Context(), s, site, flags)
			if err != nil {
				return err
			}
			if len(domains) == 0 && flags.expression() == "" {
				hint(command, "there are no domains; add one with: siteplane domain add SITE HOSTNAME")
			}
			return a.print(command, &domainListView{domains: domains})
		}),
	}
	command.Flags().StringVar(&site, "site", "", "only those of `SITE`")
	return flags.addTo(command, "domains", "status, mode, hostname, primary and create_time")
}

// domainsOfNamed are the domains of the site that an id or a slug names, or of
// all sites when none is named.
func domainsOfNamed(ctx context.Context, s *session, site string, flags selectFlags) ([]*lifecyclev1.Domain, error) {
	if site == "" {
		return listDomains(ctx, s, "", flags)
	}
	id, err := s.siteID(ctx, site)
	if err != nil {
		return nil, err
	}
	return listDomains(ctx, s, id, flags)
}

// listDomains returns the domains of all pages, up to the limit; an empty site
// id means those of all sites.
func listDomains(ctx context.Context, s *session, siteID string, flags selectFlags) ([]*lifecyclev1.Domain, error) {
	return allPages(flags.limit, func(token string) ([]*lifecyclev1.Domain, string, error) {
		page, err := call(ctx, s, callTimeout, s.domains.ListDomains, &lifecyclev1.ListDomainsRequest{
			SiteId: siteID, PageSize: flags.pageSize, PageToken: token, Filter: flags.expression(), OrderBy: flags.orderBy,
		})
		return page.GetDomains(), page.GetNextPageToken(), err
	})
}

// domainListView shows domains as one table or one JSON object.
type domainListView struct{ domains []*lifecyclev1.Domain }

func (v *domainListView) json() (json.RawMessage, error) { return listJSON("domains", v.domains) }

func (v *domainListView) write(p *page) {
	rows := domainTable(v.domains)
	rows[0] = slices.Insert(rows[0], 1, "SITE")
	for i, domain := range v.domains {
		rows[i+1] = slices.Insert(rows[i+1], 1, domain.GetSiteId())
	}
	p.table(rows...)
}

// domainTable is one row for each domain below a heading, with what to mend
// first and who must.
func domainTable(domains []*lifecyclev1.Domain) [][]string {
	rows := [][]string{{"HOSTNAME", "MODE", "STATUS", "PRIMARY", "WRONG", "ACTOR"}}
	for _, domain := range domains {
		wrong := firstUnmet(domain.GetConditions())
		rows = append(rows, []string{
			domain.GetHostname(), strings.ToLower(domainMode(domain.GetMode())), domainStatus(domain.GetStatus()),
			yesNo(domain.GetPrimary()), wrong.GetReason(), actor(wrong.GetActor()),
		})
	}
	return rows
}
