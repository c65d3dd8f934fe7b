package nginx

import (
	"fmt"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/siteplane/siteplane/internal/platform/telemetry"
)

// IncidentKind says what happened to our nginx.
type IncidentKind int

// The kinds of incidents.
const (
	// MasterDead: the master was gone.
	MasterDead IncidentKind = iota + 1
	// OrphanedWorkers still served without a master, and were ended.
	OrphanedWorkers
	// PIDFileLost: it was missing, empty, or named another process.
	PIDFileLost
	// Stopped: the master or workers were stopped by a signal, and continued.
	Stopped
	// PortTaken: another process has a public address.
	PortTaken
)

// Incident is something that happened to our nginx, and what was done about it.
type Incident struct {
	Kind   IncidentKind
	Detail string
	At     time.Time
}

// mostIncidents are remembered.
const mostIncidents = 16

// Incidents returns what happened since this agent started, the newest last.
func (n *Instance) Incidents() []Incident { return slices.Clone(n.incidents) }

// note remembers an incident; one that goes on is not told twice.
func (n *Instance) note(kind IncidentKind, format string, values ...any) {
	detail := fmt.Sprintf(format, values...)
	if last := len(n.incidents) - 1; last >= 0 && n.incidents[last].Kind == kind && n.incidents[last].Detail == detail {
		return
	}
	n.config.Logger.Warn("something happened to nginx", telemetry.KeyReason, detail)
	n.incidents = append(n.incidents, Incident{Kind: kind, Detail: detail, At: time.Now()})
	n.incidents = n.incidents[max(0, len(n.incidents)-mostIncidents):]
}

// Resume continues our master and its workers where somebody stopped them: a
// stopped master takes no order, and a stopped worker keeps its connections
// waiting. One that a debugger holds is left to it.
func (n *Instance) Resume() error {
	master, err := n.Master()
	if err != nil || master == 0 {
		return err
	}
	stopped, err := listProcesses(func(process process) bool {
		ours := process.pid == master || process.parent == master && process.isWorker()
		return ours && process.isStopped()
	})
	if err != nil || len(stopped) == 0 {
		return err
	}
	var names []string
	for _, process := range stopped {
		name := "worker"
		if process.pid == master {
			name = "master"
		}
		names = append(names, fmt.Sprintf("%s %d", name, process.pid))
		if err := process.signal(syscall.SIGCONT); err != nil {
			return fmt.Errorf("continue nginx: %w", err)
		}
	}
	n.note(Stopped, "nginx %s stopped by a signal, and continued", strings.Join(names, ", "))
	return nil
}

// Draining returns how many workers of our master still serve what they had
// before a reload, and how many accept connections.
func (n *Instance) Draining() (draining, running int, err error) {
	master, err := n.Master()
	if err != nil || master == 0 {
		return 0, 0, err
	}
	_, err = listProcesses(func(process process) bool {
		switch {
		case process.parent != master || !process.isWorker():
		case process.isDraining():
			draining++
		default:
			running++
		}
		return false
	})
	return draining, running, err
}
