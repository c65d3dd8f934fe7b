package cli

import (
	"github.com/spf13/cobra"

	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
)

func (a *app) siteSetPrimary() *cobra.Command {
	command := &cobra.Command{
		Use:   "set-primary SITE DOMAIN",
		Short: "Make one of a site's domains its primary; the site's status follows it",
		Args:  exactly("SITE", "DOMAIN"),
	}
	return a.changing(command, func(command *cobra.Command, s *session, args []string) error {
		changed, err := setPrimary(command, s, args[0], args[1])
		if err != nil {
			return err
		}
		found := &lifecyclev1.GetSiteResponse{Site: changed.GetSite()}
		return a.printSite(command, s, found, domainsOf(command, s, changed.GetSite()))
	})
}

func setPrimary(command *cobra.Command, s *session, site, domain string) (*lifecyclev1.SetPrimaryDomainResponse, error) {
	request := &lifecyclev1.SetPrimaryDomainRequest{}
	var err error
	if request.SiteId, err = s.siteID(command.Context(), site); err != nil {
		return nil, err
	}
	if request.DomainId, err = s.domainID(command.Context(), domain); err != nil {
		return nil, err
	}
	return change(command.Context(), s, s.sites.SetPrimaryDomain, request)
}
