package encode

import (
	"strings"

	"github.com/siteplane/siteplane/internal/platform/hostname"
)

// InternalSuffix ends the names under which sites answer on the internal
// socket. No public hostname may end with it.
const InternalSuffix = ".site.internal"

// Hostname is a public DNS name in its canonical form: lower-case letters,
// digits and hyphens in at least two labels, at most 253 bytes, no trailing dot,
// never an address or a wildcard.
type Hostname struct{ text string }

// ParseHostname accepts a canonical public hostname.
func ParseHostname(value string) (Hostname, error) {
	if err := hostname.Check(value); err != nil {
		return Hostname{}, refuse("hostname", value, err.Error())
	}
	if strings.HasSuffix(value, InternalSuffix) {
		return Hostname{}, refuse("hostname", value, "is reserved: names under "+InternalSuffix[1:]+" are internal")
	}
	return Hostname{text: value}, nil
}

// Token returns the name itself.
func (h Hostname) Token() string { return h.text }

// String returns the name itself.
func (h Hostname) String() string { return h.text }

func (Hostname) sealed() {}

// SiteID is the id of a site, site_ and 26 characters of base 32.
type SiteID struct{ text string }

// ParseSiteID accepts the id of a site.
func ParseSiteID(value string) (SiteID, error) {
	suffix, ok := strings.CutPrefix(value, "site_")
	if !ok || len(suffix) != 26 || suffix[0] > '7' {
		return SiteID{}, refuse("site id", value, "is not site_ and 26 characters of base 32")
	}
	for i := range len(suffix) {
		if c := suffix[i]; !isDigit(c) && !isLower(c) || strings.IndexByte("ilou", c) >= 0 {
			return SiteID{}, refuse("site id", value, "has a character outside base 32")
		}
	}
	return SiteID{text: value}, nil
}

// Token returns the id itself.
func (s SiteID) Token() string { return s.text }

// String returns the id itself.
func (s SiteID) String() string { return s.text }

// InternalName returns the name under which the site answers on the internal
// socket and nowhere else.
func (s SiteID) InternalName() string { return s.text + InternalSuffix }

func (SiteID) sealed() {}
