package cli

import (
	"github.com/spf13/cobra"

	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
)

// site is the command group for sites.
func (a *app) site() *cobra.Command {
	command := group(&cobra.Command{
		Use:   "site",
		Short: "Create, follow and delete sites",
	})
	command.AddCommand(a.siteCreate(), a.siteGet(), a.siteList(), a.siteTimeline(), a.siteRetry(), a.siteDelete())
	return command
}

func (a *app) siteGet() *cobra.Command {
	return &cobra.Command{
		Use:   "get ID",
		Short: "Show a site: how far it has come, what is missing, who must act",
		Args:  one("ID"),
		RunE: a.connected(func(command *cobra.Command, s *session, args []string) error {
			found, err := call(command.Context(), s, callTimeout, s.sites.GetSite,
				&lifecyclev1.GetSiteRequest{SiteId: args[0]})
			if err != nil {
				return err
			}
			return a.printSite(command, s, found)
		}),
	}
}

func (a *app) siteRetry() *cobra.Command {
	waiting := waitFlags{}
	command := &cobra.Command{
		Use:   "retry ID",
		Short: "Walk a site in ERROR through provisioning again",
		Args:  one("ID"),
		RunE: a.connected(func(command *cobra.Command, s *session, args []string) error {
			retried, err := call(command.Context(), s, callTimeout, s.sites.RetrySite,
				&lifecyclev1.RetrySiteRequest{SiteId: args[0]})
			if err != nil {
				return err
			}
			return a.finish(command, s, waiting, untilActive, snapshot(retried))
		}),
	}
	return waiting.addTo(command, "ACTIVE")
}

func (a *app) siteDelete() *cobra.Command {
	waiting := waitFlags{}
	command := &cobra.Command{
		Use:   "delete ID",
		Short: "Take a site and its domains off every edge",
		Args:  one("ID"),
		RunE: a.connected(func(command *cobra.Command, s *session, args []string) error {
			deleted, err := call(command.Context(), s, callTimeout, s.sites.DeleteSite,
				&lifecyclev1.DeleteSiteRequest{SiteId: args[0]})
			if err != nil {
				return err
			}
			return a.finish(command, s, waiting, untilDeleted, snapshot(deleted))
		}),
	}
	return waiting.addTo(command, "DELETED")
}

// finish ends a command that has set a site in motion: it waits if the user
// asked for it, and prints the site as it was seen last, even when the wait
// ended badly.
func (a *app) finish(command *cobra.Command, s *session, flags waitFlags, goal goal,
	begun *lifecyclev1.GetSiteResponse,
) error {
	if !flags.wait {
		hint(command, "follow it with: siteplane site get %s", begun.GetSite().GetSiteId())
		return a.printSite(command, s, begun)
	}
	last, waitErr := a.waitFor(command, s, flags.timeout, goal, begun)
	if err := a.printSite(command, s, last); err != nil {
		return err
	}
	return waitErr
}

func (a *app) printSite(command *cobra.Command, s *session, found *lifecyclev1.GetSiteResponse) error {
	view := &siteView{found: found, publicPort: s.config.PublicPort, now: a.deps.Now()}
	return a.format.print(command.OutOrStdout(), view)
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
