// Package app runs an edge agent: it makes the nginx of one host serve what
// lifecycle sends. It is what a main function, `siteplane up` and end-to-end
// tests start. nginx outlives it.
package app

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/siteplane/siteplane/internal/platform/identity"
	"github.com/siteplane/siteplane/internal/platform/telemetry"

	"github.com/siteplane/siteplane/services/edge-agent/internal/nginx"
)

// Config says what an agent needs. Listener, Identity, Telemetry, EdgeID, Dir,
// RuntimeDir and PublicListen are required.
type Config struct {
	// EdgeID of this host, edge_...
	EdgeID string
	// Listener of the gRPC service; Run closes it.
	Listener net.Listener
	Identity *identity.Identity
	// Telemetry takes logs and spans; the caller shuts it down.
	Telemetry *telemetry.Telemetry
	// Dir is an absolute path that survives a reboot: rendered files, last good
	// snapshot, probe key, logs. Only the agent's user can read it.
	Dir string
	// RuntimeDir is a short absolute path (at most 85 bytes) for sockets, pid and
	// temporary files. The nginx workers must be able to enter it.
	RuntimeDir string
	// PublicListen holds addresses as ip:port.
	PublicListen []string
	// NginxBin is a name or a path; empty: nginx.
	NginxBin string
	// NginxUser runs the workers; empty: nobody. Ignored unless the agent is root.
	NginxUser string
	// ProofTimeout bounds the wait for new workers; 0: 10 s.
	ProofTimeout time.Duration
	// TestTimeout bounds the test of a configuration; 0: 60 s.
	TestTimeout time.Duration
	// CheckInterval is how often a dead nginx is looked for; 0: 2 s.
	CheckInterval time.Duration
}

var (
	// Paths and names go into nginx.conf, so their alphabets are closed.
	pathPattern = regexp.MustCompile(`^/[A-Za-z0-9/._@+-]*$`)
	userPattern = regexp.MustCompile(`^[a-z_][a-z0-9_-]{0,31}$`)
)

// Validate reports every problem at once.
func (c Config) Validate() error {
	return errors.Join(
		required("edge id", c.EdgeID != ""),
		required("listener", c.Listener != nil),
		required("identity", c.Identity != nil),
		required("telemetry", c.Telemetry != nil),
		c.Check(),
	)
}

// Check reports every problem of the settings, before there are edge id,
// listener, identity and telemetry.
func (c Config) Check() error {
	c = c.withDefaults()
	_, runtimeErr := nginx.NewRuntime(c.RuntimeDir)
	_, listenErr := c.publicListen()
	return errors.Join(
		checkPath("directory", c.Dir),
		checkPath("runtime directory", c.RuntimeDir),
		runtimeErr,
		listenErr,
		checkUser(c.NginxUser),
		checkDurations(c),
	)
}

func (c Config) withDefaults() Config {
	c.NginxBin = orDefault(c.NginxBin, "nginx")
	c.ProofTimeout = orDefault(c.ProofTimeout, 10*time.Second)
	c.TestTimeout = orDefault(c.TestTimeout, time.Minute)
	c.CheckInterval = orDefault(c.CheckInterval, 2*time.Second)
	c.NginxUser = orDefault(c.NginxUser, "nobody")
	if os.Geteuid() != 0 {
		c.NginxUser = ""
	}
	return c
}

func orDefault[T comparable](value, fallback T) T {
	var zero T
	if value == zero {
		return fallback
	}
	return value
}

func required(name string, given bool) error {
	if given {
		return nil
	}
	return fmt.Errorf("%s is missing", name)
}

func checkPath(name, path string) error {
	switch {
	case path == "":
		return fmt.Errorf("%s is missing", name)
	case !pathPattern.MatchString(path):
		return fmt.Errorf("%s %q is not an absolute path of letters, digits and /._@+-, which is all that goes into nginx.conf", name, path)
	case filepath.Clean(path) != path:
		return fmt.Errorf("%s %q is not in its shortest form, which is %q", name, path, filepath.Clean(path))
	}
	return nil
}

func checkUser(name string) error {
	if name != "" && !userPattern.MatchString(name) {
		return fmt.Errorf("nginx user %q is not a user name", name)
	}
	return nil
}

func checkDurations(c Config) error {
	if c.ProofTimeout < 0 || c.TestTimeout < 0 || c.CheckInterval < 0 {
		return errors.New("a timeout or interval is negative")
	}
	return nil
}

func (c Config) publicListen() ([]netip.AddrPort, error) {
	if len(c.PublicListen) == 0 {
		return nil, errors.New("public listen address is missing")
	}
	var addresses []netip.AddrPort
	var problems []error
	for _, text := range c.PublicListen {
		address, err := netip.ParseAddrPort(text)
		if err != nil || address.Port() == 0 || strings.Contains(text, "%") || address.String() != text {
			problems = append(problems, fmt.Errorf("public listen address %q is not ip:port, such as 127.0.0.1:8088", text))
		}
		addresses = append(addresses, address)
	}
	return addresses, errors.Join(problems...)
}
