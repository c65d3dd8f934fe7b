package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
)

func (a *app) siteRevisions() *cobra.Command {
	flags := listFlags{}
	command := &cobra.Command{
		Use:     "revisions SITE",
		Short:   "List the revisions of a site's spec, newest first, and who made them",
		Args:    exactly("SITE"),
		PreRunE: func(*cobra.Command, []string) error { return flags.check() },
		RunE: a.connected(func(command *cobra.Command, s *session, args []string) error {
			id, err := s.siteID(command.Context(), args[0])
			if err != nil {
				return err
			}
			revisions, err := listRevisions(command.Context(), s, id, flags)
			if err != nil {
				return err
			}
			return a.print(command, &revisionListView{revisions: revisions, now: a.deps.Now()})
		}),
	}
	return flags.addTo(command, "revisions")
}

// listRevisions returns the revisions of all pages, newest first, up to the limit.
func listRevisions(ctx context.Context, s *session, siteID string, flags listFlags) ([]*lifecyclev1.SiteRevision, error) {
	return allPages(flags.limit, func(token string) ([]*lifecyclev1.SiteRevision, string, error) {
		page, err := call(ctx, s, callTimeout, s.sites.ListSiteRevisions,
			&lifecyclev1.ListSiteRevisionsRequest{SiteId: siteID, PageSize: flags.pageSize, PageToken: token})
		return page.GetRevisions(), page.GetNextPageToken(), err
	})
}

// revisionNumbered is the revision with a number.
func revisionNumbered(revisions []*lifecyclev1.SiteRevision, number int64) (*lifecyclev1.SiteRevision, error) {
	for _, revision := range revisions {
		if revision.GetNumber() == number {
			return revision, nil
		}
	}
	return nil, &missingRevisionError{what: fmt.Sprintf("there is no revision %d", number)}
}

// wantedRevision is the one that the edges shall hold.
func wantedRevision(revisions []*lifecyclev1.SiteRevision) (*lifecyclev1.SiteRevision, error) {
	for _, revision := range revisions {
		if revision.GetWanted() {
			return revision, nil
		}
	}
	return nil, &missingRevisionError{what: "the site has no revision any more"}
}

// missingRevisionError is a revision that a site does not have.
type missingRevisionError struct{ what string }

func (e *missingRevisionError) Error() string { return e.what }

func (e *missingRevisionError) exitCode() int { return ExitNotFound }

func (e *missingRevisionError) problem() problem {
	return problem{text: e.what, next: "`siteplane site revisions SITE` shows those there are"}
}

// revisionListView shows revisions as one table or one JSON object.
type revisionListView struct {
	revisions []*lifecyclev1.SiteRevision
	now       time.Time
}

func (v *revisionListView) json() (json.RawMessage, error) { return listJSON("revisions", v.revisions) }

func (v *revisionListView) write(p *page) {
	rows := [][]string{{"REVISION", "STATE", "REPEATS", "BACKEND", "ROUTES", "ACTOR", "AGE"}}
	for _, revision := range v.revisions {
		rows = append(rows, []string{
			strconv.FormatInt(revision.GetNumber(), 10), revisionState(revision), positive(revision.GetRollbackOf()),
			shorten(backendLine(revision.GetSpec()), detailLength), positive(int64(len(revision.GetSpec().GetRoutes()))),
			revision.GetActor(), age(revision.GetCreateTime(), v.now),
		})
	}
	p.table(rows...)
}

// revisionState says what a revision is to the edges; empty for a past one.
func revisionState(revision *lifecyclev1.SiteRevision) string {
	switch {
	case revision.GetWanted() && revision.GetConfirmed():
		return "active"
	case revision.GetWanted():
		return "wanted"
	case revision.GetConfirmed():
		return "on the edges"
	}
	return ""
}

// backendLine is what answers for a site, in one line.
func backendLine(spec *lifecyclev1.SiteSpec) string {
	var lines []string
	for _, fact := range backendFacts(&lifecyclev1.SiteSpec{Backend: spec.GetBackend()}) {
		lines = append(lines, fact[1])
	}
	return strings.Join(lines, ", ")
}
