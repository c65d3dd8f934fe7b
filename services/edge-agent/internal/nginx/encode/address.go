package encode

import (
	"net/netip"
	"strings"

	"github.com/siteplane/siteplane/internal/platform/hostname"
)

// Address is the ip:port of one target in its canonical spelling. Names and the
// many other spellings of an address that nginx would accept do not pass.
type Address struct{ text string }

// ParseAddress accepts a canonical ip:port. Which networks a tenant may use is
// not decided here; addresses that can never be an origin are refused.
func ParseAddress(value string) (Address, error) {
	parsed, err := netip.ParseAddrPort(value)
	if err != nil {
		return Address{}, refuse("address", value, "is not ip:port")
	}
	if reason := addressProblem(parsed, value); reason != "" {
		return Address{}, refuse("address", value, reason)
	}
	return Address{text: value}, nil
}

// Token returns the address itself.
func (a Address) Token() string { return a.text }

// String returns the address itself.
func (a Address) String() string { return a.text }

func (Address) sealed() {}

func addressProblem(parsed netip.AddrPort, value string) string {
	ip := parsed.Addr()
	switch {
	case parsed.String() != value:
		return "is not written in its canonical form, which is " + parsed.String()
	case parsed.Port() == 0:
		return "has port 0"
	case ip.Zone() != "":
		return "has a zone"
	case ip.Is4In6():
		return "is an IPv4 address written as IPv6"
	case ip.IsUnspecified():
		return "is the unspecified address"
	case ip.IsMulticast():
		return "is a multicast address"
	case ip.IsLinkLocalUnicast():
		return "is a link-local address, where metadata services live"
	}
	return ""
}

// BaseURL is the scheme, host and optional port that a redirect leads to.
type BaseURL struct{ text string }

// ParseBaseURL accepts http:// or https://, a hostname and an optional port,
// without a path.
func ParseBaseURL(value string) (BaseURL, error) {
	rest, ok := strings.CutPrefix(value, "https://")
	if !ok {
		rest, ok = strings.CutPrefix(value, "http://")
	}
	if !ok {
		return BaseURL{}, refuse("base URL", value, "does not start with http:// or https://")
	}
	host, port, hasPort := strings.Cut(rest, ":")
	if err := hostname.Check(host); err != nil {
		return BaseURL{}, refuse("base URL", value, "has a host that "+err.Error())
	}
	if hasPort && !isPort(port) {
		return BaseURL{}, refuse("base URL", value, "has a port that is not a number from 1 to 65535")
	}
	return BaseURL{text: value}, nil
}

// Token returns the URL itself.
func (b BaseURL) Token() string { return b.text }

func (BaseURL) sealed() {}

func isPort(text string) bool {
	if text == "" || len(text) > 5 || text[0] == '0' {
		return false
	}
	number := 0
	for i := range len(text) {
		if !isDigit(text[i]) {
			return false
		}
		number = number*10 + int(text[i]-'0')
	}
	return number <= 65535
}
