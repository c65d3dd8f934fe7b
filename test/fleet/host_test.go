package fleet

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// inside is set in the processes that a host consists of, to what they are.
const inside = "SITEPLANE_FLEET_INSIDE"

const (
	// beInit is the first process of a host, beOrigin a web server, beVisitor somebody
	// who asks again and again.
	beInit, beOrigin, beVisitor = "init", "origin", "visitor"
	// rootDir holds what is the host's own of the file system, binDir the programs.
	rootDir, binDir = "SITEPLANE_FLEET_ROOT", "SITEPLANE_FLEET_BIN"
)

// own are the folders that a host has for itself, and what they are called below its
// root.
var own = [][2]string{{"etc", "/etc"}, {"lib", "/var/lib"}, {"run", "/run"}, {"root", "/root"}}

// host is a machine.
type host struct {
	t    *testing.T
	name string
	// root holds its own part of the file system.
	root string
	// pid is that of its first process.
	pid int
	// environment of what is typed there.
	environment []string
	stdin       io.Closer
}

// startHost boots a machine without a network.
func startHost(t *testing.T, name, bin string) *host {
	t.Helper()
	h := &host{t: t, name: name, root: t.TempDir()}
	check(t, exec.Command("cp", "-a", "/etc", filepath.Join(h.root, "etc")).Run())
	for _, each := range own[1:] {
		check(t, os.MkdirAll(filepath.Join(h.root, each[0]), 0o755))
	}
	first := exec.Command("/proc/self/exe")
	first.Env = append(os.Environ(), inside+"="+beInit, rootDir+"="+h.root, binDir+"="+bin)
	first.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWNET | syscall.CLONE_NEWNS | syscall.CLONE_NEWPID | syscall.CLONE_NEWUTS,
		Pdeathsig:  syscall.SIGKILL,
	}
	var complaint bytes.Buffer
	first.Stderr = &complaint
	stdin, err := first.StdinPipe()
	check(t, err)
	said, err := first.StdoutPipe()
	check(t, err)
	check(t, first.Start())
	h.pid, h.stdin = first.Process.Pid, stdin
	t.Cleanup(func() { // the kernel ends all that runs there with it
		_ = first.Process.Kill()
		_ = first.Wait()
	})
	if line, err := bufio.NewReader(said).ReadString('\n'); err != nil || line != "up\n" {
		t.Fatalf("%s does not boot: %q, %v: %s", name, line, err, complaint.String())
	}
	return h
}

// boot is the first process of a host. It ends when nobody holds its input any more.
func boot() error {
	if err := mountOwn(os.Getenv(rootDir), os.Getenv(binDir)); err != nil {
		return err
	}
	if said, err := exec.Command("ip", "link", "set", "lo", "up").CombinedOutput(); err != nil {
		return fmt.Errorf("raise the loopback interface: %w: %s", err, said)
	}
	children := make(chan os.Signal, 1)
	signal.Notify(children, syscall.SIGCHLD)
	go func() {
		for range children {
			for { // what was left by others is ours
				if pid, err := syscall.Wait4(-1, nil, syscall.WNOHANG, nil); pid <= 0 || err != nil {
					break
				}
			}
		}
	}()
	fmt.Println("up")
	_, err := io.Copy(io.Discard, os.Stdin)
	return err
}

// mountOwn gives the host its part of the file system, and its processes.
func mountOwn(root, bin string) error {
	if err := syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("part from the mounts of others: %w", err)
	}
	for _, each := range append([][2]string{{bin, "/usr/local/bin"}}, own...) {
		from := each[0]
		if !filepath.IsAbs(from) {
			from = filepath.Join(root, from)
		}
		if err := syscall.Mount(from, each[1], "", syscall.MS_BIND, ""); err != nil {
			return fmt.Errorf("mount %s: %w", each[1], err)
		}
	}
	if err := syscall.Mount("proc", "/proc", "proc", 0, ""); err != nil {
		return fmt.Errorf("mount /proc: %w", err)
	}
	return nil
}

// enter is a command on the host.
func (h *host) enter(ctx context.Context, environment []string, program string, args ...string) *exec.Cmd {
	command := exec.CommandContext(ctx, "nsenter", append([]string{
		"--target", strconv.Itoa(h.pid), "--mount", "--net", "--pid", "--uts", program,
	}, args...)...)
	command.Env = append(append([]string{
		"HOME=/root", "PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", "LANG=C.UTF-8",
	}, h.environment...), environment...)
	// Whom nsenter starts has it as its parent, and gets its signals by the group.
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	command.Cancel = func() error { return syscall.Kill(-command.Process.Pid, syscall.SIGKILL) }
	command.WaitDelay = time.Second // what it left in the background holds its output
	return command
}

// commandLimit is how long something that is typed may take.
const commandLimit = time.Minute

// try types a line, and returns what it printed and its exit code.
func (h *host) try(line string) (output string, exit int) {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(h.t.Context(), commandLimit)
	defer cancel()
	command := h.enter(ctx, nil, "bash", "-c", "cd; "+line)
	var printed bytes.Buffer
	command.Stdout, command.Stderr = &printed, &printed
	err := command.Run()
	var failed *exec.ExitError
	if err != nil && !errors.As(err, &failed) && !errors.Is(err, exec.ErrWaitDelay) {
		h.t.Fatalf("%s: %s: %v", h.name, line, err)
	}
	return printed.String(), command.ProcessState.ExitCode()
}

// do types a line that must succeed.
func (h *host) do(line string) string {
	h.t.Helper()
	output, exit := h.try(line)
	if exit != 0 {
		h.t.Fatalf("%s: %s\nended with %d: %s", h.name, line, exit, output)
	}
	return output
}

// file is where a file of the host is for us.
func (h *host) file(path string) string {
	for _, each := range own {
		if rest, ok := strings.CutPrefix(path, each[1]+"/"); ok {
			return filepath.Join(h.root, each[0], rest)
		}
	}
	h.t.Fatalf("%s is not its own", path)
	return ""
}

// start lets a program run in the background, until the host is gone; what it says is
// in a file that logOf finds.
func (h *host) start(name, line string) {
	h.t.Helper()
	h.do(fmt.Sprintf("%s >>/var/lib/%s.log 2>&1 </dev/null &", line, name))
}

func (h *host) logOf(name string) string {
	text, err := os.ReadFile(h.file("/var/lib/" + name + ".log"))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		h.t.Error(err)
	}
	return string(text)
}

// outside types a line in the host's network only, and so with our process numbers.
func (h *host) outside(line string) {
	h.t.Helper()
	args := append([]string{"--target", strconv.Itoa(h.pid), "--net"}, strings.Fields(line)...)
	if said, err := exec.CommandContext(h.t.Context(), "nsenter", args...).CombinedOutput(); err != nil {
		h.t.Fatalf("%s: %s: %v: %s", h.name, line, err, said)
	}
}
