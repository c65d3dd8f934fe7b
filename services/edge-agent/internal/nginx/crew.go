package nginx

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"regexp"
	"slices"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// Process is one process for good: ids come round again, so its start belongs to
// it.
type Process struct {
	PID int `json:"pid"`
	// Started in clock ticks after the machine.
	Started uint64 `json:"started"`
}

// isGone tells whether a process that was known has ended.
func (p Process) isGone() bool {
	now, alive := readProcess(p.PID)
	return p != Process{} && (!alive || now.identity() != p)
}

// ticksPerSecond is what Linux shows to programs, whatever it counts in.
const ticksPerSecond = 100

// startedAt returns the start by the clock on the wall.
func (p Process) startedAt() time.Time { return time.Now().Add(-p.age()) }

func (p Process) age() time.Duration {
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &now); err != nil {
		return 0
	}
	return time.Duration(now.Nano()) - time.Duration(p.Started)*(time.Second/ticksPerSecond)
}

// Crew is a master with its workers that accept connections.
type Crew struct {
	Master  Process   `json:"master"`
	Workers []Process `json:"workers"`
	// Logged is the size of the error log at that moment.
	Logged int64 `json:"logged"`
}

// Crew returns who runs now, the zero Crew when no master does.
func (n *Instance) Crew() (Crew, error) {
	pid, err := n.Master()
	if err != nil || pid == 0 {
		return Crew{}, err
	}
	master, alive := readProcess(pid)
	if !alive {
		return Crew{}, nil
	}
	found, err := workers(pid)
	if err != nil {
		return Crew{}, err
	}
	crew := Crew{Master: master.identity(), Logged: n.logSize()}
	for _, worker := range found {
		crew.Workers = append(crew.Workers, worker.identity())
	}
	return crew, nil
}

// Reload is a reload or restart that we did not order.
type Reload struct {
	// Master that runs now.
	Master int `json:"master"`
	// Restarted: it is another one than before.
	Restarted bool `json:"restarted"`
	// Since is when it came to be, as near as processes tell.
	Since time.Time `json:"since"`
}

// settled is the age at which a worker is no part of a reload under way any more:
// a master tells its old workers to go 0.1 s after it made new ones.
const settled = time.Second

// Watch compares who runs now with a crew of before. A Reload is returned when
// somebody replaced it: then the workers may run any configuration. Otherwise
// next is the crew to watch from now on; a worker that the master put in the
// place of a crashed one runs the same configuration and belongs to it. No master
// is no reload.
func (n *Instance) Watch(known Crew) (next Crew, reload *Reload, err error) {
	now, err := n.Crew()
	if err != nil || now.Master == (Process{}) {
		return known, nil, err
	}
	if now.Master != known.Master {
		return known, &Reload{Master: now.Master.PID, Restarted: true, Since: now.Master.startedAt()}, nil
	}
	fresh, gone := without(now.Workers, known.Workers), without(known.Workers, now.Workers)
	if len(fresh) == 0 {
		// A master makes new workers before it tells the old ones to go.
		return known, nil, nil
	}
	crashed, replaced, err := n.causes(known, gone)
	switch {
	case err != nil:
		return known, nil, err
	case replaced:
		return known, &Reload{Master: now.Master.PID, Since: earliest(fresh)}, nil
	case len(fresh) <= crashed || !slices.ContainsFunc(fresh, isYoung):
		return now, nil, nil
	}
	return known, nil, nil
}

func isYoung(worker Process) bool { return worker.age() < settled }

// causes tells how many workers crashed since known was seen, and whether those
// that are gone left because of an order. One that is shutting down was told to.
// When all are gone and some did not crash, these were; while one still accepts
// connections no reload has happened, because a master tells all of them at once.
func (n *Instance) causes(known Crew, gone []Process) (crashed int, replaced bool, err error) {
	for _, worker := range gone {
		if process, alive := readProcess(worker.PID); alive && process.identity() == worker {
			return 0, true, nil
		}
	}
	for begun, reaped := time.Now(), time.Now(); ; time.Sleep(proofPause) {
		pids, err := n.crashed(known.Logged)
		unclear := slices.DeleteFunc(slices.Clone(gone), func(worker Process) bool { return slices.Contains(pids, worker.PID) })
		if err != nil || len(unclear) == 0 || len(gone) < len(known.Workers) || time.Since(begun) > reapPatience {
			return len(pids), false, err
		}
		if slices.ContainsFunc(unclear, isZombie) {
			reaped = time.Now()
		}
		if time.Since(reaped) > logPatience {
			return len(pids), true, nil
		}
	}
}

const (
	// reapPatience is how long a master may take to notice that a worker ended. When
	// it does not, the next look sees more.
	reapPatience = 2 * time.Second
	// logPatience is how long it may take then to log that the worker crashed.
	logPatience = 200 * time.Millisecond
)

// mostLog is how much of the end of the error log is searched.
const mostLog = 1 << 20

// exit is how a master logs that a signal ended a worker.
var exit = regexp.MustCompile(`worker process (\d+) exited on signal`)

// crashed returns the workers of which the error log says, after offset, that a
// signal ended them.
func (n *Instance) crashed(offset int64) (pids []int, err error) {
	file, err := os.Open(n.config.LogFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the error log: %w", err)
	}
	defer func() { _ = file.Close() }()
	size := n.logSize()
	if size < offset {
		offset = 0 // the log was cut
	}
	data, err := io.ReadAll(io.NewSectionReader(file, max(offset, size-mostLog), mostLog))
	if err != nil {
		return nil, fmt.Errorf("read the error log: %w", err)
	}
	for _, match := range exit.FindAllSubmatch(data, -1) {
		if pid, err := strconv.Atoi(string(match[1])); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids, nil
}

func without(all, some []Process) []Process {
	return slices.DeleteFunc(slices.Clone(all), func(process Process) bool { return slices.Contains(some, process) })
}

func earliest(workers []Process) time.Time {
	first := time.Now()
	for _, worker := range workers {
		if at := worker.startedAt(); at.Before(first) {
			first = at
		}
	}
	return first
}
