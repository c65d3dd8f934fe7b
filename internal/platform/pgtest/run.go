package pgtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"time"
)

const (
	// stopLimit is how long an order to end may take; then the server is killed.
	stopLimit = 10 * time.Second
	// lookEvery is the pause between two looks at a server that starts or stops.
	lookEvery = 10 * time.Millisecond
)

// run is one run of a program of PostgreSQL.
type run struct {
	process *os.Process
	ended   chan struct{}
	// exit is how it ended; to be read after ended.
	exit error
}

func (r *run) over() bool {
	select {
	case <-r.ended:
		return true
	default:
		return false
	}
}

// launch starts a program that writes into the log. It dies with the thread that
// started it, so a thread is set aside that waits for it and then ends.
func (s *Server) launch(program string, args ...string) (*run, error) {
	log, err := os.OpenFile(s.logFile(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the log of the database server: %w", err)
	}
	defer log.Close()
	cmd := exec.Command(filepath.Join(s.bin, program), args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = s.dir, log, log
	cmd.Env = []string{"LC_ALL=C", "TZ=UTC", "PATH=" + os.Getenv("PATH")} // PGDATA and others would mean another server
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGQUIT, Credential: s.user.credential}
	r := &run{ended: make(chan struct{})}
	started := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlocked, so that nobody else uses and ends the thread
		if err := cmd.Start(); err != nil {
			started <- err
			return
		}
		r.process = cmd.Process
		started <- nil
		r.exit = cmd.Wait()
		close(r.ended)
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start %s: %w", program, err)
	}
	return r, nil
}

// start starts the server and waits until it answers.
func (s *Server) start(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.run != nil && !s.run.over() {
		return errors.New("start the database server: it runs")
	}
	r, err := s.launch("postgres", s.settings()...)
	if err != nil {
		return err
	}
	s.run = r
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		missed := s.Exec(ctx, "postgres", "")
		if missed == nil {
			return nil
		}
		select {
		case <-r.ended:
			return fmt.Errorf("the database server ended by itself (%w) and said:\n%s", r.exit, s.Log())
		case <-ctx.Done():
			return fmt.Errorf("wait for the database server: %w: %w", context.Cause(ctx), missed)
		case <-tick.C:
		}
	}
}

// Restart starts the server again on its data, after an orderly stop where it
// still runs.
func (s *Server) Restart(ctx context.Context) error {
	if err := s.Stop(); err != nil {
		return err
	}
	return s.start(ctx)
}

// Stop ends the server in order: transactions are rolled back, clients told to
// go. One that does not run is no error.
func (s *Server) Stop() error { return s.end(syscall.SIGINT) }

// StopImmediately ends the server without a word to its clients, and the next
// start recovers.
func (s *Server) StopImmediately() error { return s.end(syscall.SIGQUIT) }

func (s *Server) end(order syscall.Signal) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.run == nil || s.run.over() {
		return nil
	}
	if err := s.resume(); err != nil {
		return err
	}
	if err := s.run.process.Signal(order); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("end the database server: %w", err)
	}
	select {
	case <-s.run.ended:
		return nil
	case <-time.After(stopLimit):
		return errors.Join(fmt.Errorf("the database server had not ended %s after %s and was killed", stopLimit, order), s.kill())
	}
}

// Kill ends the server and all its children as a power cut does.
func (s *Server) Kill() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.run == nil || s.run.over() {
		return nil
	}
	return s.kill()
}
