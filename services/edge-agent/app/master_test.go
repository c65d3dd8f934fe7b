package app_test

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	edgev1 "github.com/siteplane/siteplane/gen/siteplane/edge/v1"

	"github.com/siteplane/siteplane/services/edge-agent/app"
)

// seldom leaves it to the test when the agent looks at nginx.
func seldom(config *app.Config) { config.CheckInterval = time.Hour }

// wantIncident expects that the state names something that happened to nginx.
func (e *edge) wantIncident(kind edgev1.IncidentKind, parts ...string) {
	e.t.Helper()
	incidents := e.state().GetIncidents()
	if !slices.ContainsFunc(incidents, func(incident *edgev1.Incident) bool {
		lacks := func(part string) bool { return !strings.Contains(incident.GetDetail(), part) }
		return incident.GetKind() == kind && !slices.ContainsFunc(parts, lacks) && time.Since(incident.GetAt().AsTime()) < time.Minute
	}) {
		e.t.Errorf("incidents are %v, want %s with %q", incidents, kind, parts)
	}
}

func (e *edge) master() int { return int(e.state().GetRunning().GetMasterPid()) }

// F36, V3: a stopped master takes orders and does nothing.
func TestRun_stopped_nginx(t *testing.T) {
	for name, c := range map[string]struct {
		// stop returns what was stopped.
		stop func(*edge) []int
		look func(*edge)
	}{
		"a master, found by an apply": {
			func(e *edge) []int { return []int{e.master()} },
			func(e *edge) { e.mustPut(2, newSite(2, "127.0.0.1:9", "new.example.com")) },
		},
		"a master, found by a look": {
			func(e *edge) []int { return []int{e.master()} },
			func(e *edge) { e.state() },
		},
		"workers, found by a look": {
			func(e *edge) []int { return children(e.t, int32(e.master())) },
			func(e *edge) { e.state() },
		},
	} {
		t.Run(name, func(t *testing.T) {
			e := startEdge(t, seldom)
			e.mustPut(1, newSite(1, startOrigin(t, "main"), "shop.example.com"))
			// An old worker may end before it stands still.
			eventually(t, "no worker drains", func() bool { return e.state().GetDrainingWorkers() == 0 })
			master := e.master()
			stopped := c.stop(e)
			for _, pid := range stopped {
				stopProcess(t, pid)
				eventually(t, "it stands still", func() bool { return processState(t, pid) == "T" })
			}
			c.look(e)
			for _, pid := range stopped {
				e.wantIncident(edgev1.IncidentKind_INCIDENT_KIND_STOPPED, strconv.Itoa(pid), "stopped by a signal, and continued")
			}
			if t.Failed() {
				return // a worker that stands still answers nobody
			}
			e.wantStatus("shop.example.com", "/", 200)
			e.mustPut(3, newSite(3, "127.0.0.1:9", "another.example.com"))
			if now := e.master(); now != master {
				t.Errorf("master was %d, is %d", master, now)
			}
		})
	}
}

// stopProcess leaves nothing behind that stands still for ever.
func stopProcess(t *testing.T, pid int) {
	t.Helper()
	check(t, syscall.Kill(pid, syscall.SIGSTOP))
	t.Cleanup(func() { _ = syscall.Kill(pid, syscall.SIGCONT) })
}

// processState is the letter of proc_pid_stat(5), empty for what has ended.
func processState(t *testing.T, pid int) string {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return ""
	}
	return strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))[0]
}

// F36, V4: the pid file is not to be trusted, and nobody else is signalled.
func TestRun_pid_file_that_names_nobody_of_ours(t *testing.T) {
	e := startEdge(t, seldom)
	e.mustPut(1, newSite(1, startOrigin(t, "main"), "shop.example.com"))
	master := e.master()
	stranger := exec.CommandContext(t.Context(), "sleep", "600")
	check(t, stranger.Start())
	defer func() { _ = stranger.Wait() }()
	defer func() { check(t, stranger.Process.Kill()) }()
	file := filepath.Join(e.config.RuntimeDir, "nginx.pid")
	generation := uint64(1)
	for _, c := range []struct {
		name, detail string
		spoil        func() error
	}{
		{"missing", "was missing or held no number", func() error { return os.Remove(file) }},
		{"empty", "was missing or held no number", func() error { return os.Truncate(file, 0) }},
		{"that of a stranger", fmt.Sprintf("named process %d", stranger.Process.Pid), func() error {
			return os.WriteFile(file, []byte(strconv.Itoa(stranger.Process.Pid)), 0o644)
		}},
	} {
		e.sub(c.name, func(t *testing.T) {
			check(t, c.spoil())
			generation++
			e.mustPut(generation, newSite(int(generation), "127.0.0.1:9", fmt.Sprintf("new%d.example.com", generation)))
			e.wantIncident(edgev1.IncidentKind_INCIDENT_KIND_PID_FILE_LOST, c.detail, "nginx master "+strconv.Itoa(master))
			if now := e.master(); now != master {
				t.Errorf("master was %d, is %d", master, now)
			}
			if text, err := os.ReadFile(file); err != nil || strings.TrimSpace(string(text)) != strconv.Itoa(master) {
				t.Errorf("the pid file holds %q, %v", text, err)
			}
			if state := processState(t, stranger.Process.Pid); state != "S" {
				t.Errorf("the stranger is %q", state)
			}
		})
	}
}

// F36, V4: workers without a master hold the addresses and serve what was. They
// are ended; those of another nginx beside are not.
func TestRun_orphaned_workers(t *testing.T) {
	for name, c := range map[string]struct {
		before func(t *testing.T, worker int)
		detail string
	}{
		"are told to drain":                {func(*testing.T, int) {}, "told to drain"},
		"are killed when they do not hear": {stopProcess, "killed, because it did not hear"},
	} {
		t.Run(name, func(t *testing.T) {
			e, beside := startEdge(t, seldom), startEdge(t, seldom)
			for _, each := range []*edge{e, beside} {
				each.mustPut(1, newSite(1, startOrigin(t, "main"), "shop.example.com"))
			}
			// Old workers of the first apply may still be ending.
			eventually(t, "no worker drains", func() bool { return e.state().GetDrainingWorkers() == 0 && beside.state().GetDrainingWorkers() == 0 })
			master, workers := e.master(), children(t, int32(e.master()))
			besideMaster, besideWorkers := beside.master(), children(t, int32(beside.master()))

			check(t, syscall.Kill(master, syscall.SIGKILL))
			for _, worker := range workers {
				c.before(t, worker)
			}
			eventually(t, "another master runs", func() bool { return e.master() != 0 && e.master() != master })
			e.wantStatus("shop.example.com", "/", 200)
			e.wantIncident(edgev1.IncidentKind_INCIDENT_KIND_MASTER_DEAD, strconv.Itoa(master))
			for _, worker := range workers {
				e.wantIncident(edgev1.IncidentKind_INCIDENT_KIND_ORPHANED_WORKERS, "worker "+strconv.Itoa(worker)+" ", c.detail)
				eventually(t, "the orphan has ended", func() bool { state := processState(t, worker); return state == "" || state == "Z" })
			}
			if len(workers) == 0 {
				t.Error("there were no workers")
			}
			if now := beside.master(); now != besideMaster || !slices.Equal(children(t, int32(now)), besideWorkers) {
				t.Error("the nginx beside was touched")
			}
			if incidents := beside.state().GetIncidents(); len(incidents) > 0 {
				t.Errorf("the agent beside tells of %v", incidents)
			}
		})
	}
}

// F36: nginx is gone, and somebody else has its address by now.
func TestGetState_foreign_port_owner(t *testing.T) {
	e := startEdge(t, seldom)
	e.mustPut(1, newSite(1, startOrigin(t, "main"), "shop.example.com"))
	master := e.master()
	for _, pid := range append([]int{master}, children(t, int32(master))...) {
		check(t, syscall.Kill(pid, syscall.SIGKILL))
	}
	var stranger net.Listener
	eventually(t, "the address is free", func() (free bool) {
		var err error
		stranger, err = net.Listen("tcp", e.public)
		return err == nil
	})
	state := e.state()
	owner := fmt.Sprintf("process %d", os.Getpid())
	if state.GetRunning() != nil || !strings.Contains(state.GetLastError(), owner) || !strings.Contains(state.GetLastError(), e.public) {
		t.Errorf("state is %v", state)
	}
	e.wantIncident(edgev1.IncidentKind_INCIDENT_KIND_MASTER_DEAD, strconv.Itoa(master))
	e.wantIncident(edgev1.IncidentKind_INCIDENT_KIND_PORT_TAKEN, e.public, owner)
	if incidents := e.state().GetIncidents(); len(incidents) > 2 {
		t.Errorf("what goes on is told again and again: %v", incidents)
	}
	check(t, stranger.Close())
	eventually(t, "nginx runs again", func() bool { return e.state().GetRunning().GetGeneration() == 1 })
	e.wantStatus("shop.example.com", "/", 200)
}
