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
	"slices"
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
	// Renew is the folder that Identity is kept in, where Join filled it: its
	// certificate is renewed there. Empty: somebody else renews it.
	Renew string
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
	// TLSListen holds addresses as ip:port at which nginx answers with TLS, for the
	// hostnames of which Dir/certificates holds NAME.crt and NAME.key when the agent
	// starts; none: no TLS.
	TLSListen []string
	// AccessLog is an absolute path of a file that takes a JSON line for each
	// request of a visitor; empty: none.
	AccessLog string
	// TrustedProxies are networks, such as 192.0.2.0/24, of the proxies in front of
	// this edge; nobody else's word about the client is taken.
	TrustedProxies []string
	// RealIPHeader is where they say the client's address: X-Forwarded-For (empty),
	// X-Real-IP or CF-Connecting-IP.
	RealIPHeader string
	// KeepaliveOrigins is to how many origins with one target connections are kept;
	// 0: 1,000, -1: none.
	KeepaliveOrigins int
	// NginxBin is a name or a path; empty: nginx.
	NginxBin string
	// NginxUser runs the workers; empty: nobody. Ignored unless the agent is root.
	NginxUser string
	// ProofTimeout bounds the wait for new workers; 0: 10 s.
	ProofTimeout time.Duration
	// TestTimeout bounds the test of a configuration; 0: 60 s.
	TestTimeout time.Duration
	// TestMemory is how much address space that test may use, in bytes; 0: half of
	// the host's memory.
	TestMemory int64
	// ShutdownTimeout is how long workers of a former generation may serve what they
	// have, in whole seconds; 0: 60 s.
	ShutdownTimeout time.Duration
	// MaxDraining bounds the workers of former generations that still serve long
	// requests, in multiples of the workers that run; 0: 4. More of them refuse an
	// apply.
	MaxDraining int
	// DrainPatience is how long an apply waits for them first; 0: 10 s.
	DrainPatience time.Duration
	// CheckInterval is how often a dead nginx is looked for; 0: 2 s.
	CheckInterval time.Duration
	// RehearseInterval is how often it is tested, at the latest, that the last good
	// configuration would start again; 0: 10 minutes.
	RehearseInterval time.Duration
	// NginxUnit is a unit of systemd that starts nginx; empty: the agent does.
	NginxUnit string
	// Reached is told each moment of an apply that is passed, for tests that end the
	// agent there; nil: nobody is.
	Reached func(moment string)
}

var (
	// Paths and names go into nginx.conf, so their alphabets are closed.
	pathPattern = regexp.MustCompile(`^/[A-Za-z0-9/._@+-]*$`)
	userPattern = regexp.MustCompile(`^[a-z_][a-z0-9_-]{0,31}$`)
	unitPattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9:_.@-]{0,200}\.service$`)
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
		checkUnit(c.NginxUnit),
		checkDurations(c),
		checkBounds(c),
		checkTraffic(c),
	)
}

func (c Config) withDefaults() Config {
	c.RealIPHeader = orDefault(c.RealIPHeader, forwardedFor)
	c.KeepaliveOrigins = orDefault(c.KeepaliveOrigins, 1000)
	c.NginxBin = orDefault(c.NginxBin, "nginx")
	c.ProofTimeout = orDefault(c.ProofTimeout, 10*time.Second)
	c.TestTimeout = orDefault(c.TestTimeout, time.Minute)
	c.ShutdownTimeout = orDefault(c.ShutdownTimeout, time.Minute)
	c.MaxDraining = orDefault(c.MaxDraining, 4)
	c.DrainPatience = orDefault(c.DrainPatience, 10*time.Second)
	c.CheckInterval = orDefault(c.CheckInterval, 2*time.Second)
	c.RehearseInterval = orDefault(c.RehearseInterval, 10*time.Minute)
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

func checkUnit(name string) error {
	if name != "" && !unitPattern.MatchString(name) {
		return fmt.Errorf("nginx unit %q is not the name of a service, such as nginx-siteplane.service", name)
	}
	return nil
}

func checkDurations(c Config) error {
	if c.ProofTimeout < 0 || c.TestTimeout < 0 || c.CheckInterval < 0 || c.RehearseInterval < 0 || c.DrainPatience < 0 {
		return errors.New("a timeout or interval is negative")
	}
	return nil
}

// leastTestMemory is what nginx needs to read next to nothing.
const leastTestMemory = 64 << 20

func checkBounds(c Config) error {
	switch {
	case c.ShutdownTimeout < time.Second || c.ShutdownTimeout%time.Second != 0:
		return fmt.Errorf("shutdown timeout %s is not a number of seconds", c.ShutdownTimeout)
	case c.MaxDraining < 0:
		return errors.New("the bound of draining workers is negative")
	case c.TestMemory < 0 || 0 < c.TestMemory && c.TestMemory < leastTestMemory:
		return fmt.Errorf("memory of a test is %d bytes, nginx needs at least %d", c.TestMemory, leastTestMemory)
	}
	return nil
}

// publicListen returns every address that visitors can reach.
func (c Config) publicListen() ([]netip.AddrPort, error) {
	if len(c.PublicListen) == 0 {
		return nil, errors.New("public listen address is missing")
	}
	var addresses []netip.AddrPort
	var problems []error
	for _, text := range slices.Concat(c.PublicListen, c.TLSListen) {
		address, err := netip.ParseAddrPort(text)
		if err != nil || address.Port() == 0 || strings.Contains(text, "%") || address.String() != text {
			problems = append(problems, fmt.Errorf("public listen address %q is not ip:port, such as 127.0.0.1:8088", text))
		}
		addresses = append(addresses, address)
	}
	return addresses, errors.Join(problems...)
}
