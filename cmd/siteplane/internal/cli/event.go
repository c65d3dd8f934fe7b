package cli

import (
	"context"
	"errors"
	"strings"

	"github.com/spf13/cobra"

	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
)

const (
	// fewEntries is how many events or audit entries a list shows if it was not told.
	fewEntries = 100
	// manyEntries is how many the server gives in one answer.
	manyEntries = 1000
)

// event is the command group for what has happened.
func (a *app) event() *cobra.Command {
	command := Group(&cobra.Command{
		Use:   "event",
		Short: "See what has happened in the last 30 days",
	})
	command.AddCommand(a.eventList())
	return command
}

func (a *app) eventList() *cobra.Command {
	flags, limit := &eventFlags{}, fewEntries
	command := &cobra.Command{
		Use:   "list",
		Short: "List what has happened, oldest first",
		Args:  Args(cobra.NoArgs),
		PreRunE: func(*cobra.Command, []string) error {
			if limit < 1 {
				return &usageError{errors.New("--limit must be more than 0")}
			}
			return nil
		},
		RunE: a.connected(func(command *cobra.Command, s *session, _ []string) error {
			filter, err := flags.filter(command.Context(), s)
			if err != nil {
				return err
			}
			list, err := listEvents(command.Context(), s, filter, flags.since, limit)
			if err != nil {
				return err
			}
			if list.GetMore() {
				hint(command, "there are more; go on with --since %s", list.GetNextCursor())
			}
			return a.print(command, &eventListView{list: list, tenants: flags.everywhere})
		}),
	}
	flags.addTo(command, "begin after this `CURSOR` (default with the oldest event kept)")
	command.Flags().IntVar(&limit, "limit", fewEntries, "stop after `N` events")
	return command
}

// listEvents returns what has happened since a cursor, up to the limit.
func listEvents(ctx context.Context, s *session, filter *lifecyclev1.EventFilter, cursor string, limit int) (*lifecyclev1.ListEventsResponse, error) {
	all := &lifecyclev1.ListEventsResponse{NextCursor: cursor, More: true}
	for all.GetMore() && len(all.GetEvents()) < limit {
		page, err := call(ctx, s, callTimeout, s.events.ListEvents, &lifecyclev1.ListEventsRequest{
			Cursor: all.GetNextCursor(), Filter: filter, PageSize: int32(min(limit-len(all.GetEvents()), manyEntries)),
		})
		if err != nil {
			return nil, err
		}
		if page.GetMore() && page.GetNextCursor() == all.GetNextCursor() {
			return nil, errors.New("the server gave the same cursor twice")
		}
		all.Events = append(all.Events, page.GetEvents()...)
		all.NextCursor, all.More = page.GetNextCursor(), page.GetMore()
	}
	return all, nil
}

// eventFlags say which events are meant.
type eventFlags struct {
	types         []string
	object, since string
	everywhere    bool
}

const allTenantsUsage = "of every tenant, and of the installation itself (platform admins)"

func (f *eventFlags) addTo(command *cobra.Command, sinceUsage string) {
	f.addSome(command, sinceUsage)
	command.Flags().StringVar(&f.object, "object", "", "only those of this `SITE|DOMAIN|ID`; of a site, its domains' too")
	command.Flags().BoolVar(&f.everywhere, "all-tenants", false, "those "+allTenantsUsage)
}

// addSome adds the flags of a command that names the object otherwise.
func (f *eventFlags) addSome(command *cobra.Command, sinceUsage string) {
	command.Flags().StringArrayVar(&f.types, "type", nil, "only events of this `TYPE`, for instance site.status_changed or domain.*; repeat for more")
	command.Flags().StringVar(&f.since, "since", "", sinceUsage)
}

func (f *eventFlags) filter(ctx context.Context, s *session) (*lifecyclev1.EventFilter, error) {
	id, err := s.objectID(ctx, f.object)
	if err != nil {
		return nil, err
	}
	return &lifecyclev1.EventFilter{Types: f.types, ObjectId: id, Installation: f.everywhere}, nil
}

// objectID is the id of the site or domain that somebody names by id, slug or
// hostname, or any other id. Only ids have underscores, and only hostnames dots.
func (s *session) objectID(ctx context.Context, named string) (string, error) {
	switch {
	case named == "", strings.Contains(named, "_"):
		return named, nil
	case strings.Contains(named, "."):
		return s.domainID(ctx, named)
	}
	return s.siteID(ctx, named)
}
