package cli

import (
	"github.com/spf13/cobra"

	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
)

// site is the command group for sites.
func (a *app) site() *cobra.Command {
	command := Group(&cobra.Command{
		Use:   "site",
		Short: "Create, change, follow and delete sites",
		Long:  "Create, change, follow and delete sites. SITE is a site's id or its slug.",
	})
	command.AddCommand(a.siteCreate(), a.siteUpdate(), a.siteGet(), a.siteList(), a.siteRevisions(), a.siteDiff(),
		a.siteRollback(), a.siteTimeline(), a.siteWatch(), a.siteRetry(), a.siteSetPrimary(), a.siteDelete())
	return command
}

func (a *app) siteGet() *cobra.Command {
	return &cobra.Command{
		Use:   "get SITE",
		Short: "Show a site: how far it has come, what is missing, who must act",
		Args:  exactly("SITE"),
		RunE: a.connected(func(command *cobra.Command, s *session, args []string) error {
			id, err := s.siteID(command.Context(), args[0])
			if err != nil {
				return err
			}
			found, err := call(command.Context(), s, callTimeout, s.sites.GetSite, &lifecyclev1.GetSiteRequest{SiteId: id})
			if err != nil {
				return err
			}
			return a.printSite(command, s, found, domainsOf(command, s, found.GetSite()))
		}),
	}
}

// domainsOf are all domains of a site that has one. They go beside what was
// asked for: the site is shown without them when they cannot be had.
func domainsOf(command *cobra.Command, s *session, site *lifecyclev1.Site) []*lifecyclev1.Domain {
	if site.GetPrimaryDomain() == nil {
		return nil
	}
	domains, err := listDomains(command.Context(), s, site.GetSiteId(), selectFlags{})
	if err != nil {
		hint(command, "whether it has more domains is not known: %v", err)
	}
	return domains
}

func (a *app) siteRetry() *cobra.Command {
	waiting := waitFlags{}
	command := &cobra.Command{
		Use:   "retry SITE",
		Short: "Walk a site in ERROR through provisioning again",
		Args:  exactly("SITE"),
	}
	a.changing(command, func(command *cobra.Command, s *session, args []string) error {
		id, err := s.siteID(command.Context(), args[0])
		if err != nil {
			return err
		}
		retried, err := change(command.Context(), s, s.sites.RetrySite, &lifecyclev1.RetrySiteRequest{SiteId: id})
		if err != nil {
			return err
		}
		return a.finishSite(command, s, waiting, untilActive(), snapshot(retried))
	})
	return waiting.addTo(command, "site", "ACTIVE or waits for you")
}

func (a *app) siteDelete() *cobra.Command {
	waiting := waitFlags{}
	command := &cobra.Command{
		Use:   "delete SITE",
		Short: "Take a site and its domains off every edge",
		Args:  exactly("SITE"),
	}
	a.changing(command, func(command *cobra.Command, s *session, args []string) error {
		id, err := s.siteID(command.Context(), args[0])
		if err != nil {
			return err
		}
		deleted, err := change(command.Context(), s, s.sites.DeleteSite, &lifecyclev1.DeleteSiteRequest{SiteId: id})
		if err != nil {
			return err
		}
		return a.finishSite(command, s, waiting, untilGone("DELETED"), snapshot(deleted))
	})
	return waiting.addTo(command, "site", "DELETED")
}

// finishSite ends a command that has set a site in motion: it waits if the user
// asked for it, and prints the site as it was seen last, even when the wait
// ended badly.
func (a *app) finishSite(command *cobra.Command, s *session, flags waitFlags, goal goal,
	begun *lifecyclev1.GetSiteResponse,
) error {
	if !flags.wait {
		hint(command, "follow it with: siteplane site get %s", begun.GetSite().GetSiteId())
		return a.printSite(command, s, begun, nil)
	}
	last, waitErr := waitFor(command.Context(), a.deps, command.ErrOrStderr(), siteSubject(s), flags.timeout, goal, begun)
	if err := a.printSite(command, s, last, nil); err != nil {
		return err
	}
	return waitErr
}

func (a *app) printSite(command *cobra.Command, s *session, found *lifecyclev1.GetSiteResponse, domains []*lifecyclev1.Domain) error {
	view := &siteView{found: found, domains: domains, publicPort: s.config.PublicPort, now: a.deps.Now()}
	return a.print(command, view)
}

// snapshot is the answer of a call that changed a site, in the shape of
// GetSite's, so that every command prints the same.
func snapshot(changed interface {
	GetSite() *lifecyclev1.Site
	GetOperation() *lifecyclev1.Operation
},
) *lifecyclev1.GetSiteResponse {
	return &lifecyclev1.GetSiteResponse{Site: changed.GetSite(), Operation: changed.GetOperation()}
}

// hint prints a line that is not part of the result.
func hint(command *cobra.Command, format string, args ...any) {
	page := newPage()
	page.printf(format, args...)
	// A hint that cannot be shown is no reason to fail.
	_ = page.flush(command.ErrOrStderr())
}
