// Package up runs a whole installation on one host: lifecycle, edge agent,
// tunnel and DNS validator in one process, talking gRPC over mTLS on loopback,
// with an embedded database unless another is given, its own CA, and a simulated
// DNS where nothing real is configured. It needs no configuration.
//
// It owns the wiring of that one shape and nothing else: each service is started
// by its own app package, as its own main would.
package up

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/siteplane/siteplane/internal/platform/program"
	"github.com/siteplane/siteplane/services/lifecycle/service"
)

// Config is what a user may set. The zero value is not valid; begin with
// Defaults.
type Config struct {
	// DataDir holds everything that survives: database, CA, the edge's files,
	// cli.json.
	DataDir string
	// Database is where the database is; empty for a file in DataDir.
	Database service.Location
	// PortBase moves all ports; see Ports.
	PortBase int
	// EdgeAddresses are where visitors reach the edge. nginx listens on the
	// first.
	EdgeAddresses []string
	// ListenEnrolment is where other hosts become edges, host:port; empty for nowhere.
	ListenEnrolment string
	// NginxBin is a name or a path.
	NginxBin string
	// ProbePolicy is public, edge or off.
	ProbePolicy string
	// OTLPEndpoint receives traces, host:port over gRPC; empty for none.
	OTLPEndpoint string
	// LogFormat is json or text.
	LogFormat string
	// LogLevel is the least level that is logged.
	LogLevel slog.Level

	// runtimeDir is where the edge keeps its sockets; see runtime.go.
	runtimeDir string
}

// PlatformDomain is where sites get a name by their slug. Names below localhost
// lead to the own host in every browser.
const PlatformDomain = "siteplane.localhost"

// tenantZone holds the names that demo tenants bring.
const tenantZone = "test"

// Defaults returns the configuration of `siteplane up` without flags.
func Defaults() Config {
	return Config{
		PortBase:      8080,
		EdgeAddresses: []string{"127.0.0.1"},
		NginxBin:      "nginx",
		ProbePolicy:   "public",
		LogFormat:     "text",
	}
}

// Ports are the listeners of an installation.
type Ports struct {
	REST, GRPC, Admin, Edge, DNS, Cloudflare int
}

// Ports returns the ports that a base gives; 8080 gives 8080, 8081, 8082, 8088,
// 8053 and 8787.
func (c Config) Ports() Ports {
	return Ports{REST: c.PortBase, GRPC: c.PortBase + 1, Admin: c.PortBase + 2, Edge: c.PortBase + 8, DNS: c.PortBase - 27, Cloudflare: c.PortBase + 707}
}

// Validate reports every problem at once.
func (c Config) Validate() error {
	var problems []error
	if c.DataDir == "" {
		problems = append(problems, errors.New("--data-dir: must not be empty"))
	}
	if err := c.database().Check(); err != nil {
		problems = append(problems, fmt.Errorf("--database: %w", err))
	}
	if c.PortBase < 1024+27 || c.PortBase > 65535-707 {
		problems = append(problems, fmt.Errorf("--port-base %d: must be between %d and %d", c.PortBase, 1024+27, 65535-707))
	}
	if len(c.EdgeAddresses) == 0 {
		problems = append(problems, errors.New("--edge-address: give at least one"))
	}
	for _, a := range c.EdgeAddresses {
		if _, err := netip.ParseAddr(a); err != nil {
			problems = append(problems, fmt.Errorf("--edge-address %q: must be an IP address", a))
		}
	}
	if c.ListenEnrolment != "" {
		problems = append(problems, program.CheckAddress("--listen-enrolment", c.ListenEnrolment))
	}
	if !slices.Contains([]string{"public", "edge", "off"}, c.ProbePolicy) {
		problems = append(problems, fmt.Errorf("--probe-policy %q: must be public, edge or off", c.ProbePolicy))
	}
	if c.LogFormat != "json" && c.LogFormat != "text" {
		problems = append(problems, fmt.Errorf("--log-format %q: must be json or text", c.LogFormat))
	}
	return errors.Join(problems...)
}

// edgeListen is where nginx listens.
func (c Config) edgeListen() string {
	return net.JoinHostPort(c.EdgeAddresses[0], strconv.Itoa(c.Ports().Edge))
}

// database is where the database is.
func (c Config) database() service.Location {
	if c.Database != "" {
		return c.Database
	}
	return service.Location(c.path("siteplane.db"))
}

// path returns a path below the data directory.
func (c Config) path(parts ...string) string {
	return filepath.Join(append([]string{c.DataDir}, parts...)...)
}
