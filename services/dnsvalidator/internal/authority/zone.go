// Package authority finds the servers to ask about a name.
//
// It owns two ways to look: Finder goes to the servers that hold the zone, as a
// certificate authority would; Visitor goes where a visitor's machine would. Both
// obey the operator's map of suffixes first. It must not know what is asked of
// the servers afterwards.
//
// Invariant: an error on the way is never taken for "there is no such server".
package authority

import (
	"context"
	"net/netip"
	"strings"

	"github.com/miekg/dns"

	"github.com/siteplane/siteplane/services/dnsvalidator/internal/dnsq"
)

// Zone is whom to ask about a name.
type Zone struct {
	// Name of the zone, fully qualified. With a mapping, the mapped suffix.
	Name    string
	Servers []Server
	// Trusted: the answers count also without the authoritative flag.
	Trusted bool
	// Recursive: the servers resolve for us.
	Recursive bool
	// Answers are the questions that were asked to find the servers.
	Answers []dnsq.Answer
}

// Server is one server with the addresses to try in turn, as ip:port. It has
// none when its name leads nowhere.
type Server struct {
	Name      string
	Addresses []string
}

// Asker asks DNS questions. That a server failed is part of the answer.
type Asker interface {
	AskAll(ctx context.Context, questions []dnsq.Question) []dnsq.Answer
}

// Servers maps suffixes of names to the server that is asked about them, as
// host:port. "." and "" stand for all names.
type Servers map[string]string

// zone returns the mapping with the longest suffix that fits name.
func (s Servers) zone(name string) (Zone, bool) {
	best, found := "", false
	for suffix := range s {
		longer := !found || dns.CountLabel(dns.Fqdn(suffix)) > dns.CountLabel(dns.Fqdn(best))
		if dns.IsSubDomain(dns.Fqdn(suffix), name) && longer {
			best, found = suffix, true
		}
	}
	server := Server{Name: s[best], Addresses: []string{s[best]}}
	return Zone{Name: dns.CanonicalName(best), Servers: []Server{server}, Trusted: true}, found
}

// join puts a port to an address.
func join(addr netip.Addr, port uint16) string { return netip.AddrPortFrom(addr, port).String() }

// parent returns the name without its first label.
func parent(name string) string {
	_, rest, _ := strings.Cut(name, ".")
	return dns.Fqdn(rest)
}
