package apply

import (
	"context"
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
	// memory that nginx took to test them, in bytes.
	memory int64
}

func (a *Applier) render(snapshot *snapshot.Snapshot) (*files, error) {
	return a.draft().render(snapshot)
}

// complete returns the files of a generation with status.conf.
func (a *Applier) complete(files *files) []generation.File { return a.draft().complete(files) }

// included are the files that status.conf includes, in their order.
func included(where func(name string) string) []string {
	return []string{where(render.UpstreamsFile), where(render.MapsFile), where(render.ServersFile)}
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
		complete := a.complete(wanted)
		if err = generation.CheckRoom(a.needs(complete, next)...); err != nil {
			return err
		}
		if err = generation.CheckWritable(a.written()...); err != nil {
			return err
		}
		staged, err = a.config.Generations.Stage(complete)
		return err
	})
	if err != nil || staged == nil {
		return timing, err
	}
	a.reached(Written)
	mark := a.mark()
	if timing.Test, err = a.testAndSync(ctx, wanted, staged); err == nil {
		err = a.checkMemory(ctx, wanted.memory)
	}
	if err != nil {
		return timing, withRemoval(err, staged.Discard())
	}
	if timing.Proof, err = a.swap(ctx, wanted, staged); err == nil {
		a.started(mark)
	}
	return timing, err
}

// swap makes nginx run staged files, or those before.
func (a *Applier) swap(ctx context.Context, wanted *files, staged *generation.Staged) (duration, error) {
	number := wanted.want.Generation
	before, _ := a.config.Generations.Current()
	if err := a.open(); err != nil {
		return 0, withRemoval(err, staged.Discard())
	}
	undo, err := staged.Swap(number)
	if err != nil {
		return 0, withRemoval(err, staged.Discard())
	}
	a.reached(Swapped)
	took, err := a.activate(ctx, wanted.want, nginx.Order.Whole)
	if err != nil {
		return took, a.failedRollback(ctx, err, a.rollBack(ctx, undo))
	}
	a.reached(Answered)
	a.prove(wanted.want, staged.Sums(), false)
	a.reached(Recorded)
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
	group.Go(func() error {
		err := staged.Sync()
		if err == nil {
			a.reached(Synced)
		}
		return err
	})
	took, err = a.step(ctx, "nginx.test", wanted.want.Generation, func(ctx context.Context) error {
		return a.test(ctx, wanted)
	})
	if err == nil {
		a.reached(Tested)
	}
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
	if err := generation.CheckRoom(a.testNeed(a.complete(wanted))); err != nil {
		return err
	}
	_, err = a.step(ctx, "nginx.test", next.Generation(), func(ctx context.Context) error {
		return a.test(ctx, wanted)
	})
	return err
}

// needs is what an apply writes beside what is there: a generation, its copy for
// the test, and the snapshot. What it removes is removed in the end.
func (a *Applier) needs(files []generation.File, next *snapshot.Snapshot) []generation.Need {
	durable := generation.Need{Dir: a.config.Generations.Dir()}
	durable.Add(next.Size())
	addFiles(&durable, files)
	return []generation.Need{durable, a.testNeed(files)}
}

// written are the directories in which an apply makes files, on disks that may have
// failed since. What cannot be written after nginx was told is too late to refuse.
func (a *Applier) written() []string {
	return append(a.config.Generations.Written(), a.config.Snapshots.Dir(), a.config.Runtime.Dir())
}

// testNeed is what a test writes, by nginx itself as well.
func (a *Applier) testNeed(files []generation.File) generation.Need {
	need := generation.Need{Dir: a.config.Runtime.Dir()}
	for range nginx.TestFiles {
		need.Add(0)
	}
	addFiles(&need, files)
	return need
}

func addFiles(need *generation.Need, files []generation.File) {
	need.Add(1)
	for _, file := range files {
		need.Add(len(file.Data))
	}
}

// test runs nginx -t on a copy of the files in a directory of its own, which is
// given to whoever runs the test: every socket, log and pid file of the test is
// there too, so that the test touches nothing.
func (a *Applier) test(ctx context.Context, wanted *files) error {
	ctx, cancel := context.WithTimeout(ctx, a.config.TestTimeout)
	defer cancel()
	prefix := a.config.Runtime.TestDir()
	if err := os.RemoveAll(prefix); err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(prefix) }()
	if err := generation.WriteFiles(prefix, a.testFiles(wanted, prefix)); err != nil {
		return err
	}
	var err error
	wanted.memory, err = a.config.Nginx.Test(ctx, prefix, prefix+"/"+render.MainFile)
	return err
}

// testFiles are the files that a test reads below prefix.
func (a *Applier) testFiles(wanted *files, prefix string) []generation.File {
	layout := testLayout(a.config.Layout, prefix)
	where := func(name string) string { return prefix + "/" + name }
	status := render.Status(layout, wanted.want.Generation, wanted.want.Hash, included(where))
	trial := []generation.File{{Name: render.StatusFile, Data: status}}
	for _, file := range wanted.config.Files(layout) {
		trial = append(trial, generation.File(file))
	}
	return trial
}
