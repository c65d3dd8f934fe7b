package app_test

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// S30: whoever gets hold of a worker of nginx gets nothing of the agent. A worker is what
// talks to strangers, and runs as another user.
func TestRun_workers_reach_nothing_of_the_agent(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root: agent and workers are one user otherwise")
	}
	e := startEdge(t)
	e.mustPut(1, newSite(1, startOrigin(t, "main"), "shop.example.com"))
	eventually(t, "no worker drains", func() bool { return e.state().GetDrainingWorkers() == 0 })
	worker := children(t, int32(e.master()))[0]
	if uid := userOf(t, worker); uid == 0 {
		t.Fatal("a worker is root")
	}

	asWorker := func(name string, arguments ...string) (string, error) {
		command := exec.CommandContext(t.Context(), name, arguments...)
		command.Dir = "/"
		command.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: userOf(t, worker), Gid: groupOf(t, worker)}}
		output, err := command.CombinedOutput()
		return string(output), err
	}
	if output, err := asWorker("cat", "/etc/hostname"); err != nil {
		t.Fatalf("the worker's user can do nothing at all: %v %s", err, output)
	}
	check(t, filepath.WalkDir(e.config.Dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		if output, err := asWorker("head", "-c", "1", path); err == nil {
			t.Errorf("a worker reads %s: %q", path, output)
		}
		return nil
	}))
	for _, dir := range []string{e.config.Dir, filepath.Join(e.config.Dir, "current"), e.config.RuntimeDir, filepath.Join(e.config.RuntimeDir, "private")} {
		if _, err := asWorker("touch", filepath.Join(dir, "planted")); err == nil {
			t.Errorf("a worker writes into %s", dir)
		}
	}
	for _, pid := range []int{os.Getpid(), e.master()} {
		if _, err := asWorker("kill", "-0", strconv.Itoa(pid)); err == nil {
			t.Errorf("a worker may signal process %d", pid)
		}
	}
	if _, err := asWorker("ls", filepath.Join(e.config.RuntimeDir, "private")); err == nil {
		t.Error("a worker sees the private sockets")
	}
}

func userOf(t *testing.T, pid int) uint32  { return credential(t, pid, "Uid:") }
func groupOf(t *testing.T, pid int) uint32 { return credential(t, pid, "Gid:") }

// credential returns the effective one, see proc_pid_status(5).
func credential(t *testing.T, pid int, name string) uint32 {
	t.Helper()
	status, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "status"))
	check(t, err)
	for line := range strings.SplitSeq(string(status), "\n") {
		if fields := strings.Fields(line); len(fields) > 2 && fields[0] == name {
			value, err := strconv.ParseUint(fields[2], 10, 32)
			check(t, err)
			return uint32(value)
		}
	}
	t.Fatalf("process %d has no %s", pid, name)
	return 0
}
