package cli

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
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
	command.AddCommand(a.edgeLabel(), a.edgeUpdate())
	command.AddCommand(a.edgeToken(), a.edgeTokens(), a.edgeRevoke(), a.edgeJoin(), a.edgeEvict())
	command.AddCommand(a.edgePreview(), a.edgeRebuild())
	return command
}

func edges() *targetKind[*lifecyclev1.Edge] {
	return &targetKind[*lifecyclev1.Edge]{
		name: "edge", argument: "EDGE", id: (*lifecyclev1.Edge).GetEdgeId,
		list: func(ctx context.Context, s *session) ([]*lifecyclev1.Edge, error) {
			list, err := call(ctx, s, callTimeout, s.infrastructure.ListEdges, &lifecyclev1.ListEdgesRequest{})
			slices.SortStableFunc(list.GetEdges(), evictedLast) // the name of one may be another's by now
			return list.GetEdges(), err
		},
		facts: edgeFacts,
		columns: []column[*lifecyclev1.Edge]{
			{"REFUSES", func(one *lifecyclev1.Edge) string { return strconv.Itoa(len(one.GetPins())) }},
			{"STATE", edgeState},
			{"LABELS", func(one *lifecyclev1.Edge) string { return labelLine(one.GetLabels()) }},
		},
		look: lookAtEdge,
		more: writePins,
	}
}

// edgeFacts are the rows that only edges have.
func edgeFacts(one *lifecyclev1.Edge, now time.Time) [][]string {
	facts := [][]string{
		{"State", edgeState(one)},
		{"Agent", one.GetAddress()},
		{"Visitors", strings.Join(one.GetPublicAddresses(), ", ")},
		{"Labels", labelLine(one.GetLabels())},
		{"nginx", one.GetNginxVersion()},
		{"Renderer", one.GetRendererVersion()},
		{"Certificate", certificateLine(one, now)},
	}
	if one.GetJoinTime() != nil {
		facts = append(facts, []string{"Joined", moment(one.GetJoinTime(), now)})
	}
	if one.GetEvictTime() != nil {
		facts = append(facts, []string{"Evicted", moment(one.GetEvictTime(), now)})
	}
	return facts
}

func evictedLast(a, b *lifecyclev1.Edge) int { return cmp.Compare(a.GetState(), b.GetState()) }

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
