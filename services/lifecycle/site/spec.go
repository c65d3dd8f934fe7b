package site

import (
	"net/netip"
	"slices"
	"strings"
	"time"
)

// Spec says what answers for a site and with which options. Exactly one of
// Origin and Redirect is set.
type Spec struct {
	Origin   *Origin   `json:"origin,omitempty"`
	Redirect *Redirect `json:"redirect,omitempty"`
	Routes   []Route   `json:"routes,omitempty"`
	Options  Options   `json:"options"`
}

// Origin is a set of addresses that serve the same content.
type Origin struct {
	Targets []Target `json:"targets"`
}

// Target is one address of an origin.
type Target struct {
	// Address is ip:port, never a name.
	Address string `json:"address"`
	// Weight is the share of requests relative to the other targets, 1 to 100.
	Weight int `json:"weight"`
}

// Redirect answers every request with a redirect to BaseURL plus the request's
// path and query.
type Redirect struct {
	// BaseURL is scheme and host without a path.
	BaseURL string `json:"base_url"`
	// StatusCode is 301, 302, 307 or 308.
	StatusCode int `json:"status_code"`
}

// Route sends one path prefix to an origin of its own.
type Route struct {
	// PathPrefix starts and ends with a slash.
	PathPrefix string `json:"path_prefix"`
	// StripPrefix removes the prefix before the request is forwarded.
	StripPrefix bool   `json:"strip_prefix"`
	Origin      Origin `json:"origin"`
}

// Options are the typed settings of a site; zero values mean the edge's
// defaults.
type Options struct {
	// MaxBodyBytes is the largest request body; 0 means 1 MiB.
	MaxBodyBytes int64 `json:"max_body_bytes,omitempty"`
	// ConnectTimeout bounds the connection to the origin; 0 means 5 s.
	ConnectTimeout time.Duration `json:"connect_timeout,omitempty"`
	// ReadTimeout bounds the silence of the origin; 0 means 60 s.
	ReadTimeout     time.Duration `json:"read_timeout,omitempty"`
	Websocket       bool          `json:"websocket,omitempty"`
	ResponseHeaders []Header      `json:"response_headers,omitempty"`
	RequestHeaders  []Header      `json:"request_headers,omitempty"`
	// Maintenance answers every request 503 with a fixed page.
	Maintenance bool `json:"maintenance,omitempty"`
	// Compress sends answers of text with gzip to clients that take it.
	Compress bool `json:"compress,omitempty"`
	// RequestsPerSecond is what each edge takes for the site, in bursts of twice as
	// many: one of RequestRates, 0 for as many as come.
	RequestsPerSecond int `json:"requests_per_second,omitempty"`
}

// RequestRates are the limits that a site may have. They are few, because every one costs
// an edge memory of its own.
func RequestRates() []int {
	return []int{1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000}
}

// Header is one HTTP header.
type Header struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Normalize returns the spec in canonical form, so that specs that mean the
// same are equal: defaults that are values are filled in, headers are sorted by
// name, routes by falling length of their prefix.
func (s Spec) Normalize() Spec {
	if s.Origin != nil {
		s.Origin = &Origin{Targets: normalTargets(s.Origin.Targets)}
	}
	if s.Redirect != nil {
		r := *s.Redirect
		if r.StatusCode == 0 {
			r.StatusCode = 308
		}
		s.Redirect = &r
	}
	s.Routes = slices.Clone(s.Routes)
	for i := range s.Routes {
		s.Routes[i].Origin.Targets = normalTargets(s.Routes[i].Origin.Targets)
	}
	slices.SortStableFunc(s.Routes, func(a, b Route) int {
		if d := len(b.PathPrefix) - len(a.PathPrefix); d != 0 {
			return d
		}
		return strings.Compare(a.PathPrefix, b.PathPrefix)
	})
	s.Options.ResponseHeaders = normalHeaders(s.Options.ResponseHeaders)
	s.Options.RequestHeaders = normalHeaders(s.Options.RequestHeaders)
	return s
}

func normalTargets(targets []Target) []Target {
	out := slices.Clone(targets)
	for i := range out {
		out[i].Address = canonical(out[i].Address)
		out[i].Weight = max(out[i].Weight, 1)
	}
	return out
}

// canonical is the one spelling of an address that edges take. What is none stays as
// it is.
func canonical(address string) string {
	ap, err := netip.ParseAddrPort(address)
	if err != nil {
		return address
	}
	return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port()).String()
}

func normalHeaders(headers []Header) []Header {
	out := slices.Clone(headers)
	slices.SortStableFunc(out, func(a, b Header) int { return strings.Compare(a.Name, b.Name) })
	return out
}
