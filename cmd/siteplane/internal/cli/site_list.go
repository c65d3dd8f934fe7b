package cli

import (
	"encoding/json"
	"errors"
	"time"

	"github.com/spf13/cobra"

	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
)

// listFlags are the flags of `site list`.
type listFlags struct {
	pageSize int32
	limit    int32
}

func (a *app) siteList() *cobra.Command {
	flags := listFlags{}
	command := &cobra.Command{
		Use:     "list",
		Short:   "List the sites of your tenant, newest first",
		Args:    Args(cobra.NoArgs),
		PreRunE: func(*cobra.Command, []string) error { return flags.check() },
		RunE: a.connected(func(command *cobra.Command, s *session, _ []string) error {
			sites, err := listSites(command, s, flags)
			if err != nil {
				return err
			}
			if len(sites) == 0 {
				hint(command, "there are no sites; make one with: siteplane site create NAME --origin IP:PORT")
			}
			return a.format.print(command.OutOrStdout(), &listView{sites: sites, now: a.deps.Now()})
		}),
	}
	command.Flags().Int32Var(&flags.pageSize, "page-size", 0, "ask for `N` sites at a time (default as the server likes)")
	command.Flags().Int32Var(&flags.limit, "limit", 0, "stop after `N` sites (default all)")
	return command
}

func (f listFlags) check() error {
	if f.pageSize < 0 || f.limit < 0 {
		return &usageError{errors.New("--page-size and --limit must not be negative")}
	}
	return nil
}

// listSites follows the pages until the last one or the limit.
func listSites(command *cobra.Command, s *session, flags listFlags) ([]*lifecyclev1.Site, error) {
	var sites []*lifecyclev1.Site
	request := &lifecyclev1.ListSitesRequest{PageSize: flags.pageSize}
	for {
		page, err := call(command.Context(), s, callTimeout, s.sites.ListSites, request)
		if err != nil {
			return nil, err
		}
		sites = append(sites, page.GetSites()...)
		next := page.GetNextPageToken()
		switch {
		case flags.limit > 0 && len(sites) >= int(flags.limit):
			return sites[:flags.limit], nil
		case next == "":
			return sites, nil
		case next == request.GetPageToken():
			return nil, errors.New("the server gave the same page token twice")
		}
		request.PageToken = next
	}
}

// listView shows sites as one table or one JSON object.
type listView struct {
	sites []*lifecyclev1.Site
	now   time.Time
}

func (v *listView) json() (json.RawMessage, error) {
	list := struct {
		Sites []json.RawMessage `json:"sites"`
	}{Sites: []json.RawMessage{}}
	for _, site := range v.sites {
		one, err := protoJSON(site)
		if err != nil {
			return nil, err
		}
		list.Sites = append(list.Sites, one)
	}
	return json.Marshal(list)
}

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
