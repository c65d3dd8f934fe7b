package dns

import "github.com/miekg/dns"

// set names the records of one owner and type.
type set struct {
	name   string
	rrtype uint16
}

// checkPrerequisites tells whether the zone is as the client believes (RFC 2136
// section 3.2), as a response code.
func (z *zone) checkPrerequisites(prerequisites []dns.RR) int {
	exact := map[set][]dns.RR{}
	for _, rr := range prerequisites {
		h := rr.Header()
		name := dns.CanonicalName(h.Name)
		switch {
		case h.Ttl != 0:
			return dns.RcodeFormatError
		case !dns.IsSubDomain(z.origin, name):
			return dns.RcodeNotZone
		}
		switch h.Class {
		case dns.ClassANY, dns.ClassNONE:
			if rcode := z.checkPresence(name, h); rcode != dns.RcodeSuccess {
				return rcode
			}
		case dns.ClassINET:
			key := set{name, h.Rrtype}
			exact[key] = append(exact[key], rr)
		default:
			return dns.RcodeFormatError
		}
	}
	for key, wanted := range exact {
		if !equal(z.nodes[key.name][key.rrtype], wanted) {
			return dns.RcodeNXRrset
		}
	}
	return dns.RcodeSuccess
}

// checkPresence checks "is there" (class ANY) and "is not there" (class NONE),
// for a whole name (type ANY) or for one set.
func (z *zone) checkPresence(name string, h *dns.RR_Header) int {
	if h.Rdlength != 0 {
		return dns.RcodeFormatError
	}
	n := z.nodes[name]
	wanted, anyType := h.Class == dns.ClassANY, h.Rrtype == dns.TypeANY
	found := len(n[h.Rrtype]) > 0 || anyType && len(n) > 0
	switch {
	case found == wanted:
		return dns.RcodeSuccess
	case wanted && anyType:
		return dns.RcodeNameError
	case wanted:
		return dns.RcodeNXRrset
	case anyType:
		return dns.RcodeYXDomain
	}
	return dns.RcodeYXRrset
}

// equal compares two sets whatever their order and TTLs.
func equal(held, wanted []dns.RR) bool {
	if len(held) != len(wanted) {
		return false
	}
	for _, rr := range wanted {
		if !contains(held, rr) {
			return false
		}
	}
	return true
}

func contains(records []dns.RR, rr dns.RR) bool {
	for _, other := range records {
		if dns.IsDuplicate(other, rr) {
			return true
		}
	}
	return false
}
