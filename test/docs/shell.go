package docs

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unsafe"
)

// inside is set in the process that becomes the shell, in its own network.
const inside = "SITEPLANE_DOCS_INSIDE"

// shell is a bash with a network, a home and a folder of its own, so that the ports and
// places that a page names are free.
type shell struct {
	home   string
	cmd    *exec.Cmd
	in     io.WriteCloser
	out    *bufio.Reader
	marker string
}

// startShell starts a shell that finds the programs in bin. It ends with the context.
func startShell(ctx context.Context, home, bin string) (*shell, error) {
	s := &shell{home: home, cmd: exec.CommandContext(ctx, "/proc/self/exe"), marker: "--- done: "}
	s.cmd.Env = []string{
		inside + "=1", "HOME=" + home, "PATH=" + bin + ":" + os.Getenv("PATH") + ":/usr/sbin:/sbin", "LANG=C.UTF-8",
		"TMPDIR=" + os.TempDir(),
	}
	s.cmd.Dir = home
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET, Pdeathsig: syscall.SIGKILL}
	read, write, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("make a pipe: %w", err)
	}
	s.cmd.Stdout, s.cmd.Stderr, s.out = write, write, bufio.NewReader(read)
	if s.in, err = s.cmd.StdinPipe(); err != nil {
		return nil, fmt.Errorf("make a pipe: %w", err)
	}
	if err := s.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start the shell: %w", err)
	}
	return s, write.Close()
}

// become turns the process into the shell.
func become() error {
	if err := raiseLoopback(); err != nil {
		return err
	}
	bash, err := exec.LookPath("bash")
	if err != nil {
		return err
	}
	return syscall.Exec(bash, []string{"bash", "--norc", "--noprofile"}, os.Environ())
}

// raiseLoopback sets the flag IFF_UP of lo, which is down in a new network.
func raiseLoopback() error {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_DGRAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("open a socket: %w", err)
	}
	defer syscall.Close(fd)
	request := struct {
		name  [syscall.IFNAMSIZ]byte
		flags uint16
		_     [22]byte
	}{flags: syscall.IFF_UP | syscall.IFF_RUNNING}
	copy(request.name[:], "lo")
	if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, uintptr(fd), syscall.SIOCSIFFLAGS, uintptr(unsafe.Pointer(&request))); errno != 0 {
		return fmt.Errorf("raise the loopback interface: %w", errno)
	}
	return nil
}

// do runs one command and returns what it printed and its exit code.
func (s *shell) do(command string) (output string, exit int, err error) {
	// The marker begins a line whatever the command printed last.
	if _, err := fmt.Fprintf(s.in, "%s\nprintf '\\n%s%%d\\n' $?\n", command, s.marker); err != nil {
		return "", 0, fmt.Errorf("type the command: %w", err)
	}
	var printed bytes.Buffer
	for {
		line, err := s.out.ReadString('\n')
		if code, found := strings.CutPrefix(line, s.marker); found {
			exit, err := strconv.Atoi(strings.TrimSpace(code))
			return strings.TrimSuffix(printed.String(), "\n"), exit, err
		}
		printed.WriteString(line)
		if err != nil {
			return printed.String(), 0, fmt.Errorf("the shell ended: %w", err)
		}
	}
}

// job is a command in the background of a shell.
type job struct {
	shell *shell
	pid   int
	file  string
}

// start runs a command in the background, its output in a file.
func (s *shell) start(command string, number int) (*job, error) {
	file := filepath.Join(s.home, fmt.Sprintf(".output-%d", number))
	printed, exit, err := s.do(fmt.Sprintf("%s > %s 2>&1 &\necho $!", command, file))
	if err != nil || exit != 0 {
		return nil, errors.Join(fmt.Errorf("start %q: exit code %d", command, exit), err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(printed))
	return &job{shell: s, pid: pid, file: file}, err
}

// prints waits until a job has printed what a page shows.
func (j *job) prints(shown []string, limit time.Duration) error {
	deadline := time.Now().Add(limit)
	for {
		raw, err := os.ReadFile(j.file)
		if err != nil && !errors.Is(err, fs.ErrNotExist) { // the shell may not have made it yet
			return fmt.Errorf("read what the command prints: %w", err)
		}
		if matches(append(shown, "..."), string(raw)) {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("within %s it printed\n%s", limit, raw)
		}
		time.Sleep(50 * time.Millisecond) // between two looks, bounded
	}
}

// interrupt sends Ctrl-C and waits for the end. In the background of a shell SIGINT is
// ignored, and SIGTERM ends it the same way.
func (j *job) interrupt() error {
	if err := syscall.Kill(j.pid, syscall.SIGTERM); err != nil {
		return fmt.Errorf("interrupt the command: %w", err)
	}
	_, exit, err := j.shell.do(fmt.Sprintf("wait %d", j.pid))
	if err == nil && exit != 0 {
		err = fmt.Errorf("the interrupted command ended with exit code %d", exit)
	}
	return err
}
