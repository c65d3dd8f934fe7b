package apply

import (
	"cmp"
	"context"
	"errors"
	"path/filepath"
	"slices"
	"sync/atomic"

	"github.com/siteplane/siteplane/services/edge-agent/internal/generation"
	"github.com/siteplane/siteplane/services/edge-agent/internal/render"
	"github.com/siteplane/siteplane/services/edge-agent/internal/snapshot"
	"github.com/siteplane/siteplane/services/edge-agent/internal/unified"
)

// Preview says what an apply would change in the files of this host. It has
// nothing that could change any: no nginx, and of the disk a reader. It waits for
// no apply, and none waits for it.
type Preview struct {
	draft draft
	held  *atomic.Pointer[snapshot.Snapshot]
	// turn holds one token: two renderings at a time cost twice the memory.
	turn chan struct{}
}

// FileDiff is how one file would change.
type FileDiff struct {
	// Path below the directory of the agent.
	Path string
	unified.Diff
}

// mostOfFile bounds the text that is sent about one file.
const mostOfFile = 64 << 10

// Preview returns a preview of applies of this Applier.
func (a *Applier) Preview() *Preview {
	return &Preview{draft: a.draft(), held: &a.lastGood, turn: make(chan struct{}, 1)}
}

// Files tells each how one file would change, in the order of their names. What
// nginx would say of the content is not known without asking it, so a site that
// nginx would refuse is in the files; one that cannot be rendered is as an apply
// would leave it. Errors: snapshot.ErrNeeded, a *render.InvalidSiteError, those of
// the disk, of ctx and of each.
func (p *Preview) Files(ctx context.Context, change snapshot.Change, each func(FileDiff) error) error {
	select {
	case p.turn <- struct{}{}:
		defer func() { <-p.turn }()
	case <-ctx.Done():
		return ctx.Err()
	}
	held := p.held.Load()
	next, err := snapshot.Next(held, change)
	if err != nil {
		return err
	}
	after, err := p.renderGood(cmp.Or(held, snapshot.Empty()), next)
	if err != nil {
		return err
	}
	before, err := p.draft.files.Files()
	if err != nil {
		return err
	}
	return tellDiffs(ctx, before, after, each)
}

// renderGood renders next without what cannot be rendered, as an apply does.
func (p *Preview) renderGood(held, next *snapshot.Snapshot) ([]generation.File, error) {
	rendered, err := p.draft.render(next)
	if t := newTrial(held, next); errors.As(err, new(*render.InvalidSiteError)) && t.settle() {
		rendered, err = p.draft.render(t.next)
	}
	if err != nil {
		return nil, err
	}
	return p.draft.complete(rendered), nil
}

func tellDiffs(ctx context.Context, before, after []generation.File, each func(FileDiff) error) error {
	was, is := byName(before), byName(after)
	for _, name := range namesOf(before, after) {
		if err := ctx.Err(); err != nil {
			return err
		}
		path := filepath.Join(generation.LinkName, name)
		from, to := unified.Text{Name: nowhere}, unified.Text{Name: nowhere}
		if file, ok := was[name]; ok {
			from = unified.Text{Name: "a/" + path, Data: file.Data}
		}
		if file, ok := is[name]; ok {
			to = unified.Text{Name: "b/" + path, Data: file.Data}
		}
		diff := unified.Compare(from, to, mostOfFile)
		if diff.Text == "" {
			continue
		}
		if err := each(FileDiff{Path: path, Diff: diff}); err != nil {
			return err
		}
	}
	return nil
}

// nowhere is the name of a file that is not there, as patch knows it.
const nowhere = "/dev/null"

func byName(files []generation.File) map[string]generation.File {
	named := make(map[string]generation.File, len(files))
	for _, file := range files {
		named[file.Name] = file
	}
	return named
}

func namesOf(before, after []generation.File) []string {
	var names []string
	for _, file := range slices.Concat(before, after) {
		names = append(names, file.Name)
	}
	slices.Sort(names)
	return slices.Compact(names)
}
