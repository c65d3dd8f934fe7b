package render

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	edgev1 "github.com/siteplane/siteplane/gen/siteplane/edge/v1"

	"github.com/siteplane/siteplane/services/edge-agent/internal/nginx/encode"
)

// What zero values of options mean.
const (
	defaultBody           = 1 << 20
	defaultConnectTimeout = 5 * time.Second
	defaultReadTimeout    = time.Minute
	mostRoutes            = 64
	mostHeaders           = 64
	mostTargets           = 64
	mostWeight            = 1 << 16
)

// InvalidSiteError says which value of which site cannot be rendered.
type InvalidSiteError struct {
	SiteID string
	// Field in the notation of the API, for instance spec.routes[0].path_prefix.
	Field string
	Err   error
}

// Error names the site, the field and the problem.
func (e *InvalidSiteError) Error() string {
	return fmt.Sprintf("site %q: %s: %v", e.SiteID, e.Field, e.Err)
}

// Plain returns field and problem without the value and without the id, for
// readers who may not see either.
func (e *InvalidSiteError) Plain() string {
	if refused := new(encode.Refused); errors.As(e.Err, &refused) {
		return fmt.Sprintf("%s: %s %s", e.Field, refused.Kind, refused.Reason)
	}
	return fmt.Sprintf("%s: %v", e.Field, e.Err)
}

// Unwrap returns the problem.
func (e *InvalidSiteError) Unwrap() error { return e.Err }

// site is a site of which every value passed the encoder.
type site struct {
	id encode.SiteID
	// internal is the name on the agent's own socket.
	internal  literal
	revision  encode.Number
	hostnames []encode.Hostname
	origin    []target
	redirect  *redirect
	routes    []route
	options   options
}

type target struct {
	address encode.Address
	weight  encode.Number
}

type redirect struct {
	base encode.BaseURL
	code encode.Number
}

type route struct {
	prefix encode.PathPrefix
	strip  bool
	origin []target
}

type options struct {
	maxBody        encode.Size
	connectTimeout encode.Duration
	readTimeout    encode.Duration
	websocket      bool
	response       []header
	request        []header
	maintenance    bool
	compress       bool
	rate           rate
}

type header struct {
	name  encode.HeaderName
	value encode.HeaderValue
}

// hosts returns every name that the site answers to, its internal one last.
func (s *site) hosts() []encode.Token {
	hosts := make([]encode.Token, 0, len(s.hostnames)+1)
	for _, hostname := range s.hostnames {
		hosts = append(hosts, hostname)
	}
	return append(hosts, s.internal)
}

func parseSites(sites []*edgev1.Site) ([]*site, error) {
	sorted := slices.SortedFunc(slices.Values(sites), func(a, b *edgev1.Site) int {
		return cmp.Compare(a.GetSiteId(), b.GetSiteId())
	})
	parsed, problems := parseEach(sorted)
	owner := make(map[string]string, len(sorted))
	for i, message := range sorted {
		if i > 0 && message.GetSiteId() == sorted[i-1].GetSiteId() {
			return nil, &InvalidSiteError{SiteID: message.GetSiteId(), Field: "site_id", Err: errors.New("is there twice")}
		}
		err := problems[i]
		if err == nil {
			err = claimHostnames(owner, parsed[i])
		}
		if err != nil {
			return nil, invalid(message, err)
		}
	}
	return parsed, nil
}

// parseEach parses every site by itself, on all processors. Either the site or the
// problem of each is set.
func parseEach(messages []*edgev1.Site) (parsed []*site, problems []error) {
	parsed, problems = make([]*site, len(messages)), make([]error, len(messages))
	var processors sync.WaitGroup
	share := len(messages)/runtime.GOMAXPROCS(0) + 1
	for first := 0; first < len(messages); first += share {
		processors.Go(func() {
			for i := first; i < min(first+share, len(messages)); i++ {
				parsed[i], problems[i] = parseSite(messages[i])
			}
		})
	}
	processors.Wait()
	return parsed, problems
}

// claimHostnames keeps nginx from serving a name for whichever site comes first.
func claimHostnames(owner map[string]string, site *site) error {
	for i, hostname := range site.hostnames {
		if other, taken := owner[hostname.String()]; taken {
			return at(fmt.Sprintf("hostnames[%d]", i), fmt.Errorf("%s is already served for %s", hostname, other))
		}
		owner[hostname.String()] = site.id.String()
	}
	return nil
}

// Check finds what is wrong with one site, whatever others there are. The error
// is an *InvalidSiteError.
func Check(message *edgev1.Site) error {
	if _, err := parseSite(message); err != nil {
		return invalid(message, err)
	}
	return nil
}

func parseSite(message *edgev1.Site) (*site, error) {
	var c check
	parsed := &site{
		id:        parse(&c, "site_id", message.GetSiteId(), encode.ParseSiteID),
		revision:  number(&c, "revision", message.GetRevision(), math.MaxInt64),
		hostnames: parseHostnames(&c, message.GetHostnames()),
		routes:    parseRoutes(&c, message.GetSpec().GetRoutes()),
		options:   parseOptions(&c, message.GetSpec().GetOptions()),
	}
	parsed.internal = literal(parsed.id.InternalName())
	switch backend := message.GetSpec().GetBackend().(type) {
	case *edgev1.Spec_Origin:
		parsed.origin = parseTargets(&c, "spec.origin", backend.Origin)
	case *edgev1.Spec_Redirect:
		parsed.redirect = parseRedirect(&c, backend.Redirect)
	default:
		c.fail("spec.backend", errors.New("is missing: give an origin or a redirect"))
	}
	return parsed, c.err
}

func parseHostnames(c *check, values []string) []encode.Hostname {
	hostnames := make([]encode.Hostname, 0, len(values))
	for i, value := range values {
		hostname, err := encode.ParseHostname(value)
		if err != nil {
			c.fail(fmt.Sprintf("hostnames[%d]", i), err)
		}
		hostnames = append(hostnames, hostname)
	}
	slices.SortFunc(hostnames, func(a, b encode.Hostname) int { return cmp.Compare(a.String(), b.String()) })
	return hostnames
}

func parseTargets(c *check, field string, origin *edgev1.Origin) []target {
	if count := len(origin.GetTargets()); count < 1 || count > mostTargets {
		c.fail(field+".targets", fmt.Errorf("has %d targets, not 1 to %d", count, mostTargets))
	}
	targets := make([]target, 0, len(origin.GetTargets()))
	for i, message := range origin.GetTargets() {
		address, err := encode.ParseAddress(message.GetAddress())
		if err != nil {
			c.fail(fmt.Sprintf("%s.targets[%d].address", field, i), err)
		}
		weight, err := encode.ParseNumber(int64(max(message.GetWeight(), 1)), mostWeight)
		if err != nil {
			c.fail(fmt.Sprintf("%s.targets[%d].weight", field, i), err)
		}
		targets = append(targets, target{address: address, weight: weight})
	}
	slices.SortFunc(targets, func(a, b target) int {
		return cmp.Or(cmp.Compare(a.address.String(), b.address.String()), cmp.Compare(a.weight.Token(), b.weight.Token()))
	})
	return targets
}

func parseRedirect(c *check, message *edgev1.Redirect) *redirect {
	code := int64(message.GetStatusCode())
	if !slices.Contains([]int64{301, 302, 307, 308}, code) {
		c.fail("spec.redirect.status_code", fmt.Errorf("is %d, not 301, 302, 307 or 308", code))
	}
	return &redirect{
		base: parse(c, "spec.redirect.base_url", message.GetBaseUrl(), encode.ParseBaseURL),
		code: number(c, "spec.redirect.status_code", code, 999),
	}
}

func parseRoutes(c *check, messages []*edgev1.Route) []route {
	if len(messages) > mostRoutes {
		c.fail("spec.routes", fmt.Errorf("has %d routes, at most %d are allowed", len(messages), mostRoutes))
	}
	routes := make([]route, 0, len(messages))
	seen := make(map[string]bool, len(messages))
	for i, message := range messages {
		at := fmt.Sprintf("spec.routes[%d]", i)
		prefix := parse(c, at+".path_prefix", message.GetPathPrefix(), encode.ParsePathPrefix)
		if seen[prefix.String()] {
			c.fail(at+".path_prefix", fmt.Errorf("%s is there twice", prefix))
		}
		seen[prefix.String()] = true
		routes = append(routes, route{
			prefix: prefix,
			strip:  message.GetStripPrefix(),
			origin: parseTargets(c, at+".origin", message.GetOrigin()),
		})
	}
	slices.SortFunc(routes, func(a, b route) int {
		return cmp.Or(cmp.Compare(len(b.prefix.String()), len(a.prefix.String())), cmp.Compare(a.prefix.String(), b.prefix.String()))
	})
	return routes
}

func parseOptions(c *check, message *edgev1.Options) options {
	return options{
		maxBody: parse(c, "spec.options.max_body_bytes", message.GetMaxBodyBytes(), func(value int64) (encode.Size, error) {
			return encode.ParseSize(value, defaultBody)
		}),
		connectTimeout: duration(c, "spec.options.connect_timeout_ms", message.GetConnectTimeoutMs(), defaultConnectTimeout),
		readTimeout:    duration(c, "spec.options.read_timeout_ms", message.GetReadTimeoutMs(), defaultReadTimeout),
		websocket:      message.GetWebsocket(),
		response:       parseHeaders(c, "spec.options.response_headers", message.GetResponseHeaders(), encode.ParseResponseHeaderName),
		request:        parseHeaders(c, "spec.options.request_headers", message.GetRequestHeaders(), encode.ParseRequestHeaderName),
		maintenance:    message.GetMaintenance(),
		compress:       message.GetCompress(),
		rate:           parse(c, "spec.options.requests_per_second", message.GetRequestsPerSecond(), parseRate),
	}
}

func parseHeaders(c *check, field string, messages []*edgev1.Header, name func(string) (encode.HeaderName, error)) []header {
	if len(messages) > mostHeaders {
		c.fail(field, fmt.Errorf("has %d headers, at most %d are allowed", len(messages), mostHeaders))
	}
	headers := make([]header, 0, len(messages))
	for i, message := range messages {
		at := fmt.Sprintf("%s[%d]", field, i)
		headers = append(headers, header{
			name:  parse(c, at+".name", message.GetName(), name),
			value: parse(c, at+".value", message.GetValue(), encode.ParseHeaderValue),
		})
	}
	slices.SortFunc(headers, func(a, b header) int {
		return cmp.Or(
			strings.Compare(strings.ToLower(a.name.Token()), strings.ToLower(b.name.Token())),
			cmp.Compare(a.name.Token(), b.name.Token()),
			cmp.Compare(a.value.Token(), b.value.Token()),
		)
	})
	return headers
}
