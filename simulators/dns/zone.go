package dns

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/miekg/dns"
)

// defaultTTL is what a record gets that names none, in seconds.
const defaultTTL = 60

// node holds the records of one name by type.
type node map[uint16][]dns.RR

// zone holds the records of one zone by canonical owner name.
type zone struct {
	origin string
	file   string // where it is kept, "" for nowhere
	nodes  map[string]node
}

// newZone parses the records of z and adds SOA and NS where they are missing.
func newZone(z Zone) (*zone, error) {
	if _, ok := dns.IsDomainName(z.Origin); !ok {
		return nil, fmt.Errorf("zone %q: not a name", z.Origin)
	}
	made := &zone{origin: dns.CanonicalName(z.Origin), file: z.File, nodes: map[string]node{}}
	lines, err := kept(z)
	if err != nil {
		return nil, fmt.Errorf("zone %s: %w", made.origin, err)
	}
	records, err := parse(made.origin, lines)
	if err != nil {
		return nil, fmt.Errorf("zone %s: %w", made.origin, err)
	}
	for _, rr := range records {
		if !dns.IsSubDomain(made.origin, rr.Header().Name) {
			return nil, fmt.Errorf("zone %s: record %q is outside of it", made.origin, rr)
		}
		made.add(rr)
	}
	made.complete()
	return made, nil
}

// parse reads records in presentation format.
func parse(origin string, lines []string) ([]dns.RR, error) {
	parser := dns.NewZoneParser(strings.NewReader(strings.Join(lines, "\n")+"\n"), origin, "")
	parser.SetDefaultTTL(defaultTTL)
	var records []dns.RR
	for rr, ok := parser.Next(); ok; rr, ok = parser.Next() {
		records = append(records, rr)
	}
	if err := parser.Err(); err != nil {
		return nil, fmt.Errorf("parse records: %w", err)
	}
	return records, nil
}

// complete adds what every zone must have at its apex.
func (z *zone) complete() {
	server := "ns." + strings.TrimPrefix(z.origin, ".")
	apex := z.nodes[z.origin]
	if len(apex[dns.TypeNS]) == 0 {
		z.add(&dns.NS{Hdr: z.header(dns.TypeNS), Ns: server})
	}
	if len(apex[dns.TypeSOA]) == 0 {
		z.add(&dns.SOA{
			Hdr: z.header(dns.TypeSOA), Ns: server, Mbox: "hostmaster." + strings.TrimPrefix(z.origin, "."),
			Serial: 1, Refresh: 3600, Retry: 600, Expire: 86400, Minttl: defaultTTL,
		})
	}
}

func (z *zone) header(rrtype uint16) dns.RR_Header {
	return dns.RR_Header{Name: z.origin, Rrtype: rrtype, Class: dns.ClassINET, Ttl: defaultTTL}
}

// clone returns a copy that can be changed without the original noticing.
func (z *zone) clone() *zone {
	copied := &zone{origin: z.origin, file: z.file, nodes: make(map[string]node, len(z.nodes))}
	for name, n := range z.nodes {
		copied.nodes[name] = make(node, len(n))
		for rrtype, set := range n {
			copied.nodes[name][rrtype] = slices.Clone(set)
		}
	}
	return copied
}

// add puts rr into its set; an equal record is replaced, so that its TTL is.
func (z *zone) add(rr dns.RR) {
	name, rrtype := dns.CanonicalName(rr.Header().Name), rr.Header().Rrtype
	if z.nodes[name] == nil {
		z.nodes[name] = node{}
	}
	kept := slices.DeleteFunc(z.nodes[name][rrtype], func(old dns.RR) bool { return dns.IsDuplicate(old, rr) })
	z.nodes[name][rrtype] = append(kept, rr)
}

// set makes records the whole set of a name and type; none removes the set.
func (z *zone) set(name string, rrtype uint16, records []dns.RR) {
	if len(records) > 0 {
		if z.nodes[name] == nil {
			z.nodes[name] = node{}
		}
		z.nodes[name][rrtype] = records
		return
	}
	delete(z.nodes[name], rrtype)
	if len(z.nodes[name]) == 0 {
		delete(z.nodes, name)
	}
}

// soa returns the start of authority, which every zone has.
func (z *zone) soa() *dns.SOA {
	return z.nodes[z.origin][dns.TypeSOA][0].(*dns.SOA)
}

// bump raises the serial. Zero is skipped, as RFC 2136 section 7.11 asks.
func (z *zone) bump() {
	next := dns.Copy(z.soa()).(*dns.SOA)
	next.Serial++
	if next.Serial == 0 {
		next.Serial = 1
	}
	z.set(z.origin, dns.TypeSOA, []dns.RR{next})
}

// exists reports whether a name owns records or has names below it that do.
func (z *zone) exists(name string) bool {
	if _, ok := z.nodes[name]; ok {
		return true
	}
	for other := range maps.Keys(z.nodes) {
		if strings.HasSuffix(other, "."+name) {
			return true
		}
	}
	return false
}
