package dns

import (
	"slices"

	"github.com/miekg/dns"
)

// maxChase is how many CNAMEs the server follows inside of its own zones.
const maxChase = 10

// reply is what a question is answered with.
type reply struct {
	rcode         int
	authoritative bool
	answer        []dns.RR
	authority     []dns.RR
	extra         []dns.RR
}

// zones are what the server answers for, by canonical origin.
type zones map[string]*zone

// enclosing returns the zone nearest above name, or nil.
func (zs zones) enclosing(name string) *zone {
	for {
		if z := zs[name]; z != nil {
			return z
		}
		if name == "." {
			return nil
		}
		name = parent(name)
	}
}

// parent returns the name without its first label.
func parent(name string) string {
	next, end := dns.NextLabel(name, 0)
	if end {
		return "."
	}
	return name[next:]
}

// lookup answers a question, following CNAMEs as long as they stay in our zones.
func (zs zones) lookup(question string, qtype uint16) reply {
	r := reply{authoritative: true}
	owner, passed := question, map[string]bool{}
	for len(passed) <= maxChase {
		name := dns.CanonicalName(owner)
		z := zs.enclosing(name)
		if z == nil || passed[name] {
			break
		}
		passed[name] = true
		target := z.resolve(&r, owner, name, qtype)
		if target == "" {
			return r
		}
		owner = target
	}
	if len(passed) == 0 {
		return reply{rcode: dns.RcodeRefused}
	}
	return r
}

// resolve adds to r what the zone says about name and returns the target when
// that is a CNAME to follow. The records bear owner, spelled as it was asked.
func (z *zone) resolve(r *reply, owner, name string, qtype uint16) string {
	if cut, ok := z.delegation(name); ok {
		z.refer(r, cut)
		return ""
	}
	n, ok := z.nodes[name]
	if !ok {
		n, ok = z.wildcard(name)
	}
	switch {
	case ok && len(n[dns.TypeCNAME]) > 0 && qtype != dns.TypeCNAME && qtype != dns.TypeANY:
		r.answer = append(r.answer, owned(owner, n[dns.TypeCNAME])...)
		return n[dns.TypeCNAME][0].(*dns.CNAME).Target
	case ok && len(n.records(qtype)) > 0:
		r.answer = append(r.answer, owned(owner, n.records(qtype))...)
		return ""
	case !ok && !z.exists(name):
		r.rcode = dns.RcodeNameError
	}
	r.authority = []dns.RR{z.negative()}
	return ""
}

// records returns the set of a type, or everything for ANY.
func (n node) records(qtype uint16) []dns.RR {
	if qtype != dns.TypeANY {
		return n[qtype]
	}
	var all []dns.RR
	for _, set := range n {
		all = append(all, set...)
	}
	return all
}

// wildcard returns the node that stands for a name that does not exist: the
// asterisk below the closest name that does (RFC 4592 section 3.3.1).
func (z *zone) wildcard(name string) (node, bool) {
	if z.exists(name) {
		return nil, false
	}
	encloser := parent(name)
	for encloser != z.origin && !z.exists(encloser) {
		encloser = parent(encloser)
	}
	n, ok := z.nodes["*."+encloser]
	return n, ok
}

// delegation returns the highest zone cut at or above name, below the apex.
func (z *zone) delegation(name string) (string, bool) {
	cut, found := "", false
	for ; name != z.origin; name = parent(name) {
		if len(z.nodes[name][dns.TypeNS]) > 0 {
			cut, found = name, true
		}
	}
	return cut, found
}

// refer points to the servers of a zone below, with the addresses we hold.
func (z *zone) refer(r *reply, cut string) {
	r.authoritative = len(r.answer) > 0
	r.authority = z.nodes[cut][dns.TypeNS]
	for _, rr := range r.authority {
		host := z.nodes[dns.CanonicalName(rr.(*dns.NS).Ns)]
		r.extra = slices.Concat(r.extra, host[dns.TypeA], host[dns.TypeAAAA])
	}
}

// negative returns the SOA that goes with an answer of "no", with the time that
// the "no" may be kept (RFC 2308 section 3).
func (z *zone) negative() dns.RR {
	soa := dns.Copy(z.soa()).(*dns.SOA)
	soa.Hdr.Ttl = min(soa.Hdr.Ttl, soa.Minttl)
	return soa
}

// owned returns copies of records that bear the given owner name.
func owned(owner string, records []dns.RR) []dns.RR {
	copies := make([]dns.RR, 0, len(records))
	for _, rr := range records {
		rr = dns.Copy(rr)
		rr.Header().Name = owner
		copies = append(copies, rr)
	}
	return copies
}
