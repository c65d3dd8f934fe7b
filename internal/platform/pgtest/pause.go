package pgtest

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Pause stops the server and all its children where they are: connections stay
// open, new ones are taken by the kernel, and nobody answers.
func (s *Server) Pause() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.run == nil || s.run.over() {
		return errors.New("pause the database server: it does not run")
	}
	if s.paused != nil {
		return nil
	}
	all, err := s.freeze()
	if err != nil {
		return err
	}
	s.paused, err = watch(all)
	return err
}

// Resume lets a paused server go on. One that is not paused is no error.
func (s *Server) Resume() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.resume()
}

func (s *Server) resume() error {
	if s.paused == nil {
		return nil
	}
	err := s.paused.release()
	s.paused = nil
	return err
}

// freeze stops every process of the server, and returns them. The first one goes
// first, so that the others do not become more.
func (s *Server) freeze() ([]int, error) {
	first := s.run.process.Pid
	if err := halt(first); err != nil {
		return nil, err
	}
	all := append([]int{first}, children(first)...)
	for _, pid := range all[1:] {
		if err := halt(pid); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// kill ends every process of the server, and returns when none is left.
func (s *Server) kill() error {
	all, err := s.freeze()
	if err != nil {
		return err
	}
	for _, pid := range all {
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
			return fmt.Errorf("kill the database server: %w", err)
		}
	}
	<-s.run.ended
	for _, pid := range all[1:] {
		if err := await(pid, gone); err != nil {
			return err
		}
	}
	return s.resume() // nobody is left whom the guard would wake
}

// halt stops a process, and returns when it has stopped or is gone.
func halt(pid int) error {
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("stop a process of the database server: %w", err)
	}
	return await(pid, func(state string) bool { return state == "T" || gone(state) })
}

// await looks at a process until its state is as wanted.
func await(pid int, wanted func(state string) bool) error {
	for deadline := time.Now().Add(stopLimit); ; time.Sleep(time.Millisecond) {
		state, _ := look(pid)
		if wanted(state) {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("process %d of the database server is still in state %s after %s", pid, state, stopLimit)
		}
	}
}

// gone says whether a process with that state runs no more.
func gone(state string) bool { return state == "" || state == "Z" || state == "X" }

// children returns the processes that a process has started.
func children(parent int) []int {
	var found []int
	paths, _ := filepath.Glob("/proc/[0-9]*/stat") // the pattern is right
	for _, path := range paths {
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		if err != nil {
			continue
		}
		if _, of := look(pid); of == parent {
			found = append(found, pid)
		}
	}
	return found
}

// look returns the state of a process, as one letter, and its parent; nothing
// where it is gone.
func look(pid int) (state string, parent int) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return "", 0
	}
	// After the name, which may hold anything, in parentheses.
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	parent, _ = strconv.Atoi(fields[1])
	return fields[0], parent
}

// guard wakes paused processes when it is released or our process is gone: a
// stopped process does not hear that it should end.
type guard struct {
	command *exec.Cmd
	pipe    io.Closer
}

func watch(pids []int) (*guard, error) {
	script := "read -r _; kill -CONT"
	for _, pid := range pids {
		script += " " + strconv.Itoa(pid)
	}
	g := &guard{command: exec.Command("/bin/sh", "-c", script+" 2>/dev/null || true")}
	g.command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	pipe, err := g.command.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("guard the paused database server: %w", err)
	}
	if err := g.command.Start(); err != nil {
		return nil, fmt.Errorf("guard the paused database server: %w", err)
	}
	g.pipe = pipe
	return g, nil
}

func (g *guard) release() error {
	if err := errors.Join(g.pipe.Close(), g.command.Wait()); err != nil {
		return fmt.Errorf("wake the database server: %w", err)
	}
	return nil
}
