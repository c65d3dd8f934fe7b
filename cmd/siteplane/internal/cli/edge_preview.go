package cli

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
)

// previewTimeout bounds a call that has all files of an edge rendered.
const previewTimeout = time.Minute

func (a *app) edgePreview() *cobra.Command {
	return &cobra.Command{
		Use:   "preview EDGE",
		Short: "Show how the files of an edge would change if it were sent now what it shall hold",
		Long: "Show how the files of an edge would change if it were sent now what it shall hold, as unified\n" +
			"diffs, and change nothing. What somebody edited by hand is part of it. nginx is not asked: a site\n" +
			"that it would refuse is shown as if it took it. The exit code is 0 when no file would change, and\n" +
			"13 when some would.",
		Args: exactly("EDGE"),
		RunE: a.connected(func(command *cobra.Command, s *session, args []string) error {
			one, err := edges().find(command.Context(), s, args[0])
			if err != nil {
				return err
			}
			preview, err := call(command.Context(), s, previewTimeout, s.infrastructure.PreviewEdge, &lifecyclev1.PreviewEdgeRequest{EdgeId: one.GetEdgeId()})
			if err != nil {
				return err
			}
			if err := a.print(command, &previewView{preview: preview}); err != nil || len(preview.GetFiles()) == 0 {
				return err
			}
			return &changesError{files: len(preview.GetFiles())}
		}),
	}
}

// changesError says that files would change.
type changesError struct{ files int }

func (e *changesError) Error() string { return fmt.Sprintf("%d files would change", e.files) }

func (e *changesError) exitCode() int { return ExitChanges }

func (e *changesError) problem() problem { return problem{text: e.Error()} }

// previewView shows how files would change.
type previewView struct {
	preview *lifecyclev1.PreviewEdgeResponse
}

func (v *previewView) json() (json.RawMessage, error) { return protoJSON(v.preview) }

func (v *previewView) write(p *page) {
	files := v.preview.GetFiles()
	if len(files) == 0 {
		p.printf("no file would change")
		return
	}
	rows := [][]string{{"FILE", "ADDED", "REMOVED"}}
	for _, file := range files {
		rows = append(rows, []string{file.GetPath(), fmt.Sprint(file.GetAdded()), fmt.Sprint(file.GetRemoved())})
	}
	p.table(rows...)
	if v.preview.GetSiteCount() > 0 {
		p.blank()
		v.writeSites(p)
	}
	for _, file := range files {
		p.blank()
		writeDiff(p, "", file.GetDiff())
		if file.GetTruncated() {
			p.printf("the rest of %s is left out", file.GetPath())
		}
	}
}

// writeSites names what would be sent.
func (v *previewView) writeSites(p *page) {
	const few = 10
	sites := v.preview.GetSiteIds()
	p.printf("Sites that would be sent: %d", v.preview.GetSiteCount())
	for _, site := range sites[:min(few, len(sites))] {
		p.printf("  %s", site)
	}
	if rest := int(v.preview.GetSiteCount()) - few; rest > 0 {
		p.printf("  and %d more", rest)
	}
}
