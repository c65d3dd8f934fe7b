package cli

import (
	"github.com/spf13/cobra"

	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
)

const directUsage = "lead the hostname to the edges itself, by its own address records"

func (a *app) domainAdd() *cobra.Command {
	waiting, direct := waitFlags{}, false
	command := &cobra.Command{
		Use:   "add SITE HOSTNAME",
		Short: "Claim a hostname for a site, and show the records that prove it",
		Example: "  siteplane domain add shop www.shop.example\n" +
			"  siteplane domain add shop bücher.example --direct --wait",
		Args: exactly("SITE", "HOSTNAME"),
	}
	a.changing(command, func(command *cobra.Command, s *session, args []string) error {
		site, err := s.siteID(command.Context(), args[0])
		if err != nil {
			return err
		}
		return a.addDomain(command, s, &lifecyclev1.AddDomainRequest{SiteId: site, Hostname: args[1], Direct: direct}, waiting)
	})
	command.Flags().BoolVar(&direct, "direct", false, directUsage)
	return waiting.addTo(command, "domain", "ACTIVE or waits for you")
}

func (a *app) addDomain(command *cobra.Command, s *session, request *lifecyclev1.AddDomainRequest, wait waitFlags) error {
	added, err := change(command.Context(), s, s.domains.AddDomain, request)
	if err != nil {
		return advise(err, lifecyclev1.ErrorReason_ERROR_REASON_NAME_TAKEN,
			"`siteplane domain get "+asciiForm(request.GetHostname())+"` shows the claim that you have already")
	}
	begun := &lifecyclev1.GetDomainResponse{Domain: added.GetDomain()}
	return a.finishDomain(command, s, wait, untilActive(), begun)
}
