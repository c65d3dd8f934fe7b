package dns

import (
	"maps"
	"slices"

	"github.com/miekg/dns"
)

// update applies an RFC 2136 update and returns its response code. The zone
// changes whole or not at all.
func (s *Server) update(w dns.ResponseWriter, request *dns.Msg) int {
	if request.IsTsig() == nil {
		return dns.RcodeRefused
	}
	if len(request.Question) != 1 || request.Question[0].Qtype != dns.TypeSOA {
		return dns.RcodeFormatError
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	origin := dns.CanonicalName(request.Question[0].Name)
	z := s.zones[origin]
	if z == nil {
		return dns.RcodeNotAuth
	}
	if rcode := z.checkPrerequisites(request.Answer); rcode != dns.RcodeSuccess {
		return rcode
	}
	if rcode := z.scan(request.Ns); rcode != dns.RcodeSuccess {
		return rcode
	}
	next := z.clone()
	if next.apply(request.Ns) {
		if next.soa().Serial == z.soa().Serial {
			next.bump()
		}
		if err := next.keep(); err != nil {
			s.log.Error("zone not kept", "zone", origin, "error", err)
			return dns.RcodeServerFailure
		}
		s.zones[origin] = next
		s.log.Info("zone updated", "zone", origin, "serial", next.soa().Serial, "client", w.RemoteAddr().String())
	}
	return dns.RcodeSuccess
}

// scan checks the form of the changes (RFC 2136 section 3.4.1).
func (z *zone) scan(changes []dns.RR) int {
	for _, rr := range changes {
		h := rr.Header()
		if !dns.IsSubDomain(z.origin, h.Name) {
			return dns.RcodeNotZone
		}
		var wellFormed bool
		switch h.Class {
		case dns.ClassINET:
			wellFormed = !meta(h.Rrtype)
		case dns.ClassANY:
			wellFormed = h.Ttl == 0 && h.Rdlength == 0 && (h.Rrtype == dns.TypeANY || !meta(h.Rrtype))
		case dns.ClassNONE:
			wellFormed = h.Ttl == 0 && !meta(h.Rrtype)
		}
		if !wellFormed {
			return dns.RcodeFormatError
		}
	}
	return dns.RcodeSuccess
}

// meta reports whether a type is for questions only.
func meta(rrtype uint16) bool {
	switch rrtype {
	case dns.TypeANY, dns.TypeAXFR, dns.TypeIXFR, dns.TypeMAILA, dns.TypeMAILB, dns.TypeOPT, dns.TypeTSIG:
		return true
	}
	return false
}

// apply makes the changes (RFC 2136 section 3.4.2) and reports whether the zone
// is another one now.
func (z *zone) apply(changes []dns.RR) bool {
	changed := false
	for _, rr := range changes {
		name := dns.CanonicalName(rr.Header().Name)
		switch rr.Header().Class {
		case dns.ClassINET:
			changed = z.insert(name, rr) || changed
		case dns.ClassANY:
			changed = z.removeSets(name, rr.Header().Rrtype) || changed
		case dns.ClassNONE:
			changed = z.removeRecord(name, rr) || changed
		}
	}
	return changed
}

// insert adds a record. What would put a CNAME beside other data, a second SOA
// anywhere, or a serial back, is passed over in silence, as the RFC wants it.
func (z *zone) insert(name string, rr dns.RR) bool {
	n, rrtype := z.nodes[name], rr.Header().Rrtype
	alias := len(n[dns.TypeCNAME]) > 0
	switch {
	case z.holds(name, rr):
		return false
	case rrtype == dns.TypeCNAME && len(n) > 0 && !alias, rrtype != dns.TypeCNAME && alias:
		return false
	case rrtype == dns.TypeSOA && (name != z.origin || !newer(rr.(*dns.SOA).Serial, z.soa().Serial)):
		return false
	case rrtype == dns.TypeCNAME, rrtype == dns.TypeSOA:
		z.set(name, rrtype, []dns.RR{rr})
	default:
		z.add(rr)
	}
	return true
}

// holds reports whether the zone has the record with the same TTL already.
func (z *zone) holds(name string, rr dns.RR) bool {
	for _, old := range z.nodes[name][rr.Header().Rrtype] {
		if dns.IsDuplicate(old, rr) && old.Header().Ttl == rr.Header().Ttl {
			return true
		}
	}
	return false
}

// newer compares serials, which wrap around (RFC 1982).
func newer(a, b uint32) bool { return int32(a-b) > 0 }

// removeSets removes one set or, for ANY, all sets of a name. SOA and NS of the
// apex stay: a zone without them is none.
func (z *zone) removeSets(name string, rrtype uint16) bool {
	changed := false
	for held := range maps.Clone(z.nodes[name]) {
		apex := name == z.origin && (held == dns.TypeSOA || held == dns.TypeNS)
		if !apex && (held == rrtype || rrtype == dns.TypeANY) {
			z.set(name, held, nil)
			changed = true
		}
	}
	return changed
}

// removeRecord removes one record, but neither the SOA nor the last NS of the
// apex.
func (z *zone) removeRecord(name string, rr dns.RR) bool {
	rrtype := rr.Header().Rrtype
	wanted := dns.Copy(rr)
	wanted.Header().Class = dns.ClassINET
	held := z.nodes[name][rrtype]
	kept := slices.DeleteFunc(slices.Clone(held), func(old dns.RR) bool { return dns.IsDuplicate(old, wanted) })
	lastNS := name == z.origin && rrtype == dns.TypeNS && len(kept) == 0
	if len(kept) == len(held) || rrtype == dns.TypeSOA || lastNS {
		return false
	}
	z.set(name, rrtype, kept)
	return true
}
