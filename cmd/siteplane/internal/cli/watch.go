package cli

import (
	"cmp"

	"github.com/spf13/cobra"

	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
)

const (
	watchLong = "Show what happens, as it happens, until it is interrupted. A stream that breaks is taken up\n" +
		"where it broke, so that nothing is missed. With -o json each line is one event."
	sinceUsage = "begin after this `CURSOR`, or with `start` for all that is kept (default now)"
)

func (a *app) watch() *cobra.Command {
	flags := &eventFlags{}
	command := &cobra.Command{
		Use:   "watch",
		Short: "Show what happens, as it happens",
		Long:  watchLong,
		Example: "  siteplane watch\n" +
			"  siteplane watch --type 'site.*' --object shop\n" +
			"  siteplane watch --since start -o json",
		Args: Args(cobra.NoArgs),
		RunE: a.connected(func(command *cobra.Command, s *session, _ []string) error {
			return a.watchEvents(command, s, flags)
		}),
	}
	flags.addTo(command, sinceUsage)
	return command
}

func (a *app) siteWatch() *cobra.Command {
	flags := &eventFlags{}
	command := &cobra.Command{
		Use:   "watch SITE",
		Short: "Show what happens to a site and its domains, as it happens",
		Long:  watchLong,
		Args:  exactly("SITE"),
		RunE: a.connected(func(command *cobra.Command, s *session, args []string) error {
			id, err := s.siteID(command.Context(), args[0])
			if err != nil {
				return err
			}
			flags.object = id
			return a.watchEvents(command, s, flags)
		}),
	}
	flags.addSome(command, sinceUsage)
	return command
}

func (a *app) watchEvents(command *cobra.Command, s *session, flags *eventFlags) error {
	filter, err := flags.filter(command.Context(), s)
	if err != nil {
		return err
	}
	w := &watcher{
		deps: a.deps, session: s, request: &lifecyclev1.WatchEventsRequest{Cursor: flags.since, Filter: filter},
		show: func(event *lifecyclev1.Event) error {
			return a.printNext(command, &eventView{event: event, tenant: flags.everywhere})
		},
		say: func(format string, args ...any) { hint(command, format, args...) },
	}
	return w.run(command.Context())
}

// watchEndError is a watch that the user ended.
type watchEndError struct {
	// cursor is where to go on; empty when nothing came.
	cursor string
	err    error
}

func (e *watchEndError) Error() string { return "interrupted" }

func (e *watchEndError) Unwrap() error { return e.err }

func (e *watchEndError) problem() problem {
	return problem{text: e.Error(), next: "go on where it ended with --since " + cmp.Or(e.cursor, "start")}
}
