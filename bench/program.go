package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc"

	"github.com/siteplane/siteplane/internal/platform/cliconfig"
	"github.com/siteplane/siteplane/internal/platform/identity"
	"github.com/siteplane/siteplane/internal/platform/rpc"
	"github.com/siteplane/siteplane/internal/platform/secret"
	"github.com/siteplane/siteplane/internal/platform/telemetry"
	"github.com/siteplane/siteplane/test/process"
)

// upLimit is how long the program may take until it serves.
const upLimit = time.Minute

// programs are lifecycle, edge-agent and siteplane, built from this tree, and the certificates of an
// installation with some edges.
type programs struct {
	dir   string
	edges []string
}

// buildPrograms builds the programs into a folder and makes the certificates.
func buildPrograms(ctx context.Context, dir string, edges int) (programs, error) {
	p := programs{dir: dir}
	const module = "github.com/siteplane/siteplane/"
	build := exec.CommandContext(ctx, "go", "build", "-o", dir+"/", module+"cmd/siteplane", module+"services/lifecycle/cmd/lifecycle",
		module+"services/edge-agent/cmd/edge-agent")
	if said, err := build.CombinedOutput(); err != nil {
		return p, fmt.Errorf("build the programs: %w: %s", err, strings.TrimSpace(string(said)))
	}
	args := []string{"pki", "init", p.path("pki")}
	for number := range edges {
		p.edges = append(p.edges, fmt.Sprintf("edge-%d", number))
		args = append(args, "--edge", p.edges[number])
	}
	if said, err := exec.CommandContext(ctx, p.path("siteplane"), args...).CombinedOutput(); err != nil {
		return p, fmt.Errorf("make the certificates: %w: %s", err, strings.TrimSpace(string(said)))
	}
	return p, nil
}

func (p programs) path(parts ...string) string {
	return filepath.Join(append([]string{p.dir}, parts...)...)
}

// edge returns the id and the certificates of an edge.
func (p programs) edge(name string) (edgeID string, as *identity.Identity, err error) {
	text, err := os.ReadFile(p.path("pki", "edge", name, "id"))
	if err != nil {
		return "", nil, fmt.Errorf("read the id of the edge: %w", err)
	}
	as, err = identity.Load(identity.FilesIn(p.path("pki", "edge", name)))
	return strings.TrimSpace(string(text)), as, err
}

// running is a lifecycle that runs as a program of its own, without tunnel and validator.
type running struct {
	*process.Process
	programs

	mu      sync.Mutex
	address string
}

// start starts lifecycle on a database and returns once it serves.
func (p programs) start(ctx context.Context, dsn string, flags ...string) (*running, error) {
	r := &running{programs: p}
	announced := make(chan struct{})
	r.Process = process.New(process.Config{
		Name: "lifecycle", Program: p.path("lifecycle"), LogFile: p.path("lifecycle.log"),
		Args: append([]string{
			"--database", dsn, "--pki", p.path("pki", "lifecycle"), "--cli-config", p.path("cli.json"), "--log-level", "warn",
			"--listen-grpc", "127.0.0.1:0", "--listen-rest", "127.0.0.1:0", "--listen-admin", "127.0.0.1:0",
			"--tunnel", "127.0.0.1:1", "--dnsvalidator", "127.0.0.1:1", "--platform-domain", benchZone,
			"--tenant-requests-per-second", "1000000", "--tenant-sites", strconv.Itoa(estateSites),
		}, flags...),
		Said: func(line string) { r.hear(line, announced) },
	})
	if err := r.Start(); err != nil {
		return nil, err
	}
	select {
	case <-announced:
		return r, nil
	case <-r.Ended():
		return nil, r.Died()
	case <-time.After(upLimit):
		return nil, errors.Join(fmt.Errorf("lifecycle did not serve within %s", upLimit), r.Terminate())
	case <-ctx.Done():
		return nil, errors.Join(ctx.Err(), r.Terminate())
	}
}

// hear takes the address that lifecycle says it serves at.
func (r *running) hear(line string, announced chan struct{}) {
	fields := strings.Fields(line)
	if len(fields) != 2 || fields[0] != "gRPC" {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.address == "" {
		r.address = fields[1]
		close(announced)
	}
}

// dial connects as a caller with a key does.
func (r *running) dial(key secret.Secret) (*grpc.ClientConn, error) {
	config, err := cliconfig.Read(r.path("cli.json"))
	if err != nil {
		return nil, err
	}
	roots, err := config.Roots()
	if err != nil {
		return nil, err
	}
	return rpc.Dial(r.address, rpc.DialConfig{
		TLS: &tls.Config{MinVersion: tls.VersionTLS13, RootCAs: roots}, PerRPC: rpc.Bearer(key.Reveal()), Telemetry: telemetry.Discard("bench"),
	})
}

// memoryOf returns the resident memory of a process and the most that it was, in bytes.
func memoryOf(pid int) (now, most int64, err error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, 0, fmt.Errorf("read the memory of process %d: %w", pid, err)
	}
	now, nowErr := kilobytes(string(status), "VmRSS:")
	most, mostErr := kilobytes(string(status), "VmHWM:")
	return now, most, errors.Join(nowErr, mostErr)
}

// kilobytes reads a line of /proc/PID/status, in bytes.
func kilobytes(status, name string) (int64, error) {
	for line := range strings.Lines(status) {
		if fields := strings.Fields(line); len(fields) == 3 && fields[0] == name && fields[2] == "kB" {
			n, err := strconv.ParseInt(fields[1], 10, 64)
			return n << 10, err
		}
	}
	return 0, fmt.Errorf("there is no line %s", name)
}
