package authority

import (
	"context"
	"fmt"

	"github.com/miekg/dns"

	"github.com/siteplane/siteplane/services/dnsvalidator/internal/dnsq"
	"github.com/siteplane/siteplane/services/dnsvalidator/internal/reach"
)

// maxServers is how many servers of one zone are asked, and maxAddresses at how
// many addresses of one server, of each family. The zone belongs to a tenant, who
// could name any number of strangers.
const (
	maxServers   = 16
	maxAddresses = 4
)

// Finder finds the servers that hold a zone.
type Finder struct {
	Asker   Asker
	Servers Servers
	// Resolvers tell where zones begin, as ip:port; tried in turn.
	Resolvers []string
	// Port is where servers that were found by name are asked.
	Port uint16
	// Reach says which addresses of such servers may be asked.
	Reach reach.Filter
}

// Locate returns the servers that hold the zone of name: the mapped one, or all
// that the nearest NS records at or above name give. The error means that no
// resolver could tell; the Zone then has the answers.
func (f *Finder) Locate(ctx context.Context, name string) (Zone, error) {
	cut := dns.CanonicalName(name)
	if zone, ok := f.Servers.zone(cut); ok {
		return zone, nil
	}
	var zone Zone
	for ; ; cut = parent(cut) {
		found := f.resolve(ctx, &zone, []string{cut}, dns.TypeNS)[0]
		why := found.Failure(true)
		if why != "" && found.Err == nil && f.alias(ctx, &zone, cut) {
			continue
		}
		if why != "" {
			return zone, &LocateError{Zone: cut, Why: why, Unreachable: found.Err != nil}
		}
		if hosts := found.NameServers(); len(hosts) > 0 {
			zone.Name = cut
			zone.Servers = f.servers(ctx, &zone, hosts[:min(len(hosts), maxServers)])
			return zone, nil
		}
		if cut == "." {
			return zone, &LocateError{Zone: cut, Why: "has no name servers"}
		}
	}
}

// alias reports whether a name is an alias, so that no zone begins there. A
// resolver that is asked for the servers of an alias goes on to its target, and
// fails where that does; asked for the alias itself it does not.
func (f *Finder) alias(ctx context.Context, zone *Zone, name string) bool {
	found := f.resolve(ctx, zone, []string{name}, dns.TypeCNAME)[0]
	return found.Failure(true) == "" && found.Alias() != ""
}

// servers resolves the hosts of NS records, IPv4 first.
func (f *Finder) servers(ctx context.Context, zone *Zone, hosts []string) []Server {
	v4 := f.resolve(ctx, zone, hosts, dns.TypeA)
	v6 := f.resolve(ctx, zone, hosts, dns.TypeAAAA)
	servers := make([]Server, len(hosts))
	for i, host := range hosts {
		servers[i].Name = host
		servers[i].Addresses = append(f.admitted(v4[i]), f.admitted(v6[i])...)
	}
	return servers
}

// admitted returns the addresses of an answer that may be asked, as ip:port.
func (f *Finder) admitted(found dnsq.Answer) []string {
	var all []string
	for _, addr := range found.AllAddresses() {
		if f.Reach.Admits(addr) && len(all) < maxAddresses {
			all = append(all, join(addr, f.Port))
		}
	}
	return all
}

// resolve asks the resolvers about names, the next one about what the one before
// failed on, and returns the last answer for each name.
func (f *Finder) resolve(ctx context.Context, zone *Zone, names []string, qtype uint16) []dnsq.Answer {
	last := make([]dnsq.Answer, len(names))
	open := make([]int, len(names))
	for i := range names {
		open[i] = i
	}
	for _, resolver := range f.Resolvers {
		questions := make([]dnsq.Question, 0, len(open))
		for _, i := range open {
			questions = append(questions, dnsq.Question{Server: resolver, Name: names[i], Type: qtype, Recursive: true})
		}
		var failed []int
		for n, a := range f.Asker.AskAll(ctx, questions) {
			zone.Answers = append(zone.Answers, a)
			last[open[n]] = a
			if a.Failure(true) != "" {
				failed = append(failed, open[n])
			}
		}
		if open = failed; len(open) == 0 {
			break
		}
	}
	return last
}

// LocateError says why the servers of a zone could not be found.
type LocateError struct {
	Zone string
	Why  string
	// Unreachable: no resolver answered at all, which is no fault of the zone.
	Unreachable bool
}

// Error names the zone and the reason.
func (e *LocateError) Error() string {
	return fmt.Sprintf("find the name servers of %s: %s", e.Zone, e.Why)
}
