package apply

import (
	"context"
	"errors"
	"os"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/siteplane/siteplane/services/edge-agent/internal/generation"
	"github.com/siteplane/siteplane/services/edge-agent/internal/nginx"
	"github.com/siteplane/siteplane/services/edge-agent/internal/render"
	"github.com/siteplane/siteplane/services/edge-agent/internal/snapshot"
)

// files are a rendering with everything that was derived on the way.
type files struct {
	config    *render.Config
	rendering *render.Rendering
	want      nginx.Want
}

func (a *Applier) render(snapshot *snapshot.Snapshot) (*files, error) {
	config, err := render.New(snapshot.Sites())
	if err != nil {
		return nil, err
	}
	rendering := config.Render(a.config.Layout)
	want := nginx.Want{Generation: snapshot.Generation(), Hash: rendering.Hash}
	return &files{config: config, rendering: rendering, want: want}, nil
}

// complete returns the files of a generation with status.conf.
func (a *Applier) complete(files *files) []generation.File {
	where := func(name string) string { return a.config.Generations.Path(files.want.Generation, name) }
	includes := []string{where(render.UpstreamsFile), where(render.MapsFile), where(render.ServersFile)}
	status := render.Status(a.config.Layout, files.want.Generation, files.want.Hash, includes)
	complete := []generation.File{{Name: render.StatusFile, Data: status}}
	for _, file := range files.rendering.Files {
		complete = append(complete, generation.File(file))
	}
	return complete
}

// install makes nginx run a snapshot, or leaves everything as it was.
func (a *Applier) install(ctx context.Context, next *snapshot.Snapshot) (Timing, error) {
	var timing Timing
	var wanted *files
	var staged *generation.Staged
	number := next.Generation()
	var err error
	timing.Render, err = a.step(ctx, "render", number, func(ctx context.Context) error {
		if wanted, err = a.render(next); err != nil || a.alreadyRuns(ctx, wanted) {
			return err
		}
		staged, err = a.config.Generations.Stage(a.complete(wanted))
		return err
	})
	if err != nil || staged == nil {
		return timing, err
	}
	if timing.Test, err = a.testAndSync(ctx, wanted, staged); err != nil {
		return timing, withRollback(err, staged.Discard())
	}
	timing.Proof, err = a.swap(ctx, wanted, staged)
	return timing, err
}

// swap makes nginx run staged files, or those before.
func (a *Applier) swap(ctx context.Context, wanted *files, staged *generation.Staged) (duration, error) {
	number := wanted.want.Generation
	before, _ := a.config.Generations.Current()
	if err := a.open(); err != nil {
		return 0, withRollback(err, staged.Discard())
	}
	undo, err := staged.Swap(number)
	if err != nil {
		return 0, err
	}
	took, err := a.activate(ctx, wanted.want, nginx.Order.Whole)
	if err != nil {
		return took, withRollback(err, a.rollBack(ctx, undo))
	}
	a.prove(wanted.want, sums(a.complete(wanted)), false)
	return took, a.config.Generations.Prune(number, before)
}

// alreadyRuns makes a repeated apply harmless, and adopts a running nginx. What
// drifted is never adopted, whatever its workers say.
func (a *Applier) alreadyRuns(ctx context.Context, wanted *files) bool {
	current, ok := a.config.Generations.Current()
	if !ok || current != wanted.want.Generation || !a.onDisk(wanted) {
		return false
	}
	master, err := a.config.Nginx.Master()
	if err != nil || master == 0 || !a.config.Nginx.Running(ctx, wanted.want) {
		return false
	}
	drifts, err := a.look(ctx)
	if err != nil || len(drifts) > 0 {
		return false
	}
	if !a.record.tellsDrift() || a.record.Want != wanted.want {
		a.prove(wanted.want, sums(a.complete(wanted)), true)
	}
	return true
}

func (a *Applier) onDisk(wanted *files) bool {
	found, err := a.config.Generations.Read()
	return err == nil && sameFiles(found, a.complete(wanted))
}

func sameFiles(found, wanted []generation.File) bool {
	return len(found) == len(wanted) && !slices.ContainsFunc(wanted, func(want generation.File) bool {
		return !slices.ContainsFunc(found, func(file generation.File) bool {
			return file.Name == want.Name && string(file.Data) == string(want.Data)
		})
	})
}

// testAndSync lets nginx judge while the disk takes the files.
func (a *Applier) testAndSync(ctx context.Context, wanted *files, staged *generation.Staged) (took duration, err error) {
	var group errgroup.Group
	group.Go(staged.Sync)
	took, err = a.step(ctx, "nginx.test", wanted.want.Generation, func(ctx context.Context) error {
		return a.test(ctx, wanted, staged)
	})
	if syncErr := group.Wait(); err == nil {
		err = syncErr
	}
	return took, err
}

// try lets nginx test a snapshot and leaves nothing behind.
func (a *Applier) try(ctx context.Context, next *snapshot.Snapshot) error {
	wanted, err := a.render(next)
	if err != nil {
		return err
	}
	staged, err := a.config.Generations.Stage(a.complete(wanted))
	if err != nil {
		return err
	}
	_, err = a.step(ctx, "nginx.test", next.Generation(), func(ctx context.Context) error {
		return a.test(ctx, wanted, staged)
	})
	return errors.Join(err, staged.Discard())
}

// test runs nginx -t on the staged files in a directory of its own, where every
// socket, log and pid file of the test is, so that the test touches nothing.
func (a *Applier) test(ctx context.Context, wanted *files, staged *generation.Staged) error {
	ctx, cancel := context.WithTimeout(ctx, a.config.TestTimeout)
	defer cancel()
	prefix := a.config.Runtime.TestDir()
	if err := os.RemoveAll(prefix); err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(prefix) }()
	layout := testLayout(a.config.Layout, prefix)
	includes := []string{staged.Path(render.UpstreamsFile), staged.Path(render.MapsFile), prefix + "/" + render.ServersFile}
	trial := []generation.File{{Name: render.StatusFile, Data: render.Status(layout, wanted.want.Generation, wanted.want.Hash, includes)}}
	for _, file := range wanted.config.Render(layout).Files {
		if file.Name == render.MainFile || file.Name == render.ServersFile {
			trial = append(trial, generation.File(file))
		}
	}
	if err := generation.WriteFiles(prefix, trial); err != nil {
		return err
	}
	return a.config.Nginx.Test(ctx, prefix, prefix+"/"+render.MainFile)
}
