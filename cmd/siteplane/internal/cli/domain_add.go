package cli

import (
	"github.com/spf13/cobra"

	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
)

const directUsage = "lead the hostname to the edges itself, by its own address records"

// addFlags are the flags of `domain add`.
type addFlags struct {
	direct    bool
	requestID string
	wait      waitFlags
}

func (a *app) domainAdd() *cobra.Command {
	flags := addFlags{}
	command := &cobra.Command{
		Use:   "add SITE HOSTNAME",
		Short: "Claim a hostname for a site, and show the records that prove it",
		Example: "  siteplane domain add shop www.shop.example\n" +
			"  siteplane domain add shop bücher.example --direct --wait",
		Args: exactly("SITE", "HOSTNAME"),
		RunE: a.connected(func(command *cobra.Command, s *session, args []string) error {
			site, err := s.siteID(command.Context(), args[0])
			if err != nil {
				return err
			}
			request := &lifecyclev1.AddDomainRequest{
				SiteId: site, Hostname: args[1], Direct: flags.direct, RequestId: flags.requestID,
			}
			return a.addDomain(command, s, request, flags.wait)
		}),
	}
	command.Flags().BoolVar(&flags.direct, "direct", false, directUsage)
	command.Flags().StringVar(&flags.requestID, "request-id", "", "`ID` that makes the command safe to repeat (default a new one)")
	return flags.wait.addTo(command, "domain", "ACTIVE or waits for you")
}

func (a *app) addDomain(command *cobra.Command, s *session, request *lifecyclev1.AddDomainRequest, wait waitFlags) error {
	if request.RequestId == "" {
		request.RequestId = a.deps.NewID()
	}
	added, err := call(command.Context(), s, callTimeout, s.domains.AddDomain, request)
	if err != nil {
		err = advise(err, lifecyclev1.ErrorReason_ERROR_REASON_NAME_TAKEN,
			"`siteplane domain get "+asciiForm(request.GetHostname())+"` shows the claim that you have already")
		return repeatable(err, request.GetRequestId())
	}
	begun := &lifecyclev1.GetDomainResponse{Domain: added.GetDomain()}
	return a.finishDomain(command, s, wait, untilActive(), begun)
}
