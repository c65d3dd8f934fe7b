package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// prove waits for what the agent waits for: three fresh connections in a row
// answered by new workers with the new generation, old workers gone or draining.
func (n *bareNginx) prove(ctx context.Context, generation uint64, old []int) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for streak := 0; streak < 3; {
		if n.runs(ctx, generation, old) {
			streak++
		} else {
			streak = 0
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("prove the baseline's generation %d: %w", generation, ctx.Err())
		case <-time.After(4 * time.Millisecond):
		}
	}
	return nil
}

func (n *bareNginx) runs(ctx context.Context, generation uint64, old []int) bool {
	transport := &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", n.socket())
	}}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://status/", http.NoBody)
	if err != nil {
		return false
	}
	response, err := transport.RoundTrip(request)
	if err != nil {
		return false
	}
	defer func() { _ = response.Body.Close() }()
	var status struct {
		Generation uint64
		PID        int
	}
	if json.NewDecoder(response.Body).Decode(&status) != nil || status.Generation != generation || slices.Contains(old, status.PID) {
		return false
	}
	return !slices.ContainsFunc(old, accepting)
}

func (n *bareNginx) master() (int, error) {
	data, err := os.ReadFile(filepath.Join(n.dir, "nginx.pid"))
	if err != nil {
		return 0, fmt.Errorf("find the baseline's nginx: %w", err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(data)))
	if err != nil {
		return 0, fmt.Errorf("find the baseline's nginx: %w", err)
	}
	return pid, nil
}

// workers returns the children of the master.
func (n *bareNginx) workers() ([]int, error) {
	master, err := n.master()
	if err != nil {
		return nil, err
	}
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, fmt.Errorf("list processes: %w", err)
	}
	var pids []int
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		stat, err := os.ReadFile(filepath.Join("/proc", entry.Name(), "stat"))
		if err != nil {
			continue
		}
		fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
		if len(fields) > 1 && fields[1] == strconv.Itoa(master) {
			pids = append(pids, pid)
		}
	}
	return pids, nil
}

func commandLine(pid int) string {
	data, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "cmdline"))
	if err != nil {
		return ""
	}
	return string(data)
}

func alive(pid int) bool { return commandLine(pid) != "" }

func accepting(pid int) bool {
	command := commandLine(pid)
	return command != "" && !strings.Contains(command, "is shutting down")
}

func draining(pid int) bool { return strings.Contains(commandLine(pid), "is shutting down") }
