package app

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"time"

	"github.com/siteplane/siteplane/internal/platform/hostname"
	"github.com/siteplane/siteplane/internal/platform/identity"
	"github.com/siteplane/siteplane/internal/platform/secret"
	"github.com/siteplane/siteplane/internal/platform/telemetry"

	"github.com/siteplane/siteplane/services/tunnel/internal/cloudflare"
	"github.com/siteplane/siteplane/services/tunnel/internal/direct"
)

const (
	defaultAPIURL      = "https://api.cloudflare.com/client/v4/"
	defaultCallTimeout = 10 * time.Second
	maxCallTimeout     = time.Minute
)

// Config says how to run. Listener, Identity and Telemetry are required.
type Config struct {
	// Listener is where gRPC is served; closed by Run.
	Listener net.Listener
	// Identity proves to callers who we are, and they to us who they are.
	Identity  *identity.Identity
	Telemetry *telemetry.Telemetry
	// Backend is how names reach the edges: direct or cloudflare. Empty: direct.
	Backend string
	// Cloudflare is required by the backend of that name.
	Cloudflare *CloudflareConfig
	// StateDir keeps what must survive a restart; one process uses it at a time.
	// Required by the cloudflare backend.
	StateDir string
}

// CloudflareConfig says which parts of a Cloudflare account are used.
type CloudflareConfig struct {
	// APIURL is the base of the API. Empty: Cloudflare's own.
	APIURL string
	// Token needs the permissions Zone:Read, Zone:DNS:Edit, Account:Cloudflare
	// Tunnel:Edit and, for custom hostnames, Zone:SSL and Certificates:Edit.
	Token     secret.Secret
	AccountID string
	// TunnelID is the tunnel that cloudflared runs, made beforehand.
	TunnelID string
	// EdgeURL is where cloudflared finds the edge: http://ip:port.
	EdgeURL string
	// CustomHostnameZoneID is the zone with Cloudflare for SaaS, and
	// CustomHostnameTarget the name in it that tenants' CNAMEs lead to and that is
	// the zone's fallback origin. Both, or none for no custom hostnames.
	CustomHostnameZoneID, CustomHostnameTarget string
	// CallTimeout bounds one call, at most a minute. Zero: 10 s.
	CallTimeout time.Duration
}

var (
	hexID  = regexp.MustCompile(`^[0-9a-f]{32}$`)
	uuidID = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)
)

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
	switch c.Backend {
	case "", direct.Name:
	case cloudflare.Name:
		problems = append(problems, c.validateCloudflare()...)
	default:
		problems = append(problems, fmt.Errorf("tunnel.backend: %q is not known; known are: %s, %s",
			c.Backend, cloudflare.Name, direct.Name))
	}
	return errors.Join(problems...)
}

func (c Config) validateCloudflare() []error {
	var problems []error
	if c.StateDir == "" {
		problems = append(problems, errors.New("tunnel.state-dir: is missing"))
	}
	if c.Cloudflare == nil {
		return append(problems, errors.New("tunnel.cloudflare: is missing"))
	}
	return append(problems, c.Cloudflare.validate()...)
}

func (c CloudflareConfig) validate() []error {
	var problems []error
	wrong := func(setting, format string, args ...any) {
		problems = append(problems, fmt.Errorf("tunnel.cloudflare."+setting+": "+format, args...))
	}
	if u, err := url.Parse(c.apiURL()); err != nil || u.Host == "" || (u.Scheme != "https" && !loopback(u)) {
		wrong("api-url", "%q is not an https:// URL; http:// is for loopback only", c.APIURL)
	}
	if c.Token == "" {
		wrong("token", "is missing")
	}
	if !hexID.MatchString(c.AccountID) {
		wrong("account-id", "%q is not 32 hexadecimal digits", c.AccountID)
	}
	if !uuidID.MatchString(c.TunnelID) {
		wrong("tunnel-id", "%q is not a UUID in lower case", c.TunnelID)
	}
	if err := checkEdgeURL(c.EdgeURL); err != nil {
		wrong("edge-url", "%q %v", c.EdgeURL, err)
	}
	if c.CallTimeout < 0 || c.CallTimeout > maxCallTimeout {
		wrong("call-timeout", "%s is not between 0 and %s", c.CallTimeout, maxCallTimeout)
	}
	return append(problems, c.validateCustomHostnames()...)
}

func (c CloudflareConfig) validateCustomHostnames() []error {
	zoneID, target := c.CustomHostnameZoneID, c.CustomHostnameTarget
	switch {
	case zoneID == "" && target == "":
		return nil
	case zoneID == "" || target == "":
		return []error{errors.New("tunnel.cloudflare.custom-hostname-zone-id and tunnel.cloudflare.custom-hostname-target: give both or none")}
	}
	var problems []error
	if !hexID.MatchString(zoneID) {
		problems = append(problems, fmt.Errorf("tunnel.cloudflare.custom-hostname-zone-id: %q is not 32 hexadecimal digits", zoneID))
	}
	if err := hostname.Check(target); err != nil {
		problems = append(problems, fmt.Errorf("tunnel.cloudflare.custom-hostname-target: %q %w", target, err))
	}
	return problems
}

// checkEdgeURL lets http://ip:port through and nothing else: cloudflared would
// also take sockets, proxies and shells for a service.
func checkEdgeURL(raw string) error {
	u, err := url.Parse(raw)
	if err != nil {
		return errors.New("is not a URL")
	}
	addr, err := netip.ParseAddrPort(u.Host)
	if err != nil || u.Scheme != "http" || addr.Port() == 0 || addr.Addr().Zone() != "" || raw != "http://"+u.Host {
		return errors.New("is not of the form http://ip:port")
	}
	return nil
}

func loopback(u *url.URL) bool {
	addr, err := netip.ParseAddr(u.Hostname())
	return u.Scheme == "http" && err == nil && addr.IsLoopback()
}

// apiURL ends with a slash, so that paths are appended to it.
func (c CloudflareConfig) apiURL() string {
	if c.APIURL == "" {
		return defaultAPIURL
	}
	if c.APIURL[len(c.APIURL)-1] != '/' {
		return c.APIURL + "/"
	}
	return c.APIURL
}

func (c CloudflareConfig) callTimeout() time.Duration {
	if c.CallTimeout == 0 {
		return defaultCallTimeout
	}
	return c.CallTimeout
}
