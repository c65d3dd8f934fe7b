package app

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"time"

	"github.com/miekg/dns"

	"github.com/siteplane/siteplane/internal/platform/identity"
	"github.com/siteplane/siteplane/internal/platform/telemetry"
)

// resolvConf names the resolvers of the host.
const resolvConf = "/etc/resolv.conf"

// Config says how to run. Listener, Identity and Telemetry are required.
type Config struct {
	// Listener is where gRPC is served; closed by Run.
	Listener net.Listener
	// Identity proves to callers who we are, and they to us who they are.
	Identity  *identity.Identity
	Telemetry *telemetry.Telemetry

	// Servers maps suffixes of names to the server that is asked about them, as
	// host:port. The longest that fits counts; "." and "" stand for all names.
	Servers map[string]string
	// Resolvers are asked where the zones of other names are, as ip:port, in
	// turn. Empty: those of /etc/resolv.conf.
	Resolvers []string
	// AuthorityPort is where name servers found that way are asked. Zero: 53.
	AuthorityPort int
	// QueryTimeout is for one try of one DNS question. Zero: 2 s.
	QueryTimeout time.Duration

	// ProbePort is where edges answer visitors. Zero: 80.
	ProbePort int
	// ProbeTimeout is for one fetch through one address. Zero: 5 s.
	ProbeTimeout time.Duration
	// ProbeAllowNetworks are networks whose addresses count as reachable by
	// visitors although they are not public, and may be talked to.
	ProbeAllowNetworks []netip.Prefix

	// CloudflareIPsURL is where Cloudflare publishes its networks; it answers as
	// https://api.cloudflare.com/client/v4/ips does. Empty: a dated copy is used
	// and nothing is fetched.
	CloudflareIPsURL string
}

// Validate reports every problem at once.
func (c Config) Validate() error {
	problems := []error{c.Check()}
	if c.Listener == nil {
		problems = append(problems, errors.New("no listener"))
	}
	if c.Identity == nil {
		problems = append(problems, errors.New("no identity"))
	}
	if c.Telemetry == nil {
		problems = append(problems, errors.New("no telemetry"))
	}
	return errors.Join(problems...)
}

// Check reports every problem of the settings, before there are listener,
// identity and telemetry.
func (c Config) Check() error {
	var problems []error
	report := func(bad bool, format string, args ...any) {
		if bad {
			problems = append(problems, fmt.Errorf(format, args...))
		}
	}
	for _, suffix := range slices.Sorted(maps.Keys(c.Servers)) {
		_, ok := dns.IsDomainName(dns.Fqdn(suffix))
		report(!ok, "dns.servers: %q is not a suffix of names", suffix)
		_, port, err := net.SplitHostPort(c.Servers[suffix])
		report(err != nil || port == "", "dns.servers: %q for %q is not host:port", c.Servers[suffix], suffix)
	}
	for _, resolver := range c.Resolvers {
		_, err := netip.ParseAddrPort(resolver)
		report(err != nil, "dns.resolvers: %q is not ip:port", resolver)
	}
	report(!isPort(c.AuthorityPort), "dns.authority_port: %d is not a port", c.AuthorityPort)
	report(!isPort(c.ProbePort), "probe.port: %d is not a port", c.ProbePort)
	report(c.QueryTimeout < 0, "dns.query_timeout: %s is negative", c.QueryTimeout)
	report(c.ProbeTimeout < 0, "probe.timeout: %s is negative", c.ProbeTimeout)
	for _, network := range c.ProbeAllowNetworks {
		report(!network.IsValid(), "probe.allow_networks: %s is not a network", network)
	}
	report(!isFetchable(c.CloudflareIPsURL), "cloudflare.ips_url: %q is not an http or https URL", c.CloudflareIPsURL)
	return errors.Join(problems...)
}

// isFetchable takes none for nothing to fetch.
func isFetchable(text string) bool {
	u, err := url.Parse(text)
	return text == "" || err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != ""
}

// isPort takes zero for the default.
func isPort(port int) bool { return port >= 0 && port <= 65535 }

// complete fills in the defaults.
func (c Config) complete() (Config, error) {
	c.AuthorityPort = orDefault(c.AuthorityPort, 53)
	c.ProbePort = orDefault(c.ProbePort, 80)
	c.QueryTimeout = orDefault(c.QueryTimeout, 2*time.Second)
	c.ProbeTimeout = orDefault(c.ProbeTimeout, 5*time.Second)
	if len(c.Resolvers) > 0 || c.mapsAll() {
		return c, nil
	}
	var err error
	c.Resolvers, err = systemResolvers(resolvConf)
	return c, err
}

// mapsAll reports whether every name has a server, so that no resolver is needed.
func (c Config) mapsAll() bool {
	_, root := c.Servers["."]
	_, empty := c.Servers[""]
	return root || empty
}

func orDefault[T comparable](value, otherwise T) T {
	var zero T
	if value == zero {
		return otherwise
	}
	return value
}

// systemResolvers reads the resolvers of the host.
func systemResolvers(path string) ([]string, error) {
	conf, err := dns.ClientConfigFromFile(path)
	if err != nil {
		return nil, fmt.Errorf("read resolvers of the host, or set dns.resolvers: %w", err)
	}
	var resolvers []string
	for _, server := range conf.Servers {
		resolvers = append(resolvers, net.JoinHostPort(server, conf.Port))
	}
	if len(resolvers) == 0 {
		return nil, fmt.Errorf("%s names no resolver: set dns.resolvers", path)
	}
	return resolvers, nil
}
