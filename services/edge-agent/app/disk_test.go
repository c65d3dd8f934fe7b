package app_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"

	"github.com/siteplane/siteplane/services/edge-agent/app"
)

// mountDisk puts a disk of its own at the agent's directory, in a file. repair
// mounts it again, as after one that failed.
func (e *edge) mountDisk() (repair func()) {
	e.t.Helper()
	if os.Geteuid() != 0 {
		e.t.Skip("mounting needs root")
	}
	image := e.config.Dir + ".image"
	check(e.t, os.WriteFile(image, nil, 0o600))
	check(e.t, os.Truncate(image, 24<<20))
	e.command("mkfs.ext4", "-q", "-F", image)
	check(e.t, os.Mkdir(e.config.Dir, 0o700))
	e.command("mount", "-o", "loop", image, e.config.Dir)
	e.t.Cleanup(func() {
		e.shutDown()
		check(e.t, syscall.Unmount(e.config.Dir, syscall.MNT_DETACH))
	})
	return func() {
		e.shutDown()
		check(e.t, syscall.Unmount(e.config.Dir, 0))
		e.command("mount", "-o", "loop", image, e.config.Dir)
		e.start()
	}
}

func (e *edge) command(name string, arguments ...string) {
	e.t.Helper()
	if output, err := exec.CommandContext(e.t.Context(), name, arguments...).CombinedOutput(); err != nil {
		e.t.Fatalf("%s %v: %v: %s", name, arguments, err, output)
	}
}

// breakDisk makes the disk what it is after an error: the kernel lets nobody write
// any more, whoever has files open.
func breakDisk(e *edge) (lift func()) {
	e.t.Helper()
	repair := e.mountDisk()
	e.start()
	e.mustPut(1, newSite(1, startOrigin(e.t, "main"), "shop.example.com"))
	e.command("mount", "-o", "remount,abort", e.config.Dir)
	return repair
}

// forbid makes a directory of the agent one that nobody may change, root included.
func forbid(below string) func(*edge) (lift func()) {
	return func(e *edge) func() {
		e.t.Helper()
		e.mountDisk()
		e.start()
		e.mustPut(1, newSite(1, startOrigin(e.t, "main"), "shop.example.com"))
		path := filepath.Join(e.config.Dir, below)
		setImmutable(e.t, path, true)
		lift := sync.OnceFunc(func() { setImmutable(e.t, path, false) })
		e.t.Cleanup(lift)
		return lift
	}
}

// setImmutable does what chattr(1) does with +i and -i.
func setImmutable(t *testing.T, path string, on bool) {
	t.Helper()
	const immutable = 0x10 // FS_IMMUTABLE_FL
	file, err := os.Open(path)
	check(t, err)
	defer func() { check(t, file.Close()) }()
	flags, err := unix.IoctlGetInt(int(file.Fd()), unix.FS_IOC_GETFLAGS)
	check(t, err)
	flags &^= immutable
	if on {
		flags |= immutable
	}
	check(t, unix.IoctlSetPointerInt(int(file.Fd()), unix.FS_IOC_SETFLAGS, flags))
}

// flakyDisk passes everything on to a directory, but fails syncs of files once each
// while fails is set. As Linux does, it says so once: a second try would succeed,
// and nothing more would be on the disk than before.
type flakyDisk struct {
	fails  atomic.Bool
	mu     sync.Mutex
	failed map[uint64]bool
	// refused counts syncs that failed, again those of files that had failed before.
	refused, again int
}

type flakyNode struct {
	*fs.LoopbackNode
	disk *flakyDisk
}

// WrapChild implements fs.NodeWrapChilder.
func (n *flakyNode) WrapChild(_ context.Context, child fs.InodeEmbedder) fs.InodeEmbedder {
	return &flakyNode{LoopbackNode: child.(*fs.LoopbackNode), disk: n.disk}
}

// Fsync implements fs.NodeFsyncer.
func (n *flakyNode) Fsync(ctx context.Context, handle fs.FileHandle, flags uint32) syscall.Errno {
	n.disk.mu.Lock()
	inode := n.StableAttr().Ino
	if n.disk.failed[inode] {
		n.disk.again++
	}
	fails := n.disk.fails.Load() && !n.disk.failed[inode]
	if fails {
		n.disk.failed[inode] = true
		n.disk.refused++
	}
	n.disk.mu.Unlock()
	if fails {
		return syscall.EIO
	}
	if file, ok := handle.(fs.FileFsyncer); ok {
		return file.Fsync(ctx, flags)
	}
	return fs.OK
}

// Unlink implements fs.NodeUnlinker: the number of a file that is gone comes round
// again.
func (n *flakyNode) Unlink(ctx context.Context, name string) syscall.Errno {
	if child := n.GetChild(name); child != nil {
		n.disk.mu.Lock()
		delete(n.disk.failed, child.StableAttr().Ino)
		n.disk.mu.Unlock()
	}
	return n.LoopbackNode.Unlink(ctx, name)
}

// mountFlaky mounts it at a directory, over a copy of what is there.
func mountFlaky(t *testing.T, dir string) *flakyDisk {
	t.Helper()
	disk := &flakyDisk{failed: map[uint64]bool{}}
	behind := dir + ".behind"
	check(t, os.CopyFS(behind, os.DirFS(dir)))
	var stat syscall.Stat_t
	check(t, syscall.Stat(behind, &stat))
	root := &flakyNode{LoopbackNode: &fs.LoopbackNode{RootData: &fs.LoopbackRoot{Path: behind, Dev: uint64(stat.Dev)}}, disk: disk}
	root.RootData.RootNode = root
	server, err := fs.Mount(dir, root, &fs.Options{MountOptions: fuse.MountOptions{DirectMountStrict: true}})
	check(t, err)
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil && !errors.Is(err, syscall.EINVAL) {
			t.Error(err)
		}
		server.Wait()
	})
	return disk
}

// F38: the disk says that it could not keep a file. What it says of the same file
// next is not to be trusted, so it is never asked.
func TestApply_trusts_no_file_that_could_not_be_synced(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("mounting needs root")
	}
	if _, err := os.Stat("/dev/fuse"); err != nil {
		t.Logf("there is no FUSE here: %v", err)
		return
	}
	e := newEdge(t)
	generations := filepath.Join(e.config.Dir, "generations")
	check(t, os.MkdirAll(generations, 0o700))
	disk := mountFlaky(t, generations)
	t.Cleanup(e.shutDown)
	e.start()
	address := startOrigin(t, "main")
	e.mustPut(1, newSite(1, address, "shop.example.com"))
	before, master := e.files(), e.master()

	disk.fails.Store(true)
	_, err := e.put(2, newSite(2, address, "new.example.com"))
	wantReason(t, err, "Unavailable", "EDGE_DISK_FAILED", "input/output error")
	wantSameFiles(t, e.files(), before)
	if running := e.state().GetRunning(); running.GetGeneration() != 1 || int(running.GetMasterPid()) != master {
		t.Errorf("running is %v", running)
	}
	e.wantDrift("")
	e.wantStatus("shop.example.com", "/", 200)
	e.wantStatus("new.example.com", "/", 421)

	disk.fails.Store(false)
	e.mustPut(2, newSite(2, address, "new.example.com"))
	e.wantStatus("new.example.com", "/", 200)
	disk.mu.Lock()
	defer disk.mu.Unlock()
	if disk.refused == 0 || disk.again > 0 {
		t.Errorf("%d files could not be synced, %d were tried again", disk.refused, disk.again)
	}
}

// F37, F38, V10: what the host cannot write down is refused before nginx is touched.
func TestApply_is_refused_early_where_nothing_can_be_written(t *testing.T) {
	for name, c := range map[string]struct {
		obstruct func(*edge) (lift func())
		// reason and part of the refusal; empty: any.
		reason, part string
	}{
		"the disk is full":                        {fill(diskOf, "size=512k", 0), "EDGE_DISK_FULL", "bytes are needed"},
		"the disk has room for some of the files": {fill(diskOf, "size=512k", 12), "EDGE_DISK_FULL", "bytes are needed"},
		"the inodes are out":                      {fill(diskOf, "nr_inodes=40", 0), "EDGE_DISK_FULL", "files are needed"},
		"there are some inodes":                   {fill(diskOf, "nr_inodes=40", 4), "EDGE_DISK_FULL", "files are needed"},
		"the runtime directory is full":           {fill(runtimeOf, "size=512k", 2), "EDGE_DISK_FULL", "bytes are needed"},
		"the disk became read-only":               {freeze, "EDGE_DISK_FAILED", "read-only file system"},
		"the disk failed":                         {breakDisk, "EDGE_DISK_FAILED", "read-only file system"},
		"generations may not be changed":          {forbid("generations"), "EDGE_DISK_FAILED", "operation not permitted"},
		"the link may not be changed":             {forbid("."), "EDGE_DISK_FAILED", "operation not permitted"},
		"the state may not be changed":            {forbid("state"), "EDGE_DISK_FAILED", "operation not permitted"},
		"the runtime directory refuses":           {blockRecord, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			e := newEdge(t)
			lift := c.obstruct(e)
			before, tree, master := e.files(), e.tree(), e.state().GetRunning().GetMasterPid()
			_, err := e.put(2, newSite(2, "127.0.0.1:9", "new.example.com"))
			if err == nil {
				t.Error("the apply succeeded")
			}
			if c.reason != "" {
				wantReason(t, err, "Unavailable", c.reason, c.part)
			}
			wantSameFiles(t, e.files(), before)
			if now := e.tree(); now != tree {
				t.Errorf("files were\n%s\nare\n%s", tree, now)
			}
			if running := e.state().GetRunning(); running.GetMasterPid() != master || running.GetGeneration() != 1 {
				t.Errorf("running is %v", running)
			}
			e.wantDrift("")
			e.wantStatus("shop.example.com", "/", 200)
			lift()
			e.mustPut(2, newSite(2, "127.0.0.1:9", "new.example.com"))
		})
	}
}

func diskOf(config app.Config) string    { return config.Dir }
func runtimeOf(config app.Config) string { return config.RuntimeDir }

// fill starts the edge on a file system of its own and leaves room there for so
// many files of a block.
func fill(of func(app.Config) string, limit string, left int) func(*edge) (lift func()) {
	return func(e *edge) func() {
		e.t.Helper()
		filler := filepath.Join(e.mount(of(e.config), limit), "filler")
		e.start()
		e.mustPut(1, newSite(1, startOrigin(e.t, "main"), "shop.example.com"))
		check(e.t, os.Mkdir(filler, 0o700))
		number := 0
		for ; os.WriteFile(filepath.Join(filler, strconv.Itoa(number)), make([]byte, 4096), 0o600) == nil; number++ {
		}
		// The last one may be there without its bytes.
		for ; left >= 0; left, number = left-1, number-1 {
			check(e.t, os.RemoveAll(filepath.Join(filler, strconv.Itoa(number))))
		}
		return func() { check(e.t, os.RemoveAll(filler)) }
	}
}

// mount puts a small file system at a directory of the edge.
func (e *edge) mount(dir, options string) string {
	e.t.Helper()
	if os.Geteuid() != 0 {
		e.t.Skip("mounting needs root")
	}
	check(e.t, os.Mkdir(dir, 0o711))
	check(e.t, syscall.Mount("tmpfs", dir, "tmpfs", 0, options))
	e.t.Cleanup(func() {
		e.shutDown()
		check(e.t, syscall.Unmount(dir, syscall.MNT_DETACH))
	})
	return dir
}

// freeze makes the directory of generations read-only, as a broken disk becomes.
func freeze(e *edge) (lift func()) {
	e.t.Helper()
	if os.Geteuid() != 0 {
		e.t.Skip("mounting needs root")
	}
	e.start()
	e.mustPut(1, newSite(1, startOrigin(e.t, "main"), "shop.example.com"))
	dir := filepath.Join(e.config.Dir, "generations")
	check(e.t, syscall.Mount(dir, dir, "", syscall.MS_BIND, ""))
	lift = sync.OnceFunc(func() { check(e.t, syscall.Unmount(dir, syscall.MNT_DETACH)) })
	e.t.Cleanup(lift)
	check(e.t, syscall.Mount("", dir, "", syscall.MS_REMOUNT|syscall.MS_BIND|syscall.MS_RDONLY, ""))
	return lift
}

// blockRecord puts a directory where the agent notes what it is about to do.
func blockRecord(e *edge) (lift func()) {
	e.t.Helper()
	e.start()
	e.mustPut(1, newSite(1, startOrigin(e.t, "main"), "shop.example.com"))
	path := filepath.Join(e.config.RuntimeDir, "proved.json.next")
	check(e.t, os.MkdirAll(path, 0o700))
	return func() { check(e.t, os.RemoveAll(path)) }
}
