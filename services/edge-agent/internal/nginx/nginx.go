// Package nginx runs one nginx on this host: it finds the binary, tests files,
// starts the master, adopts a running one, reloads it, proves what its workers
// run, and ends it.
//
// It owns the processes and the runtime directory (pid file, sockets, temporary
// files). It must not know sites, snapshots or how files are rendered.
//
// Invariants:
//   - The master outlives this process. It is ours when its command line names
//     our configuration file; no other nginx is ever signalled.
//   - An exit code proves nothing. What runs is what fresh connections to the
//     status socket answer.
//   - No error carries text from a configuration file: quoted parts of what
//     nginx says are cut out.
package nginx

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Config says which nginx is run and where.
type Config struct {
	// Binary is a name or a path.
	Binary string
	// ConfFile is what the master is started with, for good.
	ConfFile string
	// Unit of systemd that starts the master; empty: Binary does.
	Unit string
	// LogFile is the error log.
	LogFile string
	// Runtime is where the pid file and sockets are.
	Runtime Runtime
	// PublicListen holds the public addresses.
	PublicListen []netip.AddrPort
	// ProofTimeout bounds the wait for new workers.
	ProofTimeout time.Duration
	// TestUser runs tests of configurations; empty: the agent's user.
	TestUser string
	// TestTimeout and TestMemory bound one test, the latter in bytes of address
	// space; 0: half of the host's memory.
	TestTimeout time.Duration
	TestMemory  uint64
	Logger      *slog.Logger
}

// Instance is the one nginx of this agent. Its methods are not safe for
// concurrent use, except Status and Version.
type Instance struct {
	config Config
	// cell is where tests run; see BuildSandbox.
	cell cell
	// known is the master that was seen last.
	known     Process
	incidents []Incident
	noticed   noticed
}

// New returns the instance that config describes; nothing is started.
func New(config Config) *Instance {
	if config.TestMemory == 0 {
		config.TestMemory = defaultMemory()
	}
	return &Instance{config: config}
}

// MissingError says that there is no nginx to run, or no systemctl to start it.
type MissingError struct{ Binary string }

// Error names the binary and the remedy.
func (e *MissingError) Error() string {
	if e.Binary == systemctl {
		return "systemctl not found, which is to start the unit of nginx: leave out the unit where there is no systemd, and the agent starts nginx itself"
	}
	return fmt.Sprintf("nginx binary %q not found: install it with `apt-get install nginx`, or configure the path of another one", e.Binary)
}

var versionPattern = regexp.MustCompile(`nginx version: [^/\s]+/(\S+)`)

// Version returns the version of the binary, for instance 1.22.1, or a
// *MissingError.
func (n *Instance) Version(ctx context.Context) (string, error) {
	output, err := n.run(ctx, "-v")
	if err != nil {
		return "", fmt.Errorf("ask nginx for its version: %w", err)
	}
	found := versionPattern.FindStringSubmatch(output)
	if found == nil {
		return "", fmt.Errorf("ask nginx for its version: %s answers something else", n.config.Binary)
	}
	return found[1], nil
}

// path returns where the binary is, or a *MissingError.
func (n *Instance) path() (string, error) {
	path, err := exec.LookPath(n.config.Binary)
	if err != nil {
		return "", &MissingError{Binary: n.config.Binary}
	}
	if path, err = filepath.Abs(path); err != nil {
		return "", fmt.Errorf("find nginx: %w", err)
	}
	return path, nil
}

// Mark is another text as soon as the binary is another one.
func (n *Instance) Mark() string {
	path, err := n.path()
	if err != nil {
		return "missing"
	}
	var file unix.Stat_t
	if err := unix.Stat(path, &file); err != nil {
		return "unreadable"
	}
	return fmt.Sprintf("%s %d %d %d %d", path, file.Dev, file.Ino, file.Size, file.Mtim.Nano())
}

// giveBack has glibc return to the system what a configuration took (nginx takes it
// in pieces of 16 KiB) when nginx lets go of it. Otherwise the holes that a reload
// leaves stay with the master, and it has almost twice what it needs, for good.
const giveBack = "MALLOC_MMAP_THRESHOLD_=16384"

// run executes the binary and returns what it wrote. The error is a
// *MissingError or describes the exit.
func (n *Instance) run(ctx context.Context, arguments ...string) (string, error) {
	path, err := n.path()
	if err != nil {
		return "", err
	}
	return execute(ctx, path, arguments...)
}

// execute runs a program that may leave a daemon behind.
func execute(ctx context.Context, path string, arguments ...string) (string, error) {
	command := exec.CommandContext(ctx, path, arguments...)
	command.Dir = "/"
	command.Env = []string{"PATH=" + os.Getenv("PATH"), giveBack}
	// An interrupt at the terminal is for us, not for nginx.
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	// A daemon that kept the pipe open would hold us for ever.
	command.WaitDelay = time.Second
	output, err := command.CombinedOutput()
	return string(output), err
}

var quoted = regexp.MustCompile(`"[^"]*"?`)

// complaints returns the lines of nginx's output that complain, with whatever
// they quote from files cut out.
func complaints(output string) []string {
	var lines []string
	for line := range strings.SplitSeq(output, "\n") {
		for _, level := range []string{"[warn]", "[error]", "[crit]", "[alert]", "[emerg]"} {
			if _, text, found := strings.Cut(line, level); found {
				lines = append(lines, level+quoted.ReplaceAllString(text, "..."))
			}
		}
	}
	return lines
}
