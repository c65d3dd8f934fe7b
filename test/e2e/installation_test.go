package e2e

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// stopLimit is what a user is promised: SIGTERM ends `up` within it.
const stopLimit = 10 * time.Second

// installation is one data directory with its ports, up or not.
type installation struct {
	t *testing.T
	// root holds data, temporary files and logs, and nothing else does.
	root string
	base int
	// flags are added to every `up`.
	flags   []string
	running *process
}

// newInstallation makes one that is not up. When the test ends, whatever runs of
// it is ended, nginx too, and its files go.
func newInstallation(t *testing.T, flags ...string) *installation {
	t.Helper()
	// Short, because the paths of sockets are; open, because nginx's workers
	// are somebody else. t.TempDir is neither.
	root, err := os.MkdirTemp("", "sp-")
	check(t, err)
	check(t, os.Chmod(root, 0o711))
	i := &installation{t: t, root: root, base: portBase(t), flags: flags}
	t.Cleanup(i.remove)
	return i
}

// startInstallation makes one and brings it up.
func startInstallation(t *testing.T, flags ...string) *installation {
	t.Helper()
	i := newInstallation(t, flags...)
	i.start()
	return i
}

// in is the same installation within a subtest.
func (i *installation) in(t *testing.T) *installation {
	within := *i
	within.t = t
	return &within
}

func (i *installation) data(parts ...string) string {
	return filepath.Join(append([]string{i.root, "data"}, parts...)...)
}

func (i *installation) logFile() string { return filepath.Join(i.root, "up.log") }

// start brings the installation up. If somebody took a port since it was found
// free, and nothing was up yet, it moves to other ports.
func (i *installation) start() {
	i.t.Helper()
	for range 5 {
		i.running = i.launch()
		select {
		case <-i.running.announced:
			return
		case <-i.running.ended:
		case <-time.After(patience):
			i.t.Fatalf("up says nothing: %s", i.log())
		}
		said := i.running.stderr()
		i.running = nil
		if !strings.Contains(said, "taken") && !strings.Contains(said, "cannot listen") && !strings.Contains(said, "already in use") {
			i.t.Fatalf("up ended: %s", said)
		}
		i.base = portBase(i.t)
	}
	i.t.Fatal("up finds its ports taken again and again")
}

// refuse runs an `up` that must end by itself, and returns what it says to the
// user.
func (i *installation) refuse() string {
	i.t.Helper()
	p := i.launch()
	select {
	case <-p.ended:
	case <-p.announced:
		p.end(syscall.SIGTERM)
		i.t.Fatal("it came up")
	case <-time.After(patience):
		p.end(syscall.SIGKILL)
		i.t.Fatal("it neither came up nor ended")
	}
	if code := p.command.ProcessState.ExitCode(); code != 1 {
		i.t.Errorf("exit code %d, want 1", code)
	}
	return p.stderr()
}

// process is one run of `up`.
type process struct {
	command   *exec.Cmd
	announced chan struct{}
	ended     chan struct{}
	logFile   string
	logBegins int64
}

func (i *installation) launch() *process {
	i.t.Helper()
	log, err := os.OpenFile(i.logFile(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	check(i.t, err)
	defer log.Close()
	info, err := log.Stat()
	check(i.t, err)
	args := append([]string{"up", "--data-dir", i.data(), "--port-base", strconv.Itoa(i.base), "--log-format", "json"}, i.flags...)
	p := &process{
		command: exec.Command(program, args...), announced: make(chan struct{}), ended: make(chan struct{}),
		logFile: i.logFile(), logBegins: info.Size(),
	}
	p.command.Env = i.environment()
	p.command.Stdout = &announcement{seen: p.announced}
	p.command.Stderr = log
	p.command.WaitDelay = time.Second
	check(i.t, p.command.Start())
	go func() {
		_ = p.command.Wait() // its exit code is in ProcessState
		close(p.ended)
	}()
	return p
}

// environment gives the program a temporary directory of this test.
func (i *installation) environment() []string {
	return append(os.Environ(), "TMPDIR="+i.root, "SITEPLANE_CONFIG="+i.data("cli.json"))
}

// stderr is what this run wrote to it.
func (p *process) stderr() string {
	data, err := os.ReadFile(p.logFile)
	if err != nil {
		return err.Error()
	}
	return string(data[p.logBegins:])
}

// end signals the process and waits for its end. It returns how long that took.
func (p *process) end(signal syscall.Signal) time.Duration {
	begun := time.Now()
	_ = p.command.Process.Signal(signal) // it may have ended by itself
	<-p.ended
	return time.Since(begun)
}

// announcement closes seen when `up` says that it is up.
type announcement struct {
	seen chan struct{}
	once sync.Once
	said bytes.Buffer
}

func (a *announcement) Write(p []byte) (int, error) {
	a.said.Write(p)
	if bytes.Contains(a.said.Bytes(), []byte("siteplane is up")) {
		a.once.Do(func() { close(a.seen) })
	}
	return len(p), nil
}

// stop ends `up` as a user does. nginx stays.
func (i *installation) stop() {
	i.t.Helper()
	if took := i.running.end(syscall.SIGTERM); took > stopLimit {
		i.t.Errorf("up took %s to end, want at most %s", took, stopLimit)
	}
	if code := i.running.command.ProcessState.ExitCode(); code != 0 {
		i.t.Errorf("up ended with exit code %d: %s", code, i.log())
	}
	i.running = nil
}

// kill ends `up` as a power cut does.
func (i *installation) kill() {
	i.running.end(syscall.SIGKILL)
	i.running = nil
}

// down stops nginx.
func (i *installation) down() error {
	command := exec.Command(program, "down", "--data-dir", i.data())
	command.Env = i.environment()
	if output, err := command.CombinedOutput(); err != nil {
		return errors.Join(err, errors.New(string(output)))
	}
	return nil
}

// log is the end of what every run of `up` wrote.
func (i *installation) log() string {
	data, err := os.ReadFile(i.logFile())
	if err != nil {
		return err.Error()
	}
	return string(data[max(0, len(data)-4000):])
}

func (i *installation) remove() {
	if i.t.Failed() {
		i.t.Logf("the log of up ends with:\n%s", i.log())
	}
	if i.running != nil {
		i.running.end(syscall.SIGTERM)
	}
	if _, err := os.Stat(i.data()); err == nil {
		if err := i.down(); err != nil {
			i.t.Errorf("siteplane down: %v", err)
		}
	}
	check(i.t, os.RemoveAll(i.root))
}
