package dnsq

import (
	"net/netip"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// Answer is one question with what came back.
type Answer struct {
	Question
	// Rcode is the response code; it means nothing when Err is set.
	Rcode         int
	Authoritative bool
	// Records is the answer section.
	Records []dns.RR
	// Err says why there was no answer.
	Err      error
	Duration time.Duration

	referral bool
}

// Failure says why the answer is no evidence, or "" when it is. An answer
// without authority counts only when the server was chosen by the operator or
// asked to resolve (trusted), and never when it just refers to others.
func (a Answer) Failure(trusted bool) string {
	switch {
	case a.Err != nil:
		return a.Err.Error()
	case a.Rcode != dns.RcodeSuccess && a.Rcode != dns.RcodeNameError:
		return dns.RcodeToString[a.Rcode]
	case a.referral:
		return "refers to other servers"
	case !a.Authoritative && !trusted:
		return "is not authoritative"
	}
	return ""
}

// Alias returns the target of the CNAME that the asked name is, or "".
func (a Answer) Alias() string {
	for _, rr := range a.own() {
		if alias, ok := rr.(*dns.CNAME); ok {
			return dns.CanonicalName(alias.Target)
		}
	}
	return ""
}

// Addresses returns the addresses that the asked name itself owns. An IPv4
// address inside of an AAAA record stays what it is: no visitor reaches it.
func (a Answer) Addresses() []netip.Addr { return addresses(a.own()) }

// AllAddresses returns every address in the answer, whoever owns it: what a
// resolver found at the end of the aliases.
func (a Answer) AllAddresses() []netip.Addr { return addresses(a.Records) }

// NameServers returns the hosts of the NS records that the asked name owns.
func (a Answer) NameServers() []string {
	var hosts []string
	for _, rr := range a.own() {
		if ns, ok := rr.(*dns.NS); ok {
			hosts = append(hosts, dns.CanonicalName(ns.Ns))
		}
	}
	return hosts
}

// own returns the records whose owner is the asked name.
func (a Answer) own() []dns.RR {
	var own []dns.RR
	for _, rr := range a.Records {
		if strings.EqualFold(rr.Header().Name, a.Name) {
			own = append(own, rr)
		}
	}
	return own
}

func addresses(records []dns.RR) []netip.Addr {
	var found []netip.Addr
	for _, rr := range records {
		switch record := rr.(type) {
		case *dns.A:
			if addr, ok := netip.AddrFromSlice(record.A.To4()); ok {
				found = append(found, addr)
			}
		case *dns.AAAA:
			if addr, ok := netip.AddrFromSlice(record.AAAA.To16()); ok {
				found = append(found, addr)
			}
		}
	}
	return found
}
