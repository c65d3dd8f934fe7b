package cloudflare

import (
	"net/http"
	"net/netip"
	"strings"
	"unicode/utf8"

	"github.com/miekg/dns"
)

const (
	maxComment   = 100
	automaticTTL = 1
	minTTL       = 60
	maxTTL       = 86400
)

// check brings a record into the form it is stored in and refuses what cannot
// be. The record that it takes the place of, if any, is not in its way.
func (st *state) check(z Zone, r, instead *Record) error {
	r.Type = strings.ToUpper(r.Type)
	if err := checkName(z, r); err != nil {
		return err
	}
	if err := checkContent(r); err != nil {
		return err
	}
	if r.Proxied && !proxiable(r.Type) {
		return refuse(http.StatusBadRequest, 9004, "This record type cannot be proxied.")
	}
	if r.Proxied {
		r.TTL = automaticTTL
	}
	if r.TTL != automaticTTL && (r.TTL < minTTL || r.TTL > maxTTL) {
		return refuse(http.StatusBadRequest, 9021, "Invalid TTL. Must be between %d and %d seconds, or 1 for Automatic.", minTTL, maxTTL)
	}
	if n := utf8.RuneCountInString(r.Comment); n > maxComment {
		return refuse(http.StatusBadRequest, 9300, "DNS record comment has %d characters, exceeding the limit of %d.", n, maxComment)
	}
	return st.checkNeighbours(r, z, instead)
}

// checkName accepts "@", a single label below the zone, and full names in it.
func checkName(z Zone, r *Record) error {
	r.Name = normalName(r.Name)
	switch {
	case r.Name == "@":
		r.Name = z.Name
	case r.Name != "" && !strings.Contains(r.Name, "."):
		r.Name += "." + z.Name
	}
	if _, ok := dns.IsDomainName(r.Name); !ok || !within(r.Name, z.Name) || strings.ContainsAny(r.Name, " /:\\\"") {
		return refuse(http.StatusBadRequest, 9000, "DNS name is invalid.")
	}
	return nil
}

func checkContent(r *Record) error {
	switch r.Type {
	case "A":
		if a, err := netip.ParseAddr(r.Content); err != nil || !a.Is4() {
			return refuse(http.StatusBadRequest, 9005, "Content for A record must be a valid IPv4 address.")
		}
	case "AAAA":
		if a, err := netip.ParseAddr(r.Content); err != nil || !a.Is6() {
			return refuse(http.StatusBadRequest, 9006, "Content for AAAA record must be a valid IPv6 address.")
		}
	case "CNAME":
		return checkTarget(r)
	case "TXT":
		if r.Content == "" || len(r.Content) > 2048 {
			return refuse(http.StatusBadRequest, 9208, "Content for TXT record must have 1 to 2048 characters.")
		}
	default:
		return refuse(http.StatusBadRequest, 1004, "DNS Validation Error: the record type %q is not supported.", r.Type)
	}
	return nil
}

func checkTarget(r *Record) error {
	r.Content = normalName(r.Content)
	if _, ok := dns.IsDomainName(r.Content); !ok || r.Content == "" || strings.ContainsAny(r.Content, " /:\\\"") {
		return refuse(http.StatusBadRequest, 9007, "Content for CNAME record is invalid.")
	}
	if r.Content == r.Name {
		return refuse(http.StatusBadRequest, 9039, "CNAME content cannot reference itself.")
	}
	return nil
}

// checkNeighbours refuses what cannot be beside the other records of the name: a
// CNAME stands alone, but at the apex, where it is flattened, TXT may be beside
// it.
func (st *state) checkNeighbours(r *Record, z Zone, instead *Record) error {
	for _, other := range st.Records {
		if other == instead || other.ZoneID != z.ID || other.Name != r.Name {
			continue
		}
		text := other.Type == "TXT" || r.Type == "TXT"
		switch {
		case text && other.Type != r.Type && r.Name == z.Name:
		case r.Type == "CNAME":
			return refuse(http.StatusBadRequest, 81053, "An A, AAAA, or CNAME record with that host already exists.")
		case other.Type == "CNAME":
			return refuse(http.StatusBadRequest, 81054, "A CNAME record with that host already exists.")
		case other.Type == r.Type && other.Content == r.Content:
			return refuse(http.StatusBadRequest, 81058, "An identical record already exists.")
		}
	}
	return nil
}
