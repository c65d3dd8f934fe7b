// Package process owns one program of an installation under test: it starts,
// ends, is killed and starts again on the same data.
//
// It must not know what the program does. Invariants: a program never outlives
// its end by more than stopLimit; what it writes is kept in its log file, over
// all its runs; the terminal's signals do not reach it.
package process

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"
)

// stopLimit is what every program promises: SIGTERM ends it within it. A little
// more is left to the machine.
const stopLimit = 11 * time.Second

// Config says what to run.
type Config struct {
	// Name is for people.
	Name, Program string
	Args          []string
	// Env is added to the environment.
	Env []string
	// LogFile takes stderr.
	LogFile string
	// Said is called with each line of stdout, from one goroutine for each run.
	Said func(line string)
}

// Process is a program that may run. It is safe for concurrent use.
type Process struct {
	cfg Config

	mu  sync.Mutex
	run *run
}

// run is one run of the program.
type run struct {
	command *exec.Cmd
	ended   chan struct{}
	// exit is how it ended; to be read after ended.
	exit error
	// wanted says that it was ended, and not by itself. The mutex guards it.
	wanted bool
}

// New returns a process that does not run.
func New(cfg Config) *Process { return &Process{cfg: cfg} }

// Name returns the name.
func (p *Process) Name() string { return p.cfg.Name }

// LogFile returns where stderr goes.
func (p *Process) LogFile() string { return p.cfg.LogFile }

// Start starts a program that does not run.
func (p *Process) Start() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.run != nil && !p.run.over() {
		return fmt.Errorf("start %s: it runs", p.cfg.Name)
	}
	log, err := os.OpenFile(p.cfg.LogFile, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("open the log of %s: %w", p.cfg.Name, err)
	}
	defer log.Close()
	r := &run{command: Command(exec.Command(p.cfg.Program, p.cfg.Args...)), ended: make(chan struct{})}
	r.command.Env = append(os.Environ(), p.cfg.Env...)
	r.command.Stderr = log
	said, err := r.command.StdoutPipe()
	if err != nil {
		return fmt.Errorf("read from %s: %w", p.cfg.Name, err)
	}
	if err := r.command.Start(); err != nil {
		return fmt.Errorf("start %s: %w", p.cfg.Name, err)
	}
	p.run = r
	go p.follow(r, said)
	return nil
}

// Command keeps the terminal's signals off a child: what an interrupt ends, and
// in which order, is the parent's to say.
func Command(cmd *exec.Cmd) *exec.Cmd {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	return cmd
}

// follow passes on what the program says, until it ends.
func (p *Process) follow(r *run, said io.Reader) {
	for lines := bufio.NewScanner(said); lines.Scan(); {
		if p.cfg.Said != nil {
			p.cfg.Said(lines.Text())
		}
	}
	r.exit = r.command.Wait()
	close(r.ended)
}

func (r *run) over() bool {
	select {
	case <-r.ended:
		return true
	default:
		return false
	}
}

// Ended is closed when the present run has ended, and at once when there was
// none.
func (p *Process) Ended() <-chan struct{} {
	if r := p.current(); r != nil {
		return r.ended
	}
	over := make(chan struct{})
	close(over)
	return over
}

func (p *Process) current() *run {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.run
}

// take returns the present run, which the caller is about to end, or nil where
// nothing runs that nobody knows the end of.
func (p *Process) take() *run {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.run == nil || p.run.wanted {
		return nil
	}
	p.run.wanted = true
	return p.run
}

// Kill ends the program as a power cut does. One that does not run is an error.
func (p *Process) Kill() error {
	r := p.take()
	if r == nil {
		return fmt.Errorf("kill %s: it does not run", p.cfg.Name)
	}
	if r.over() {
		return p.died(r)
	}
	if err := r.command.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("kill %s: %w", p.cfg.Name, err)
	}
	<-r.ended
	return nil
}

// Pid returns the process id of the present run, 0 where there was none.
func (p *Process) Pid() int {
	if r := p.current(); r != nil {
		return r.command.Process.Pid
	}
	return 0
}

// Pause stops the program where it is, until Resume.
func (p *Process) Pause() error { return p.signal(syscall.SIGSTOP) }

// Resume lets a paused program go on.
func (p *Process) Resume() error { return p.signal(syscall.SIGCONT) }

func (p *Process) signal(s syscall.Signal) error {
	r := p.current()
	if r == nil || r.over() {
		return fmt.Errorf("send %s to %s: it does not run", s, p.cfg.Name)
	}
	return r.command.Process.Signal(s)
}

// Terminate ends the program in order. That it had ended by itself, takes longer
// than it may, or says that something went wrong, is an error. One that does not
// run is none.
func (p *Process) Terminate() error {
	r := p.take()
	if r == nil {
		return nil
	}
	if r.over() {
		return p.died(r)
	}
	if err := r.command.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("end %s: %w", p.cfg.Name, err)
	}
	select {
	case <-r.ended:
	case <-time.After(stopLimit):
		killed := r.command.Process.Kill()
		<-r.ended
		return errors.Join(fmt.Errorf("%s had not ended %s after SIGTERM and was killed", p.cfg.Name, stopLimit), killed)
	}
	if r.exit != nil {
		return fmt.Errorf("end %s: %w: %s", p.cfg.Name, r.exit, p.Complaint())
	}
	return nil
}

// Died says how a program that has ended by itself did; call it after Ended. It
// is said once.
func (p *Process) Died() error {
	if r := p.take(); r != nil {
		return p.died(r)
	}
	return fmt.Errorf("%s does not run", p.cfg.Name)
}

func (p *Process) died(r *run) error {
	exit := "exit status 0"
	if r.exit != nil {
		exit = r.exit.Error()
	}
	return fmt.Errorf("`%s` ended by itself (%s) and said:\n%s", p.cfg.Name, exit, p.Complaint())
}

// Complaint is what the program wrote for people: the lines of its log that are
// no log.
func (p *Process) Complaint() string {
	content, err := os.ReadFile(p.cfg.LogFile)
	if err != nil {
		return err.Error()
	}
	var lines []string
	for line := range strings.Lines(string(content)) {
		if !json.Valid([]byte(line)) {
			lines = append(lines, "  "+strings.TrimRight(line, "\n"))
		}
	}
	return strings.Join(lines, "\n")
}
