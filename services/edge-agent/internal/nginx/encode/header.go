package encode

import (
	"slices"
	"strings"
)

// HeaderName is an RFC 9110 field name that a site may set.
type HeaderName struct{ text string }

// Names that frame the message or that the edge sets itself; with a hyphen at the end,
// all that begin so.
var (
	neverSet = []string{
		"connection", "content-length", "keep-alive", "proxy-authenticate", "proxy-authorization",
		"proxy-connection", "te", "trailer", "transfer-encoding", "upgrade", "x-siteplane-",
	}
	neverSetOnRequests  = []string{"expect", "forwarded", "host", "x-forwarded-", "x-real-ip"}
	neverSetOnResponses = []string{"content-encoding", "content-type", "date", "location", "server"}
)

// ParseRequestHeaderName accepts the name of a header that a site may set on
// forwarded requests.
func ParseRequestHeaderName(value string) (HeaderName, error) {
	return parseHeaderName(value, neverSetOnRequests)
}

// ParseResponseHeaderName accepts the name of a header that a site may add to
// answers.
func ParseResponseHeaderName(value string) (HeaderName, error) {
	return parseHeaderName(value, neverSetOnResponses)
}

// Token returns the name itself.
func (h HeaderName) Token() string { return h.text }

func (HeaderName) sealed() {}

func parseHeaderName(value string, alsoNever []string) (HeaderName, error) {
	if value == "" || len(value) > 64 {
		return HeaderName{}, refuse("header name", value, "is not 1 to 64 bytes long")
	}
	for i := range len(value) {
		if c := value[i]; !isAlphanumeric(c) && c != '-' && c != '_' {
			return HeaderName{}, refuse("header name", value, "has a character other than letters, digits, hyphen and underscore")
		}
	}
	if isReserved(value, neverSet) || isReserved(value, alsoNever) {
		return HeaderName{}, refuse("header name", value, "is set by the edge itself")
	}
	return HeaderName{text: value}, nil
}

// isReserved takes hyphens and underscores for the same, as many programs do.
func isReserved(name string, reserved []string) bool {
	name = strings.ReplaceAll(strings.ToLower(name), "_", "-")
	return slices.ContainsFunc(reserved, func(r string) bool {
		return name == r || strings.HasSuffix(r, "-") && strings.HasPrefix(name, r)
	})
}

// HeaderValue is what a header is set to: visible ASCII and inner spaces,
// without dollar signs, double quotes and backslashes.
type HeaderValue struct{ text string }

// ParseHeaderValue accepts the value of a header.
func ParseHeaderValue(value string) (HeaderValue, error) {
	if value == "" || len(value) > 1024 {
		return HeaderValue{}, refuse("header value", value, "is not 1 to 1024 bytes long")
	}
	if strings.Trim(value, " ") != value {
		return HeaderValue{}, refuse("header value", value, "starts or ends with a space")
	}
	for i := range len(value) {
		if c := value[i]; c < ' ' || c > '~' || strings.IndexByte(`$"\`, c) >= 0 {
			return HeaderValue{}, refuse("header value", value, `has a control character, a byte outside ASCII, or one of $ " \`)
		}
	}
	return HeaderValue{text: value}, nil
}

// Token returns the value in double quotes.
func (h HeaderValue) Token() string { return `"` + h.text + `"` }

func (HeaderValue) sealed() {}
