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
	if pid := n.readPIDFile(); pid != 0 {
		if process, alive := readProcess(pid); alive && n.isOurs(process) {
			return pid, nil
		}
	}
	masters, err := listProcesses(n.isOurs)
	if err != nil || len(masters) == 0 {
		return 0, err
	}
	pid := masters[0].pid
	if err := os.WriteFile(n.config.Runtime.PIDFile(), []byte(strconv.Itoa(pid)+"\n"), 0o644); err != nil {
		return 0, fmt.Errorf("repair the pid file: %w", err)
	}
	return pid, nil
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

const orphanPatience = 5 * time.Second

// endOrphans asks workers without a master to drain and waits until none
// listens on socket.
func (n *Instance) endOrphans(socket string) error {
	deadline := time.Now().Add(orphanPatience)
	var asked []int
	for {
		orphans, err := listeningWorkers(socket)
		if err != nil || len(orphans) == 0 {
			return err
		}
		for _, orphan := range orphans {
			if slices.Contains(asked, orphan.pid) {
				continue
			}
			n.config.Logger.Warn("orphaned nginx worker told to drain", "pid", orphan.pid)
			if err := syscall.Kill(orphan.pid, syscall.SIGQUIT); err != nil && !errors.Is(err, syscall.ESRCH) {
				return fmt.Errorf("end orphaned worker %d: %w", orphan.pid, err)
			}
			asked = append(asked, orphan.pid)
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("end orphaned worker %d: it still listens; end it with `kill -9 %d`", orphans[0].pid, orphans[0].pid)
		}
		time.Sleep(proofPause)
	}
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
