package nginx

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Master returns the process id of our master, or 0 when none runs. A pid file
// that is missing, empty or names somebody else does not matter: the process
// table is searched, and the file is written again for nginx -s.
func (n *Instance) Master() (int, error) {
	written := n.readPIDFile()
	if process, alive := readProcess(written); written != 0 && alive && n.isOurs(process) {
		n.known = process.identity()
		return written, nil
	}
	masters, err := listProcesses(n.isOurs)
	if err != nil || len(masters) == 0 {
		return 0, err
	}
	pid := masters[0].pid
	n.known = masters[0].identity()
	// A master that is starting writes the file, and then takes its title.
	if written = n.readPIDFile(); written == pid {
		return pid, nil
	}
	if err := os.WriteFile(n.config.Runtime.PIDFile(), []byte(strconv.Itoa(pid)+"\n"), 0o644); err != nil {
		return 0, fmt.Errorf("repair the pid file: %w", err)
	}
	n.note(PIDFileLost, "the pid file %s instead of naming nginx master %d, and was written again", saidInstead(written), pid)
	return pid, nil
}

func saidInstead(written int) string {
	if written == 0 {
		return "was missing or held no number"
	}
	return fmt.Sprintf("named process %d", written)
}

// running is our master for good, the zero Process when none runs or that cannot
// be told.
func (n *Instance) running() Process {
	pid, err := n.Master()
	if err != nil || pid == 0 {
		return Process{}
	}
	master, alive := readProcess(pid)
	if !alive {
		return Process{}
	}
	return master.identity()
}

func (n *Instance) readPIDFile() int {
	data, err := os.ReadFile(n.config.Runtime.PIDFile())
	if err != nil {
		return 0
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(data)))
	if err != nil || pid < 2 {
		return 0
	}
	return pid
}

func (n *Instance) isOurs(process process) bool {
	return process.isMaster() && strings.Contains(process.command+" ", " -c "+n.config.ConfFile+" ")
}

// workers returns the workers of a master that accept connections.
func workers(master int) ([]process, error) {
	return listProcesses(func(process process) bool {
		return process.parent == master && process.isWorker() && !process.isDraining()
	})
}

// clearDead removes what a master that was killed left behind: workers that
// still serve its configuration and hold its addresses, and socket files.
func (n *Instance) clearDead() error {
	sockets := []string{n.config.Runtime.StatusSocket(), n.config.Runtime.InternalSocket()}
	for _, socket := range sockets {
		if err := n.endOrphans(socket); err != nil {
			return err
		}
	}
	for _, file := range append(sockets, n.config.Runtime.PIDFile()) {
		if err := os.Remove(file); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("clear what a dead nginx left: %w", err)
		}
	}
	return nil
}

const (
	// orphanPatience is how long orphans may take to close their sockets.
	orphanPatience = 5 * time.Second
	// killPatience is how long that may take where they were killed.
	killPatience = 2 * time.Second
)

// endOrphans asks workers without a master to drain, and waits until none listens
// on socket; those that do not hear it are killed. They are ours because nobody
// else can have a socket in our private directory.
func (n *Instance) endOrphans(socket string) error {
	deadline := time.Now().Add(orphanPatience)
	told := map[Process]syscall.Signal{}
	for {
		orphans, err := listeningWorkers(socket)
		if err != nil || len(orphans) == 0 {
			return err
		}
		late := time.Since(deadline)
		if late > killPatience {
			return fmt.Errorf("end orphaned worker %d: it still listens although it was killed", orphans[0].pid)
		}
		signal := syscall.SIGQUIT
		if late > 0 {
			signal = syscall.SIGKILL
		}
		if err := n.tell(orphans, signal, told); err != nil {
			return err
		}
		time.Sleep(proofPause)
	}
}

// tell signals the orphans that were not told so yet.
func (n *Instance) tell(orphans []process, signal syscall.Signal, told map[Process]syscall.Signal) error {
	for _, orphan := range orphans {
		if told[orphan.identity()] == signal {
			continue
		}
		told[orphan.identity()] = signal
		what := "told to drain"
		if signal == syscall.SIGKILL {
			what = "killed, because it did not hear"
		}
		n.note(OrphanedWorkers, "nginx worker %d served without a master, and was %s", orphan.pid, what)
		if err := orphan.signal(signal); err != nil {
			return fmt.Errorf("end orphaned worker: %w", err)
		}
	}
	return nil
}

func listeningWorkers(socket string) ([]process, error) {
	inodes, err := unixInodes(socket)
	if err != nil {
		return nil, err
	}
	found, err := holders(inodes)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(found, func(process process) bool { return !process.isWorker() }), nil
}
