package app_test

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// memoryGroup is a control group that limits memory.
type memoryGroup struct {
	t          *testing.T
	dir, limit string
}

// newMemoryGroup finds the version that this host has; nil: it has none.
func newMemoryGroup(t *testing.T) *memoryGroup {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("a control group needs root")
	}
	group := &memoryGroup{t: t, dir: "/sys/fs/cgroup/memory", limit: "memory.limit_in_bytes"}
	if controllers, err := os.ReadFile("/sys/fs/cgroup/cgroup.subtree_control"); err == nil && strings.Contains(string(controllers), "memory") {
		group.dir, group.limit = "/sys/fs/cgroup", "memory.max"
	}
	dir, err := os.MkdirTemp(group.dir, "siteplane-test-")
	if err != nil {
		return nil
	}
	group.dir = dir
	return group
}

func (g *memoryGroup) add(pids ...int) {
	g.t.Helper()
	for _, pid := range pids {
		check(g.t, os.WriteFile(filepath.Join(g.dir, "cgroup.procs"), []byte(strconv.Itoa(pid)), 0))
	}
}

func (g *memoryGroup) setLimit(bytes int64) {
	g.t.Helper()
	check(g.t, os.WriteFile(filepath.Join(g.dir, g.limit), []byte(strconv.FormatInt(bytes, 10)), 0))
}

// remove waits for the kernel, which holds on to a group for a moment.
func (g *memoryGroup) remove() {
	g.t.Helper()
	eventually(g.t, "the control group is gone", func() bool {
		err := os.Remove(g.dir)
		return err == nil || errors.Is(err, os.ErrNotExist)
	})
}

// F45: while nginx reloads it has two configurations in memory. Where the second
// does not fit, the apply is refused; without that the kernel kills nginx.
func TestApply_that_does_not_fit_into_memory(t *testing.T) {
	group := newMemoryGroup(t)
	if group == nil {
		t.Log("there are no control groups for memory here; nginx.ReadHeadroom is tested all the same")
		return
	}
	e := startEdge(t)
	t.Cleanup(func() { e.shutDown(); group.remove() })
	address := startOrigin(t, "main")
	e.mustPut(1, newSite(999, address, "shop.example.com"))
	eventually(t, "no worker drains", func() bool { return e.state().GetDrainingWorkers() == 0 })
	master := e.master()
	workers := children(t, int32(master))
	group.add(append(workers, master)...)
	before := e.files()

	group.setLimit(16 << 20)
	_, err := e.put(2, manySites(200, address)...)
	wantReason(t, err, "Unavailable", "EDGE_MEMORY_SHORT", "MiB of memory beside what runs", "the control group "+group.dir, "nothing was changed")
	wantSameFiles(t, e.files(), before)
	if state := e.state(); state.GetRunning().GetGeneration() != 1 || e.master() != master || !strings.Contains(state.GetLastError(), group.dir) {
		t.Errorf("state is %v", state)
	}
	for _, worker := range workers {
		if err := syscall.Kill(worker, 0); err != nil {
			t.Errorf("worker %d: %v", worker, err)
		}
	}
	e.wantStatus("shop.example.com", "/", 200)
	// A start may not wait for memory: the agent takes over, and nginx that died
	// comes back.
	e.stopAgent()
	e.start()
	e.wantStatus("shop.example.com", "/", 200)

	group.setLimit(1 << 30)
	e.mustPut(2, manySites(200, address)...)
	e.wantStatus("s7.example.com", "/", 200)
	if last := e.state().GetLastError(); last != "" {
		t.Errorf("last error is still %q", last)
	}
}
