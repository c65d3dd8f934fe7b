package nginx_test

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/siteplane/siteplane/services/edge-agent/internal/nginx"
)

// F36: a master that is killed just before it is told to reload leaves a process that
// still takes signals, as long as its parent has not asked for it. Nobody waits for what
// that would do.
func TestProve_does_not_wait_for_a_master_that_has_ended(t *testing.T) {
	const patience = 20 * time.Second
	check(t, unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)) // nginx becomes our child, and we do not ask
	t.Cleanup(func() { check(t, unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)) })
	dir := t.TempDir()
	runtime, err := nginx.NewRuntime(filepath.Join(dir, "run"))
	check(t, err)
	check(t, runtime.Prepare(""))
	conf := filepath.Join(dir, "nginx.conf")
	text := fmt.Sprintf(`pid %s; error_log %s/error.log; events {}
		http { access_log off; server { listen unix:%s; return 200 '{"generation":1,"hash":"h","pid":$pid}'; } }`,
		runtime.PIDFile(), dir, runtime.StatusSocket())
	check(t, os.WriteFile(conf, []byte(text), 0o600))
	instance := nginx.New(nginx.Config{
		Binary: "nginx", ConfFile: conf, LogFile: filepath.Join(dir, "error.log"), Runtime: runtime,
		ProofTimeout: patience, Logger: slog.New(slog.DiscardHandler),
	})
	want := nginx.Want{Generation: 1, Hash: "h"}
	order, err := instance.Start(t.Context())
	check(t, err)
	check(t, instance.Prove(t.Context(), order, want))
	master, err := instance.Master()
	check(t, err)

	all := append(children(t, master), master)
	check(t, syscall.Kill(master, syscall.SIGKILL))
	for _, pid := range all {
		_ = syscall.Kill(pid, syscall.SIGKILL) // a worker may have gone with its master
	}
	t.Cleanup(func() {
		for _, pid := range all {
			_, _ = syscall.Wait4(pid, nil, 0, nil) // one that was never ours is no harm
		}
	})
	awaitZombie(t, master)
	given, err := instance.Reload(t.Context())
	check(t, err)
	for text, order := range map[string]nginx.Order{"told to reload": given, "started and never seen": {}} {
		began := time.Now()
		err := instance.Prove(t.Context(), order, want)
		var unproven *nginx.NotProvenError
		if took := time.Since(began); !errors.As(err, &unproven) || took > patience/2 {
			t.Errorf("one that was %s: %v after %s", text, err, took)
		}
	}
}

// children are the processes that one has started.
func children(t *testing.T, of int) (pids []int) {
	t.Helper()
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	check(t, err)
	for _, stat := range stats {
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(stat)))
		check(t, err)
		if fields := statOf(pid); len(fields) > 1 && fields[1] == strconv.Itoa(of) {
			pids = append(pids, pid)
		}
	}
	return pids
}

// statOf is what the kernel says of a process from its state on, nothing when it is gone.
func statOf(pid int) []string {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return nil
	}
	_, rest, _ := strings.Cut(string(text), ") ")
	return strings.Fields(rest)
}

// awaitZombie waits until a process has ended, and its parent has not asked.
func awaitZombie(t *testing.T, pid int) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(time.Millisecond) {
		fields := statOf(pid)
		if len(fields) > 0 && fields[0] == "Z" {
			return
		}
		if len(fields) == 0 || time.Now().After(deadline) {
			t.Fatalf("process %d is no zombie: %v", pid, fields)
		}
	}
}
