//go:build failpoints

package failpoint

import (
	"fmt"
	"os"
	"sync"
	"syscall"
)

const (
	// Variable names the failpoint at which the process shall die.
	Variable = "SITEPLANE_FAILPOINT"
	// LogVariable names the file that each failpoint is appended to, a line each,
	// the first time that it is passed.
	LogVariable = "SITEPLANE_FAILPOINT_LOG"
)

// FromEnvironment returns what kills the process, as SIGKILL does, the first time
// that it passes the failpoint of the environment, and keeps the log; nil when
// the environment asks for neither.
func FromEnvironment() Reached {
	p := &passed{dieAt: Name(os.Getenv(Variable)), log: os.Getenv(LogVariable), seen: map[Name]bool{}}
	if p.dieAt == "" && p.log == "" {
		return nil
	}
	return p.reached
}

// passed are the failpoints of this process until now.
type passed struct {
	dieAt Name
	log   string

	mu   sync.Mutex
	seen map[Name]bool
}

func (p *passed) reached(name Name) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.seen[name] {
		return
	}
	p.seen[name] = true
	if err := p.write(name); err != nil {
		fmt.Fprintf(os.Stderr, "failpoint %s is not logged: %v\n", name, err)
	}
	if name != p.dieAt {
		return
	}
	fmt.Fprintf(os.Stderr, "failpoint %s\n", name)
	_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	select {} // not one instruction more
}

func (p *passed) write(name Name) error {
	if p.log == "" {
		return nil
	}
	file, err := os.OpenFile(p.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer file.Close()
	_, err = fmt.Fprintln(file, name)
	return err
}
