package site

import (
	"fmt"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/siteplane/siteplane/internal/platform/hostname"
	"github.com/siteplane/siteplane/internal/platform/netrange"
	"github.com/siteplane/siteplane/services/lifecycle"
)

// Policy is what the operator allows in specs.
type Policy struct {
	// AllowNetworks are networks that origins may lie in besides the public
	// Internet.
	AllowNetworks []netip.Prefix
	// OwnListeners are the addresses of the installation itself; origins there
	// are always refused.
	OwnListeners []netip.AddrPort
}

// probePrefix is the path below which the edges answer themselves.
const probePrefix = "/.well-known/siteplane/"

var (
	headerName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)
	pathPrefix = regexp.MustCompile(`^/([A-Za-z0-9._~-]+/)+$`)
)

// Headers that frame a message, or that the edge sets itself; with a hyphen at the
// end, all that begin so.
var (
	framing = []string{
		"connection", "content-length", "keep-alive", "proxy-authenticate", "proxy-authorization",
		"proxy-connection", "te", "trailer", "transfer-encoding", "upgrade", "x-siteplane-",
	}
	ofRequests  = []string{"expect", "forwarded", "host", "x-forwarded-", "x-real-ip"}
	ofResponses = []string{"content-encoding", "content-type", "date", "location", "server"}
)

// Check notes everything that is wrong with a spec, each field under its path
// below field.
func (p Policy) Check(v *lifecycle.Violations, field string, s Spec) {
	switch {
	case s.Origin != nil && s.Redirect == nil:
		p.checkOrigin(v, field+".origin", *s.Origin)
	case s.Redirect != nil && s.Origin == nil:
		checkRedirect(v, field+".redirect", *s.Redirect)
	default:
		v.Add(field, "give exactly one of origin and redirect")
	}
	var seen []string
	for i, r := range s.Routes {
		at := fmt.Sprintf("%s.routes[%d]", field, i)
		checkPathPrefix(v, at+".path_prefix", r.PathPrefix)
		if slices.Contains(seen, r.PathPrefix) {
			v.Add(at+".path_prefix", "%q occurs twice", r.PathPrefix)
		}
		seen = append(seen, r.PathPrefix)
		p.checkOrigin(v, at+".origin", r.Origin)
	}
	checkHeaders(v, field+".options.response_headers", s.Options.ResponseHeaders, ofResponses)
	checkHeaders(v, field+".options.request_headers", s.Options.RequestHeaders, ofRequests)
	if rate := s.Options.RequestsPerSecond; rate != 0 && !slices.Contains(RequestRates(), rate) {
		v.Add(field+".options.requests_per_second", "%d is none of %v", rate, RequestRates())
	}
}

func (p Policy) checkOrigin(v *lifecycle.Violations, field string, o Origin) {
	if len(o.Targets) == 0 {
		v.Add(field+".targets", "give at least one address")
	}
	for i, t := range o.Targets {
		at := fmt.Sprintf("%s.targets[%d].address", field, i)
		if why := p.refuseTarget(t.Address); why != "" {
			v.Add(at, "%q: %s", t.Address, why)
		}
	}
}

// refuseTarget says why an address may not be an origin, or "".
func (p Policy) refuseTarget(address string) string {
	ap, err := netip.ParseAddrPort(address)
	if err != nil {
		return "must be an IP address and a port such as 192.0.2.7:8080; hostnames are not resolved by the edges"
	}
	addr := ap.Addr().Unmap()
	switch {
	case ap.Port() == 0:
		return "port 0 cannot be reached"
	case addr.Zone() != "":
		return "an address with a zone means something else on each edge"
	case netrange.Metadata(addr):
		return "instance metadata addresses are never an origin"
	case p.own(addr, ap.Port()):
		return "this is a listener of the hosting platform itself"
	case netrange.Contains(p.AllowNetworks, addr), netrange.Public(addr):
		return ""
	}
	return "not in a network that the operator allows for origins (origin.allow_networks)"
}

func (p Policy) own(addr netip.Addr, port uint16) bool {
	for _, l := range p.OwnListeners {
		own := l.Addr().Unmap()
		same := own == addr || own.IsUnspecified() || addr.IsUnspecified() || own.IsLoopback() && addr.IsLoopback()
		if same && l.Port() == port {
			return true
		}
	}
	return false
}

func checkRedirect(v *lifecycle.Violations, field string, r Redirect) {
	if !isBaseURL(r.BaseURL) {
		v.Add(field+".base_url", "%q: must be a scheme and a lower-case host such as https://www.example.com, without path, query or user", r.BaseURL)
	}
	if !slices.Contains([]int{0, 301, 302, 307, 308}, r.StatusCode) {
		v.Add(field+".status_code", "%d: must be 301, 302, 307 or 308", r.StatusCode)
	}
}

// isBaseURL reports whether a text is exactly scheme, hostname and, if given, a
// port.
func isBaseURL(text string) bool {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || text != u.Scheme+"://"+u.Host {
		return false
	}
	port, found := strings.CutPrefix(u.Host, u.Hostname())
	if found && port != "" {
		if n, err := strconv.ParseUint(u.Port(), 10, 16); err != nil || n == 0 || strconv.FormatUint(n, 10) != u.Port() {
			return false
		}
	}
	return hostname.Check(u.Hostname()) == nil
}

func checkPathPrefix(v *lifecycle.Violations, field, prefix string) {
	segments := strings.Split(prefix, "/")
	switch {
	case !pathPrefix.MatchString(prefix):
		v.Add(field, "%q: must start and end with a slash and hold only letters, digits and . _ ~ - in between", prefix)
	case slices.Contains(segments, ".") || slices.Contains(segments, ".."):
		v.Add(field, "%q: dot segments are not allowed", prefix)
	case strings.HasPrefix(prefix, probePrefix):
		v.Add(field, "%q: the edges answer below %s themselves", prefix, probePrefix)
	}
}

func checkHeaders(v *lifecycle.Violations, field string, headers []Header, reserved []string) {
	var seen []string
	for i, h := range headers {
		at := fmt.Sprintf("%s[%d]", field, i)
		// To many programs a hyphen and an underscore are the same.
		name := strings.ReplaceAll(strings.ToLower(h.Name), "_", "-")
		switch {
		case !headerName.MatchString(h.Name):
			v.Add(at+".name", "%q: must be 1 to 64 letters, digits, hyphens and underscores", h.Name)
		case isReserved(name, framing) || isReserved(name, reserved):
			v.Add(at+".name", "%q: is set by the edge itself", h.Name)
		case slices.Contains(seen, name):
			v.Add(at+".name", "%q occurs twice", h.Name)
		}
		seen = append(seen, name)
		if why := refuseHeaderValue(h.Value); why != "" {
			v.Add(at+".value", "%s", why)
		}
	}
}

func isReserved(name string, reserved []string) bool {
	return slices.ContainsFunc(reserved, func(r string) bool {
		return name == r || strings.HasSuffix(r, "-") && strings.HasPrefix(name, r)
	})
}

// refuseHeaderValue says why a value may not be sent, or "".
func refuseHeaderValue(value string) string {
	switch {
	case value == "" || len(value) > 1024:
		return "must be 1 to 1024 bytes long"
	case strings.TrimSpace(value) != value:
		return "must not start or end with a space"
	}
	for _, c := range []byte(value) {
		switch {
		case c < 0x20 || c == 0x7f:
			return fmt.Sprintf("control character 0x%02x is not allowed", c)
		case c > 0x7e:
			return "only ASCII is allowed"
		case c == '$' || c == '\\' || c == '"':
			return fmt.Sprintf("%q is not allowed", string(c))
		}
	}
	return ""
}
