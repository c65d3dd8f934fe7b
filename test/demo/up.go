package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/siteplane/siteplane/test/process"
)

const (
	upLimit   = 30 * time.Second
	downLimit = 10 * time.Second
)

// Labels under which `siteplane up` says where things are.
const (
	labelSites      = "sites"
	labelDNS        = "DNS (simulated)"
	labelCloudflare = "Cloudflare (simulated)"
	labelNginx      = "nginx config"
	labelCLI        = "CLI config"
)

// upForm is `siteplane up` as a child process, with a data directory and a log
// file of its own.
type upForm struct {
	program  string
	dataDir  string
	database string
	process  *process.Process

	mu sync.Mutex
	// said holds what this run has said by label; up is closed when that is all.
	said map[string]string
	up   chan struct{}
}

// newUpForm returns one that does not run. Its database is a file unless a URL is
// given.
func newUpForm(c config, dir, otlp, database string) *upForm {
	f := &upForm{program: c.program, dataDir: filepath.Join(dir, "data"), database: database}
	if database == "" {
		f.database = filepath.Join(f.dataDir, "siteplane.db")
	}
	f.forget()
	f.process = process.New(process.Config{
		Name: "siteplane up", Program: c.program, LogFile: filepath.Join(dir, "up.log"), Said: f.learn,
		Args: []string{"up", "--data-dir", f.dataDir, "--port-base", strconv.Itoa(c.portBase),
			"--otlp-endpoint", otlp, "--log-format", "json", "--log-level", "info", "--database", f.database},
	})
	return f
}

// Start starts the process and returns once it has said where everything is.
func (f *upForm) Start(ctx context.Context) error {
	up := f.forget()
	if err := f.process.Start(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, upLimit, fmt.Errorf("it was not up after %s", upLimit))
	defer cancel()
	select {
	case <-up:
		return nil
	case <-f.process.Ended():
		return f.process.Died()
	case <-ctx.Done():
		return fmt.Errorf("wait for `siteplane up`, which has not said %q: %w", f.unknown(), context.Cause(ctx))
	}
}

// Kill ends the process, in which every service runs.
func (f *upForm) Kill(string) error { return f.process.Kill() }

// Restart starts the process again.
func (f *upForm) Restart(ctx context.Context, _ string) error { return f.Start(ctx) }

// Ended is closed when the process has ended.
func (f *upForm) Ended() <-chan struct{} { return f.process.Ended() }

// Died says how the process ended by itself.
func (f *upForm) Died() error {
	select {
	case <-f.process.Ended():
		return f.process.Died()
	default:
		return nil
	}
}

// forget begins a run of which nothing is known.
func (f *upForm) forget() (up <-chan struct{}) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.said, f.up = map[string]string{}, make(chan struct{})
	return f.up
}

var placeLine = regexp.MustCompile(`^  (\S.*?)  +(\S.*)$`)

// learn reads a line of what the process says.
func (f *upForm) learn(line string) {
	match := placeLine.FindStringSubmatch(line)
	if match == nil {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	before := len(f.missing())
	f.said[match[1]] = match[2]
	if before > 0 && len(f.missing()) == 0 {
		close(f.up)
	}
}

// unknown returns the labels that were not said yet.
func (f *upForm) unknown() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.missing()
}

// missing is unknown under the lock.
func (f *upForm) missing() []string {
	return slices.DeleteFunc([]string{labelSites, labelDNS, labelCloudflare, labelNginx, labelCLI}, func(label string) bool {
		return f.said[label] != ""
	})
}

// Where says where things are.
func (f *upForm) Where() places {
	f.mu.Lock()
	defer f.mu.Unlock()
	dns, key, _ := strings.Cut(f.said[labelDNS], ", update key ")
	api, _, _ := strings.Cut(f.said[labelCloudflare], ",")
	return places{
		DNS: dns, DNSKey: key, CloudflareURL: api, SitesPort: portOf(f.said[labelSites]),
		EdgeDir: filepath.Join(f.dataDir, "edge"), TunnelDir: filepath.Join(f.dataDir, "tunnel"), NginxConf: f.said[labelNginx],
		Database: f.database, CLIConfig: f.said[labelCLI], Log: f.process.LogFile(),
	}
}

// portOf returns the port of a URL or of host:port, empty for none.
func portOf(text string) string {
	if _, port, err := net.SplitHostPort(text); err == nil && !strings.Contains(text, "/") {
		return port
	}
	if u, err := url.Parse(text); err == nil {
		return u.Port()
	}
	return ""
}

// End ends the process and then the nginx that outlives it.
func (f *upForm) End() error { return errors.Join(f.process.Terminate(), f.down()) }

// down stops nginx. An installation that got nowhere has none.
func (f *upForm) down() error {
	if _, err := os.Stat(f.dataDir); err != nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), downLimit)
	defer cancel()
	said, err := process.Command(exec.CommandContext(ctx, f.program, "down", "--data-dir", f.dataDir)).CombinedOutput()
	if err != nil {
		return fmt.Errorf("stop nginx: %w: %s", err, strings.TrimSpace(string(said)))
	}
	return nil
}
