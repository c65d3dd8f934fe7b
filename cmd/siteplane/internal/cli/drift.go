package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"strings"
	"time"

	"github.com/spf13/cobra"

	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
)

const (
	// fewDrifts is how many drifts a list shows if it was not told.
	fewDrifts = 100
	// manyDrifts is how many the server gives at most.
	manyDrifts = 1000
)

// drift is the command group for drifts.
func (a *app) drift() *cobra.Command {
	command := Group(&cobra.Command{
		Use:   "drift",
		Short: "See where edges and tunnels differ from what they have proved (platform admins)",
	})
	command.AddCommand(a.driftList())
	return command
}

func (a *app) driftList() *cobra.Command {
	request, diffs := &lifecyclev1.ListDriftsRequest{}, false
	command := &cobra.Command{
		Use:   "list",
		Short: "List the drifts that are open, newest first",
		Args:  Args(cobra.NoArgs),
		RunE: a.connected(func(command *cobra.Command, s *session, _ []string) error {
			list, err := call(command.Context(), s, callTimeout, s.infrastructure.ListDrifts, request)
			if err != nil {
				return err
			}
			drifts := list.GetDrifts()
			if request.GetPageSize() > 0 && len(drifts) == int(request.GetPageSize()) {
				hint(command, "there may be more than these %d; --limit shows up to %d", len(drifts), manyDrifts)
			}
			return a.print(command, &driftListView{drifts: drifts, diffs: diffs, now: a.deps.Now()})
		}),
	}
	command.Flags().BoolVar(&request.All, "all", false, "list those that are over, too")
	command.Flags().BoolVar(&diffs, "diff", false, "show below the list how each file differs from what was applied")
	command.Flags().Int32Var(&request.PageSize, "limit", fewDrifts, "list the newest `N`")
	return command
}

// driftsOf are the open drifts of one edge or tunnel.
func driftsOf(ctx context.Context, s *session, targetID string) ([]*lifecyclev1.Drift, error) {
	list, err := call(ctx, s, callTimeout, s.infrastructure.ListDrifts, &lifecyclev1.ListDriftsRequest{PageSize: manyDrifts})
	var of []*lifecyclev1.Drift
	for _, drift := range list.GetDrifts() {
		if drift.GetTargetId() == targetID {
			of = append(of, drift)
		}
	}
	return of, err
}

// driftListView shows drifts as one table or one JSON object.
type driftListView struct {
	drifts []*lifecyclev1.Drift
	// diffs says that what files differ by is shown, too.
	diffs bool
	now   time.Time
}

func (v *driftListView) json() (json.RawMessage, error) { return listJSON("drifts", v.drifts) }

func (v *driftListView) write(p *page) {
	rows := [][]string{{"FOUND", "TARGET", "KIND", "PLACE", "OWNER", "STATE", "DETAIL"}}
	for _, drift := range v.drifts {
		rows = append(rows, []string{
			age(drift.GetFindTime(), v.now), drift.GetTargetId(), drift.GetKind(), drift.GetPlace(),
			drift.GetOwner(), driftState(drift), shorten(drift.GetDetail(), detailLength),
		})
	}
	p.table(rows...)
	for _, drift := range v.drifts {
		if v.diffs && drift.GetDiff() != "" {
			p.blank()
			p.printf("%s %s of %s, found %s", drift.GetKind(), drift.GetPlace(), drift.GetTargetId(), moment(drift.GetFindTime(), v.now))
			writeDiff(p, "  ", drift.GetDiff())
		}
	}
}

// driftState says whether a drift is open, whose it is, or how it ended.
func driftState(drift *lifecyclev1.Drift) string {
	switch {
	case drift.GetCloseTime() != nil:
		return drift.GetOutcome()
	case drift.GetForeign():
		return "open, not ours"
	}
	return "open"
}

// writeDrifts adds everything about the open drifts of an edge or tunnel; open is
// how many there are.
func writeDrifts(p *page, drifts []*lifecyclev1.Drift, open int, now time.Time) {
	for _, drift := range drifts {
		p.blank()
		p.printf("%s", strings.TrimSpace(drift.GetKind()+" "+drift.GetPlace()))
		p.printf("  wrong: %s", drift.GetDetail())
		p.printf("  likely cause: %s", cmp.Or(drift.GetCause(), "not known"))
		p.printf("  since: %s", cmp.Or(moment(drift.GetSince(), now), "before "+moment(drift.GetFindTime(), now)))
		if drift.GetOwner() != "" {
			p.printf("  owner now: %s", drift.GetOwner())
		}
		if drift.GetForeign() {
			p.printf("  it is somebody else's, and left alone")
		}
		writeDiff(p, "  ", drift.GetDiff())
	}
	if rest := open - len(drifts); len(drifts) > 0 && rest > 0 {
		p.blank()
		p.printf("%d more are open", rest)
	}
}
