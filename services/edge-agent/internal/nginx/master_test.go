package nginx_test

import (
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"
	"unsafe"

	"github.com/siteplane/siteplane/services/edge-agent/internal/nginx"
)

// changingTitle makes this test binary a process that takes the title of a master
// and drops it again.
const changingTitle = "NGINX_TEST_CHANGING_TITLE"

func TestMain(m *testing.M) {
	if os.Getenv(changingTitle) != "" {
		changeTitle()
		return
	}
	os.Exit(m.Run())
}

// changeTitle writes where the kernel reads the command line from, as nginx does,
// until its input ends.
func changeTitle() {
	go func() {
		first := unsafe.StringData(os.Args[0])
		for letter := *first; ; *first = letter ^ *first {
			time.Sleep(time.Millisecond)
		}
	}()
	_, _ = io.Copy(io.Discard, os.Stdin)
}

// A master that starts writes its pid file before it takes its title. Whoever looks
// in between finds nobody of that number, and a moment later the master: its pid
// file was never lost.
func TestMaster_whose_title_comes_after_its_pid_file(t *testing.T) {
	dir := t.TempDir()
	runtime, err := nginx.NewRuntime(filepath.Join(dir, "run"))
	check(t, err)
	check(t, runtime.Prepare(""))
	conf := filepath.Join(dir, "nginx.conf")
	instance := nginx.New(nginx.Config{Binary: "nginx", ConfFile: conf, Runtime: runtime, Logger: slog.New(slog.DiscardHandler)})

	master := exec.CommandContext(t.Context(), os.Args[0])
	master.Args = []string{"nginx: master process nginx -c " + conf + " -p x"}
	master.Env = append(os.Environ(), changingTitle+"=1")
	input, err := master.StdinPipe()
	check(t, err)
	check(t, master.Start())
	defer func() { check(t, input.Close()); check(t, master.Wait()) }()
	check(t, os.WriteFile(runtime.PIDFile(), []byte(strconv.Itoa(master.Process.Pid)), 0o600))

	seen := map[int]int{}
	for looks, deadline := 0, time.Now().Add(20*time.Second); looks < 1000 || len(seen) < 2 && time.Now().Before(deadline); looks++ {
		pid, err := instance.Master()
		check(t, err)
		seen[pid]++
	}
	if incidents := instance.Incidents(); len(incidents) > 0 {
		t.Errorf("the agent tells of %v", incidents)
	}
	if len(seen) != 2 || seen[0] == 0 || seen[master.Process.Pid] == 0 {
		t.Errorf("seen were %v: the title did not change meanwhile", seen)
	}
}
