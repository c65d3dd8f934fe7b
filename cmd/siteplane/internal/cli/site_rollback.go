package cli

import (
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/proto"

	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
)

func (a *app) siteRollback() *cobra.Command {
	waiting, to := waitFlags{}, int64(0)
	command := &cobra.Command{
		Use:   "rollback SITE",
		Short: "Want an earlier spec again, by default the one before",
		Long: "Want an earlier spec again, by default that of the newest revision before the wanted one\n" +
			"that is not the same. It becomes a new revision; `site diff` shows what would change.",
		Example: "  siteplane site rollback shop --wait\n" +
			"  siteplane site rollback shop --to 3",
		Args: exactly("SITE"),
	}
	command.Flags().Int64Var(&to, "to", 0, "`REVISION` whose spec is wanted again (default the one before)")
	a.changing(command, func(command *cobra.Command, s *session, args []string) error {
		id, err := s.siteID(command.Context(), args[0])
		if err != nil {
			return err
		}
		number, err := rollbackTo(command, s, id, to, a.deps.Now())
		if err != nil {
			return err
		}
		made, err := change(command.Context(), s, s.sites.RollbackSite, &lifecyclev1.RollbackSiteRequest{SiteId: id, Revision: number})
		if err != nil {
			return advise(err, lifecyclev1.ErrorReason_ERROR_REASON_NOT_FOUND, "`siteplane site revisions "+args[0]+"` shows those there are")
		}
		return a.afterRevision(command, s, waiting, snapshot(made))
	})
	waiting.addTo(command, "new revision", "proved by the edges")
	command.PreRunE = func(command *cobra.Command, _ []string) error {
		if command.Flags().Changed("to") && to < 1 {
			return &usageError{errors.New("--to must be the number of a revision")}
		}
		return waiting.check(command)
	}
	return command
}

// rollbackTo is the number of the revision that is wanted again. One that nobody
// named is said.
func rollbackTo(command *cobra.Command, s *session, siteID string, named int64, now time.Time) (int64, error) {
	if named != 0 {
		return named, nil
	}
	before, err := revisionBefore(command.Context(), s, siteID)
	if err != nil {
		return 0, err
	}
	hint(command, "back to revision %d, made %s; to repeat this command add --to %d", before.GetNumber(),
		moment(before.GetCreateTime(), now), before.GetNumber())
	return before.GetNumber(), nil
}

func revisionBefore(ctx context.Context, s *session, siteID string) (*lifecyclev1.SiteRevision, error) {
	revisions, err := listRevisions(ctx, s, siteID, listFlags{})
	if err != nil {
		return nil, err
	}
	latest, err := wantedRevision(revisions)
	if err != nil {
		return nil, err
	}
	return previousRevision(revisions, latest)
}

// previousRevision is the newest revision before another whose spec is not the same.
// Revisions come newest first.
func previousRevision(revisions []*lifecyclev1.SiteRevision, of *lifecyclev1.SiteRevision) (*lifecyclev1.SiteRevision, error) {
	for _, revision := range revisions {
		if revision.GetNumber() < of.GetNumber() && !proto.Equal(revision.GetSpec(), of.GetSpec()) {
			return revision, nil
		}
	}
	return nil, &missingRevisionError{what: "there is no revision before the wanted one that differs from it"}
}
