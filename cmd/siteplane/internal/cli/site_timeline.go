package cli

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
)

// detailLength is how much of an answer from outside a row shows; JSON has it
// all.
const detailLength = 60

func (a *app) siteTimeline() *cobra.Command {
	return &cobra.Command{
		Use:   "timeline SITE",
		Short: "Show everything that happened to a site, oldest first",
		Args:  exactly("SITE"),
		RunE: a.connected(func(command *cobra.Command, s *session, args []string) error {
			id, err := s.siteID(command.Context(), args[0])
			if err != nil {
				return err
			}
			timeline, err := call(command.Context(), s, callTimeout, s.sites.GetSiteTimeline,
				&lifecyclev1.GetSiteTimelineRequest{SiteId: id})
			if err != nil {
				return err
			}
			return a.print(command, &timelineView{timeline: timeline})
		}),
	}
}

// timelineView shows a timeline with times relative to its first entry.
type timelineView struct {
	timeline *lifecyclev1.GetSiteTimelineResponse
}

func (v *timelineView) json() (json.RawMessage, error) { return protoJSON(v.timeline) }

func (v *timelineView) write(p *page) {
	rows := [][]string{{"TIME", "OBJECT", "WHAT", "DURATION", "DETAIL", "TRACE"}}
	entries := v.timeline.GetEntries()
	if len(entries) == 0 {
		p.table(rows...)
		return
	}
	first := entries[0].GetTime().AsTime()
	for _, entry := range entries {
		rows = append(rows, timelineRow(entry, first))
	}
	p.printf("from %s", first.Format(time.RFC3339Nano))
	p.table(rows...)
}

func timelineRow(entry *lifecyclev1.TimelineEntry, first time.Time) []string {
	row := []string{"+" + seconds(entry.GetTime().AsTime().Sub(first)), entry.GetObjectId()}
	switch what := entry.GetWhat().(type) {
	case *lifecyclev1.TimelineEntry_Status:
		row = append(row, changeLine(what.Status), "", shorten(what.Status.GetReason(), detailLength))
	case *lifecyclev1.TimelineEntry_Step:
		row = append(row, stepLine(entry.GetOperationKind(), what.Step), stepDuration(what.Step), stepDetail(what.Step))
	default:
		row = append(row, "", "", "")
	}
	return append(row, entry.GetTraceId()[:min(8, len(entry.GetTraceId()))])
}

func changeLine(change *lifecyclev1.StatusChange) string {
	return fmt.Sprintf("%s -> %s (%s)", orDash(change.GetFrom()), change.GetTo(), change.GetEvent())
}

func stepLine(kind string, step *lifecyclev1.StepEntry) string {
	line := fmt.Sprintf("%s / %s %s", orDash(kind), step.GetStep(), stepPhase(step.GetPhase()))
	if step.GetResult() != "" {
		line += " " + step.GetResult()
	}
	if step.GetAttempt() > 1 {
		line += fmt.Sprintf(" (attempt %d)", step.GetAttempt())
	}
	return line
}

func stepDuration(step *lifecyclev1.StepEntry) string {
	if step.GetDuration() == nil {
		return ""
	}
	return seconds(step.GetDuration().AsDuration())
}

func stepDetail(step *lifecyclev1.StepEntry) string {
	detail := step.GetMessage()
	if answer := step.GetExternalResponse(); answer != "" {
		if detail != "" {
			detail += " "
		}
		detail += answer
	}
	return shorten(detail, detailLength)
}
