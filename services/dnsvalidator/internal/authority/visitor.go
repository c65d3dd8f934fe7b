package authority

import (
	"context"

	"github.com/miekg/dns"
)

// Visitor looks where the machine of a visitor would: at a resolver.
type Visitor struct {
	Servers Servers
	// Resolvers are tried in turn, as ip:port.
	Resolvers []string
}

// Perspectives returns the resolvers that see a name besides the servers that
// hold it: none for a mapped name, for which the operator named the one to ask.
func (v Visitor) Perspectives(name string) []string {
	if _, ok := v.Servers.zone(dns.CanonicalName(name)); ok {
		return nil
	}
	return v.Resolvers
}

// Locate returns the mapped server or else the resolvers. It asks nothing.
func (v Visitor) Locate(_ context.Context, name string) (Zone, error) {
	if zone, ok := v.Servers.zone(dns.CanonicalName(name)); ok {
		return zone, nil
	}
	resolver := Server{Name: "resolver", Addresses: v.Resolvers}
	return Zone{Name: ".", Servers: []Server{resolver}, Trusted: true, Recursive: true}, nil
}
