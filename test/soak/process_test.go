package soak_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// process is one row of /proc. Ids come round again, so the start belongs to it.
type process struct {
	pid, parent int
	started     string
	command     string
}

func (p process) String() string { return fmt.Sprintf("%d (of %d) %s", p.pid, p.parent, p.command) }

// readProcess returns ok=false for a process that is gone or a zombie.
func readProcess(pid int) (p process, ok bool) {
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
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	if len(fields) < 20 || fields[0] == "Z" {
		return process{}, false
	}
	parent, err := strconv.Atoi(fields[1])
	text := strings.TrimSpace(strings.ReplaceAll(string(command), "\x00", " "))
	return process{pid: pid, parent: parent, started: fields[19], command: text}, err == nil
}

func processes() (all []process, err error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, err
	}
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		if p, ok := readProcess(pid); ok {
			all = append(all, p)
		}
	}
	return all, nil
}

// nginxCrew is a master and the workers it has, those that drain included.
type nginxCrew struct {
	master  process
	workers []process
}

// nginx finds the one that our agent runs.
func (w *world) nginx() (crew nginxCrew, err error) {
	all, err := processes()
	if err != nil {
		return crew, err
	}
	masters := slices.DeleteFunc(slices.Clone(all), func(p process) bool {
		return !strings.HasPrefix(p.command, "nginx: master process ") || !strings.Contains(p.command, w.EdgeDir()+"/")
	})
	named := slices.Clone(masters)
	masters = slices.DeleteFunc(masters, func(p process) bool { // a worker that has not got its name yet
		return slices.ContainsFunc(named, func(other process) bool { return other.pid == p.parent })
	})
	switch len(masters) {
	case 0:
		return crew, errors.New("no nginx runs")
	case 1:
		crew.master = masters[0]
	default:
		return crew, fmt.Errorf("two masters run: %s and %s", masters[0], masters[1])
	}
	for _, p := range all {
		if p.parent == crew.master.pid {
			crew.workers = append(crew.workers, p)
		}
	}
	return crew, nil
}

// strayProcesses demands that nothing of ours runs but one process of each
// program, which is our child, and nginx with its workers. What is ours is known
// by its program, or by the files of the edge that it holds open.
func (w *world) strayProcesses() error {
	crew, err := w.nginx()
	if err != nil {
		return err
	}
	all, err := processes()
	if err != nil {
		return err
	}
	var problems []error
	missing := slices.Clone(everyone)
	for _, p := range all {
		program, holds := programOf(p), w.holdsEdgeFiles(p)
		switch at := slices.Index(missing, program); {
		case at >= 0 && p.parent == os.Getpid():
			missing = slices.Delete(missing, at, at+1)
		case program != "" || holds && !crew.has(p):
			problems = append(problems, fmt.Errorf("stray process %s", p))
		}
	}
	for _, p := range crew.workers {
		if strings.Contains(p.command, "is shutting down") {
			problems = append(problems, fmt.Errorf("worker %s still drains", p))
		}
	}
	if len(missing) > 0 {
		problems = append(problems, fmt.Errorf("not running: %v", missing))
	}
	return errors.Join(problems...)
}

func (c nginxCrew) has(p process) bool { return p == c.master || slices.Contains(c.workers, p) }

// programOf is the name of one of our programs, empty for anything else.
func programOf(p process) string {
	path, err := os.Readlink(filepath.Join("/proc", strconv.Itoa(p.pid), "exe"))
	if err != nil || filepath.Dir(path) != bin {
		return ""
	}
	return filepath.Base(path)
}

func (w *world) holdsEdgeFiles(p process) bool {
	files, err := filepath.Glob(filepath.Join("/proc", strconv.Itoa(p.pid), "fd", "*"))
	if err != nil {
		return false
	}
	return slices.ContainsFunc(files, func(file string) bool {
		target, err := os.Readlink(file)
		return err == nil && strings.HasPrefix(target, w.EdgeDir()+"/")
	})
}
