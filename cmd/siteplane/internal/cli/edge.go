package cli

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
)

// edge is the command group for edges.
func (a *app) edge() *cobra.Command {
	command := Group(&cobra.Command{
		Use:   "edge",
		Short: "See what the edge hosts have proved, refuse, and how they drifted (platform admins)",
		Long:  "See what the edge hosts have proved, refuse, and how they drifted. EDGE is an edge's id or its name.",
	})
	command.AddCommand(edges().commands(a)...)
	return command
}

func edges() *targetKind[*lifecyclev1.Edge] {
	return &targetKind[*lifecyclev1.Edge]{
		name: "edge", argument: "EDGE", id: (*lifecyclev1.Edge).GetEdgeId,
		list: func(ctx context.Context, s *session) ([]*lifecyclev1.Edge, error) {
			list, err := call(ctx, s, callTimeout, s.infrastructure.ListEdges, &lifecyclev1.ListEdgesRequest{})
			return list.GetEdges(), err
		},
		facts: func(one *lifecyclev1.Edge) [][]string {
			return [][]string{
				{"Agent", one.GetAddress()},
				{"Visitors", strings.Join(one.GetPublicAddresses(), ", ")},
				{"nginx", one.GetNginxVersion()},
			}
		},
		refusals: func(one *lifecyclev1.Edge) int { return len(one.GetPins()) },
		more:     writePins,
	}
}

// writePins adds the table of what an edge refuses.
func writePins(p *page, one *lifecyclev1.Edge, now time.Time) {
	if len(one.GetPins()) == 0 {
		return
	}
	rows := [][]string{{"SITE", "REVISION", "AGE", "WHY"}}
	for _, pin := range one.GetPins() {
		rows = append(rows, []string{pin.GetSiteId(), fmt.Sprint(pin.GetRevision()), age(pin.GetCreateTime(), now), pin.GetMessage()})
	}
	p.blank()
	p.printf("Revisions that it refuses; it serves the one before, or nothing")
	p.table(rows...)
}
