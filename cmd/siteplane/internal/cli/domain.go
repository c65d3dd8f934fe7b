package cli

import (
	"github.com/spf13/cobra"

	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
)

// domain is the command group for domains.
func (a *app) domain() *cobra.Command {
	command := Group(&cobra.Command{
		Use:   "domain",
		Short: "Bring hostnames of your own, and see what to write into DNS",
		Long: "Bring hostnames of your own, and see what to write into DNS. DOMAIN is a domain's id\n" +
			"or its hostname, SITE a site's id or its slug.",
	})
	command.AddCommand(a.domainAdd(), a.domainGet(), a.domainRecords(), a.domainList(), a.domainCheck(), a.domainRemove())
	return command
}

func (a *app) domainGet() *cobra.Command {
	return &cobra.Command{
		Use:   "get DOMAIN",
		Short: "Show a domain: the records to write, what is wrong, who must act",
		Args:  exactly("DOMAIN"),
		RunE: a.connected(func(command *cobra.Command, s *session, args []string) error {
			id, err := s.domainID(command.Context(), args[0])
			if err != nil {
				return err
			}
			found, err := call(command.Context(), s, callTimeout, s.domains.GetDomain, &lifecyclev1.GetDomainRequest{DomainId: id})
			if err != nil {
				return err
			}
			return a.printDomain(command, s, found, "")
		}),
	}
}

func (a *app) domainRemove() *cobra.Command {
	waiting, successor := waitFlags{}, ""
	command := &cobra.Command{
		Use:   "remove DOMAIN",
		Short: "Take a domain off DNS, the tunnel and the edges, and give its hostname up",
		Args:  exactly("DOMAIN"),
	}
	a.changing(command, func(command *cobra.Command, s *session, args []string) error {
		removed, err := removeDomain(command, s, args[0], successor)
		if err != nil {
			return err
		}
		begun := &lifecyclev1.GetDomainResponse{Domain: removed.GetDomain(), Operation: removed.GetOperation()}
		return a.finishDomain(command, s, waiting, untilGone("RELEASED"), begun)
	})
	command.Flags().StringVar(&successor, "new-primary", "", "`DOMAIN` of the same site that becomes the primary first")
	return waiting.addTo(command, "domain", "RELEASED")
}

func removeDomain(command *cobra.Command, s *session, named, successor string) (*lifecyclev1.RemoveDomainResponse, error) {
	request := &lifecyclev1.RemoveDomainRequest{}
	var err error
	if request.DomainId, err = s.domainID(command.Context(), named); err != nil {
		return nil, err
	}
	if successor != "" {
		if request.NewPrimaryDomainId, err = s.domainID(command.Context(), successor); err != nil {
			return nil, err
		}
	}
	return change(command.Context(), s, s.domains.RemoveDomain, request)
}

// finishDomain ends a command that has set a domain in motion: it waits if the
// user asked for it, and prints the domain as it was seen last, even when the
// wait ended badly.
func (a *app) finishDomain(command *cobra.Command, s *session, flags waitFlags, goal goal,
	begun *lifecyclev1.GetDomainResponse,
) error {
	if !flags.wait {
		hint(command, "follow it with: siteplane domain get %s", domainArgument(begun.GetDomain()))
		return a.printDomain(command, s, begun, "")
	}
	last, waitErr := waitFor(command.Context(), a.deps, command.ErrOrStderr(), domainSubject(s), flags.timeout, goal, begun)
	if err := a.printDomain(command, s, last, ""); err != nil {
		return err
	}
	return waitErr
}

func (a *app) printDomain(command *cobra.Command, s *session, found *lifecyclev1.GetDomainResponse, checked string) error {
	view := &domainView{found: found, checked: checked, publicPort: s.config.PublicPort, now: a.deps.Now()}
	return a.print(command, view)
}

// claimed reports whether the site still answers, or will, under a domain.
func claimed(domain *lifecyclev1.Domain) bool {
	switch domain.GetStatus() {
	case lifecyclev1.DomainStatus_DOMAIN_STATUS_RELEASING, lifecyclev1.DomainStatus_DOMAIN_STATUS_RELEASED:
		return false
	}
	return true
}
