package apply

import (
	edgev1 "github.com/siteplane/siteplane/gen/siteplane/edge/v1"

	"github.com/siteplane/siteplane/services/edge-agent/internal/generation"
	"github.com/siteplane/siteplane/services/edge-agent/internal/unified"
)

const (
	// mostOfDrift bounds the diff of one drift.
	mostOfDrift = 4 << 10
	// mostCompared is of how many drifts there is one: somebody may add files by the
	// thousand.
	mostCompared = 32
	// mostOfAdded is how much is read of a file that nobody wrote for us.
	mostOfAdded = 64 << 10
	// cut ends a diff that is longer, as a line that is part of no text.
	cut = "\\ the rest is left out\n"
)

// shownDiff is the diff of a file that held what the sum says.
type shownDiff struct{ sum, diff string }

// compare adds to drifts of files how the contents differ. Who looks again finds
// the same as long as the file stays as it is, without rendering anything.
func (a *Applier) compare(drifts []Drift) {
	before, shown := a.shown, map[string]shownDiff{}
	var applied map[string]generation.File
	for i := range drifts[:min(mostCompared, len(drifts))] {
		drift := &drifts[i]
		if drift.sum == "" {
			continue
		}
		known, ok := before[drift.Path]
		if !ok || known.sum != drift.sum {
			if applied == nil {
				applied = a.applied()
			}
			known = shownDiff{sum: drift.sum, diff: a.diffOf(drift, applied)}
		}
		shown[drift.Path], drift.Diff = known, known.diff
	}
	a.shown = shown
}

// applied are the files as they were applied, as far as a rendering by this agent
// still gives them.
func (a *Applier) applied() map[string]generation.File {
	applied := map[string]generation.File{}
	rendered, err := a.render(a.held)
	if err != nil {
		return applied
	}
	for _, file := range a.complete(rendered) {
		if generation.Sum(file.Data) == a.record.Files[file.Name] {
			applied[generation.Below(a.record.Want.Generation, file.Name)] = file
		}
	}
	return applied
}

// diffOf returns an empty text where one side is not known.
func (a *Applier) diffOf(drift *Drift, applied map[string]generation.File) string {
	from, to, most := unified.Text{Name: nowhere}, unified.Text{Name: drift.Path}, int64(mostOfAdded)
	if drift.Kind == edgev1.DriftKind_DRIFT_KIND_FILE_CHANGED {
		file, ok := applied[drift.Path]
		if !ok {
			return ""
		}
		from, most = unified.Text{Name: drift.Path, Data: file.Data}, int64(2*len(file.Data)+mostOfAdded)
	}
	var err error
	if to.Data, err = a.config.Generations.Reader().Read(drift.Path, most); err != nil {
		return ""
	}
	diff := unified.Compare(from, to, mostOfDrift-len(cut))
	if diff.Truncated || int64(len(to.Data)) == most {
		diff.Text += cut
	}
	return diff.Text
}
