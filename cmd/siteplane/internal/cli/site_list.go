package cli

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/spf13/cobra"

	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
)

// listFlags are the flags of every list that comes in pages.
type listFlags struct {
	pageSize int32
	limit    int
}

func (a *app) siteList() *cobra.Command {
	flags := selectFlags{}
	command := &cobra.Command{
		Use:     "list",
		Short:   "List the sites of your tenant, newest first",
		Args:    Args(cobra.NoArgs),
		PreRunE: func(*cobra.Command, []string) error { return flags.check() },
		RunE: a.connected(func(command *cobra.Command, s *session, _ []string) error {
			sites, err := listSites(command.Context(), s, flags)
			if err != nil {
				return err
			}
			if len(sites) == 0 && flags.expression() == "" {
				hint(command, "there are no sites; make one with: siteplane site create NAME --origin IP:PORT")
			}
			return a.print(command, &listView{sites: sites, now: a.deps.Now()})
		}),
	}
	return flags.addTo(command, "sites", "status, name, slug and create_time")
}

func (f *listFlags) addTo(command *cobra.Command, items string) *cobra.Command {
	command.Flags().Int32Var(&f.pageSize, "page-size", 0, "ask for `N` "+items+" at a time (default as the server likes)")
	command.Flags().IntVar(&f.limit, "limit", 0, "stop after `N` "+items+" (default all)")
	return command
}

func (f listFlags) check() error {
	if f.pageSize < 0 || f.limit < 0 {
		return &usageError{errors.New("--page-size and --limit must not be negative")}
	}
	return nil
}

// listSites returns the sites of all pages, up to the limit.
func listSites(ctx context.Context, s *session, flags selectFlags) ([]*lifecyclev1.Site, error) {
	return allPages(flags.limit, func(token string) ([]*lifecyclev1.Site, string, error) {
		page, err := call(ctx, s, callTimeout, s.sites.ListSites, &lifecyclev1.ListSitesRequest{
			PageSize: flags.pageSize, PageToken: token, Filter: flags.expression(), OrderBy: flags.orderBy,
		})
		return page.GetSites(), page.GetNextPageToken(), err
	})
}

// listView shows sites as one table or one JSON object.
type listView struct {
	sites []*lifecyclev1.Site
	now   time.Time
}

func (v *listView) json() (json.RawMessage, error) { return listJSON("sites", v.sites) }

func (v *listView) write(p *page) {
	rows := [][]string{{"ID", "NAME", "STATUS", "REVISION", "DOMAIN", "AGE"}}
	for _, site := range v.sites {
		rows = append(rows, []string{
			site.GetSiteId(), site.GetName(), siteStatus(site.GetStatus()), revision(site),
			site.GetPrimaryDomain().GetHostname(), age(site.GetCreateTime(), v.now),
		})
	}
	p.table(rows...)
}
