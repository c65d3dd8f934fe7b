package nginx

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// cell is the walls of a sandbox that this host can build. The zero cell has
// none.
//
// Some walls belong to a thread and are inherited by what it starts: no new
// privileges, no ambient capabilities, Landlock. So a thread is made for each
// run, and ends with it; nothing gives the rest of the agent back what that
// thread has lost.
type cell struct {
	// inmate runs it; nil: the agent's user.
	inmate *account
	// alone: no network, and no other process in sight.
	alone bool
	// fenced: reads what belongs to the system, writes below the prefix.
	fenced bool
	// limits; nil: none.
	limits *limits
}

// limits of one run. They are set before nginx is executed, by the shell that
// executes it.
type limits struct {
	// memory in bytes of address space.
	memory uint64
	time   time.Duration
}

// mostWritten is how large a file may grow in a sandbox: no log needs more.
const mostWritten = 64 << 20

// script sets limits; its arguments are what it executes.
func (l limits) script() string {
	const kilo, block = 1 << 10, 512
	seconds := int(l.time/time.Second) + 1
	return fmt.Sprintf(`ulimit -c 0 && ulimit -f %d && ulimit -t %d && ulimit -v %d && exec "$@"`, mostWritten/block, seconds, l.memory/kilo)
}

// run executes path within the walls and returns what it wrote, and how much
// memory it had at most, in bytes. prefix is the one directory that is given to it.
func (c cell) run(ctx context.Context, prefix, path string, arguments ...string) (output string, memory int64, err error) {
	if err := c.give(prefix); err != nil {
		return "", 0, err
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		// Never unlocked: the thread ends here, and its walls with it.
		runtime.LockOSThread()
		if err = c.enter(prefix, path); err == nil {
			output, memory, err = c.execute(ctx, path, arguments)
		}
	}()
	<-done
	return output, memory, err
}

// give makes the prefix the inmate's.
func (c cell) give(prefix string) error {
	if c.inmate == nil {
		return nil
	}
	return filepath.WalkDir(prefix, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return fmt.Errorf("give the test directory to its user: %w", err)
		}
		if err := os.Lchown(path, c.inmate.uid, c.inmate.gid); err != nil {
			return fmt.Errorf("give the test directory to its user: %w", err)
		}
		return nil
	})
}

// enter puts this thread behind the walls that are a thread's.
func (c cell) enter(prefix, path string) error {
	if c == (cell{}) {
		return nil
	}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("give up new privileges: %w", err)
	}
	if err := unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0); err != nil {
		return fmt.Errorf("give up ambient capabilities: %w", err)
	}
	if !c.fenced {
		return nil
	}
	return restrictThread(c.fence(prefix, path))
}

// fence lists what a test may touch: programs, libraries and the settings of the
// system to read, the prefix to write.
func (c cell) fence(prefix, path string) []access {
	allowed := []access{
		{prefix, mayRead | mayWrite | sinceSecond | sinceThird},
		{"/dev/null", mayRead | mayWrite},
		{filepath.Dir(path), mayRead},
	}
	if real, err := filepath.EvalSymlinks(path); err == nil {
		allowed = append(allowed, access{filepath.Dir(real), mayRead})
	}
	for _, system := range []string{"/usr", "/lib", "/lib32", "/lib64", "/bin", "/sbin", "/etc", "/opt", "/nix", "/dev"} {
		allowed = append(allowed, access{system, mayRead})
	}
	proc := access{"/proc", mayRead}
	if c.alone && os.Geteuid() != 0 {
		// The thread itself writes there whose ids the user namespace has.
		proc.rights |= unix.LANDLOCK_ACCESS_FS_WRITE_FILE
	}
	return append(allowed, proc)
}

// execute runs the program on this thread.
func (c cell) execute(ctx context.Context, path string, arguments []string) (output string, memory int64, err error) {
	if c.limits != nil {
		path, arguments = "/bin/sh", append([]string{"-c", c.limits.script(), "sh", path}, arguments...)
	}
	command := exec.CommandContext(ctx, path, arguments...)
	command.Dir = "/"
	command.Env = []string{"PATH=" + os.Getenv("PATH")}
	command.SysProcAttr = c.attributes()
	command.Cancel = func() error { return endGroup(command.Process.Pid) }
	// A child that kept the pipe open would hold us for ever.
	command.WaitDelay = time.Second
	written := &firstBytes{most: mostOutput}
	command.Stdout, command.Stderr = written, written
	if err := command.Start(); err != nil {
		return "", 0, err
	}
	peak := watchPeak(command.Process.Pid)
	err = command.Wait()
	return written.buffer.String(), peak(), err
}

// attributes of a process group of its own, for which an interrupt at the
// terminal is not meant, and which does not outlive the agent.
func (c cell) attributes() *syscall.SysProcAttr {
	attributes := &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if c.inmate != nil {
		attributes.Credential = &syscall.Credential{Uid: uint32(c.inmate.uid), Gid: uint32(c.inmate.gid)}
	}
	if !c.alone {
		return attributes
	}
	attributes.Cloneflags = unix.CLONE_NEWNET | unix.CLONE_NEWPID | unix.CLONE_NEWIPC
	if uid, gid := os.Geteuid(), os.Getegid(); uid != 0 {
		attributes.Cloneflags |= unix.CLONE_NEWUSER
		attributes.UidMappings = []syscall.SysProcIDMap{{ContainerID: uid, HostID: uid, Size: 1}}
		attributes.GidMappings = []syscall.SysProcIDMap{{ContainerID: gid, HostID: gid, Size: 1}}
	}
	return attributes
}

func endGroup(pid int) error {
	if err := syscall.Kill(-pid, syscall.SIGKILL); err != nil {
		if errors.Is(err, syscall.ESRCH) {
			return os.ErrProcessDone
		}
		return fmt.Errorf("end the test of process %s: %w", strconv.Itoa(pid), err)
	}
	return nil
}

// mostOutput is how much of what a test writes is kept.
const mostOutput = 1 << 20

// firstBytes keeps the beginning of what is written.
type firstBytes struct {
	buffer bytes.Buffer
	most   int
}

func (f *firstBytes) Write(data []byte) (int, error) {
	f.buffer.Write(data[:min(len(data), f.most-f.buffer.Len())])
	return len(data), nil
}
