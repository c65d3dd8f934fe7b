package check

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/miekg/dns"

	"github.com/siteplane/siteplane/services/dnsvalidator/internal/chain"
	"github.com/siteplane/siteplane/services/dnsvalidator/internal/diagnosis"
	"github.com/siteplane/siteplane/services/dnsvalidator/internal/evidence"
)

// writer puts faults of one hostname into words.
type writer struct {
	hostname string
	edges    []netip.Addr
	// found has every address that the hostname leads to now.
	found []netip.Addr
}

func newWriter(hostname string, edges, found []netip.Addr) writer {
	return writer{hostname: dns.Fqdn(hostname), edges: edges, found: found}
}

// diagnose returns one diagnosis for each kind of fault, first what to mend
// first.
func (w writer) diagnose(v verdict) []diagnosis.Diagnosis {
	var all []diagnosis.Diagnosis
	for code, ends := range v.faults {
		d := diagnosis.New(code, w.summary(code, ends))
		d.Observed = observed(ends)
		if code == diagnosis.DNSServFail {
			w.failure(&d, ends, v.outcome())
		} else {
			d.Expected = texts(w.edges)
			d.Fix = w.fix(code, ends)
			w.blame(&d, ends)
		}
		all = append(all, d)
	}
	diagnosis.Sort(all)
	return all
}

// summary says in one sentence what is wrong.
func (w writer) summary(code diagnosis.Code, ends []chain.End) string {
	host, first := bare(w.hostname), ends[0]
	last := bare(first.Path[len(first.Path)-1])
	subject := host
	if last != host {
		subject = fmt.Sprintf("%s leads to %s, which", host, last)
	}
	switch code {
	case diagnosis.DNSCNAMELoop:
		return fmt.Sprintf("The aliases of %s go round in a circle and end nowhere.", host)
	case diagnosis.DNSCNAMETooLong:
		return fmt.Sprintf("%s leads through more than %d aliases; resolvers give up on that.", host, chain.MaxHops)
	case diagnosis.DNSNXDomain:
		if domain, ok := unregistered(first); ok {
			return fmt.Sprintf("The domain %s is not registered or has expired.", domain)
		}
		return fmt.Sprintf("%s does not exist in DNS.", subject)
	case diagnosis.DNSNoAddress:
		return fmt.Sprintf("%s exists in DNS but has no address.", subject)
	case diagnosis.DNSPrivateAddress:
		return fmt.Sprintf("%s points to %s, where visitors from the Internet cannot go.", host, list(ends))
	case diagnosis.DNSWrongTarget:
		return fmt.Sprintf("%s points to %s; it must point to our edges only.", host, list(ends))
	}
	return fmt.Sprintf("The name servers of %s fail or do not answer.", bare(zoneOf(first)))
}

// failure words a fault of the servers. Beside good answers it is a warning.
func (w writer) failure(d *diagnosis.Diagnosis, ends []chain.End, outcome evidence.Outcome) {
	d.Expected = []string{"an authoritative answer from every name server"}
	d.Fix = []string{fmt.Sprintf("Ask the provider that hosts DNS for %s to mend the servers above.", bare(zoneOf(ends[0])))}
	if outcome != evidence.Unknown {
		d.Severity = diagnosis.Warn
	}
	if slices.ContainsFunc(ends, func(e chain.End) bool { return e.Ours }) {
		d.Actor = diagnosis.Operator
		d.Summary = fmt.Sprintf("No resolver could tell which name servers hold %s.", bare(w.hostname))
		d.Fix = []string{"Mend the resolvers that dnsvalidator is configured with, or its way to them."}
	}
}

// blame turns to the operator when the private address is one of our own edges:
// the tenant did as told.
func (w writer) blame(d *diagnosis.Diagnosis, ends []chain.End) {
	if d.Code != diagnosis.DNSPrivateAddress {
		return
	}
	for _, end := range ends {
		for _, addr := range end.Addresses {
			if !slices.Contains(w.edges, addr) {
				return
			}
		}
	}
	d.Actor = diagnosis.Operator
	d.Fix = []string{"Give the edge a public address, or add its network to probe.allow_networks if all visitors are inside."}
}

// zoneOf returns the zone of an end, or the name itself when none was found.
func zoneOf(end chain.End) string {
	if end.Zone != "" && end.Zone != "." {
		return end.Zone
	}
	return end.Path[len(end.Path)-1]
}

func observed(ends []chain.End) []string {
	var lines []string
	for _, end := range ends {
		line := end.String()
		if len(end.Addresses) > 0 {
			line += ": " + strings.Join(texts(end.Addresses), ", ")
		}
		lines = append(lines, line)
	}
	return lines
}

// list names every address of the ends once.
func list(ends []chain.End) string {
	var all []netip.Addr
	for _, end := range ends {
		all = append(all, end.Addresses...)
	}
	slices.SortFunc(all, netip.Addr.Compare)
	return strings.Join(texts(slices.Compact(all)), ", ")
}

func texts(addrs []netip.Addr) []string {
	lines := make([]string, len(addrs))
	for i, addr := range addrs {
		lines[i] = addr.String()
	}
	return lines
}

// bare returns a name as people write it.
func bare(name string) string { return strings.TrimSuffix(name, ".") }
