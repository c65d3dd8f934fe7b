package nginx

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// process is one row of /proc.
type process struct {
	pid, parent int
	started     uint64
	// state is a letter, see proc_pid_stat(5).
	state string
	// command is the command line, spaces for the bytes that end arguments.
	command string
}

func (p process) identity() Process { return Process{PID: p.pid, Started: p.started} }

func (p process) isMaster() bool   { return strings.HasPrefix(p.command, "nginx: master process ") }
func (p process) isWorker() bool   { return strings.HasPrefix(p.command, "nginx: worker process") }
func (p process) isStopped() bool  { return p.state == "T" }
func (p process) isDraining() bool { return strings.Contains(p.command, "is shutting down") }

// readProcess returns ok=false for a process that is gone or a zombie.
func readProcess(pid int) (process, bool) {
	dir := filepath.Join("/proc", strconv.Itoa(pid))
	command, err := os.ReadFile(filepath.Join(dir, "cmdline"))
	if err != nil || len(command) == 0 {
		return process{}, false
	}
	stat, err := os.ReadFile(filepath.Join(dir, "stat"))
	if err != nil {
		return process{}, false
	}
	// The second field is the name in parentheses, which may hold anything.
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	if len(fields) < 20 || string(fields[0]) == "Z" {
		return process{}, false
	}
	parent, err := strconv.Atoi(string(fields[1]))
	if err != nil {
		return process{}, false
	}
	started, err := strconv.ParseUint(string(fields[19]), 10, 64)
	if err != nil {
		return process{}, false
	}
	text := string(bytes.TrimRight(command, "\x00"))
	return process{
		pid: pid, parent: parent, started: started, state: string(fields[0]),
		command: strings.TrimSpace(strings.ReplaceAll(text, "\x00", " ")),
	}, true
}

// signal sends to this very process and never to another that got its id since;
// one that has ended is no error.
func (p process) signal(signal syscall.Signal) error {
	fd, err := unix.PidfdOpen(p.pid, 0)
	if err == nil {
		defer func() { _ = unix.Close(fd) }()
		now, alive := readProcess(p.pid)
		if !alive || now.identity() != p.identity() {
			return nil
		}
		err = unix.PidfdSendSignal(fd, signal, nil, 0)
	}
	if err != nil && !errors.Is(err, unix.ESRCH) {
		return fmt.Errorf("signal process %d: %w", p.pid, err)
	}
	return nil
}

// isZombie tells whether a process has ended and its parent does not know yet.
func isZombie(of Process) bool {
	stat, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(of.PID), "stat"))
	if err != nil {
		return false
	}
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	return len(fields) > 0 && string(fields[0]) == "Z"
}

func listProcesses(keep func(process) bool) ([]process, error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, fmt.Errorf("list processes: %w", err)
	}
	var found []process
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		if process, ok := readProcess(pid); ok && keep(process) {
			found = append(found, process)
		}
	}
	return found, nil
}

// holders returns the processes that have one of the sockets open. Those of
// other users are seen by root only.
func holders(inodes []string) ([]process, error) {
	if len(inodes) == 0 {
		return nil, nil
	}
	return listProcesses(func(process process) bool {
		files, err := filepath.Glob(filepath.Join("/proc", strconv.Itoa(process.pid), "fd", "*"))
		if err != nil {
			return false
		}
		return slices.ContainsFunc(files, func(file string) bool {
			link, err := os.Readlink(file)
			return err == nil && slices.Contains(inodes, strings.TrimSuffix(strings.TrimPrefix(link, "socket:["), "]"))
		})
	})
}

// unixInodes returns the inodes of the unix sockets bound to path.
func unixInodes(path string) ([]string, error) {
	return inodes("/proc/net/unix", func(fields []string) (string, bool) {
		if len(fields) != 8 || fields[7] != path {
			return "", false
		}
		return fields[6], true
	})
}

func inodes(table string, match func(fields []string) (string, bool)) ([]string, error) {
	data, err := os.ReadFile(table)
	if err != nil {
		return nil, fmt.Errorf("list sockets: %w", err)
	}
	var found []string
	for line := range strings.SplitSeq(string(data), "\n") {
		if inode, ok := match(strings.Fields(line)); ok && inode != "0" {
			found = append(found, inode)
		}
	}
	return found, nil
}
