package dnsq

import (
	"net/netip"
	"slices"
	"strconv"
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
// asked to resolve (trusted), and never when it just refers to others. A code
// beside an alias is about the name that the alias leads to (RFC 6604).
func (a Answer) Failure(trusted bool) string {
	switch {
	case a.Err != nil:
		return a.Err.Error()
	case a.Rcode != dns.RcodeSuccess && a.Rcode != dns.RcodeNameError && a.Alias() == "":
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

// Texts returns the TXT records that the asked name itself owns, each with its
// strings joined, as the bytes that they stand for.
func (a Answer) Texts() []string {
	var texts []string
	for _, rr := range a.own() {
		if txt, ok := rr.(*dns.TXT); ok {
			texts = append(texts, unescape(strings.Join(txt.Txt, "")))
		}
	}
	return texts
}

// unescape turns presentation format, in which the DNS library keeps strings,
// into bytes: \DDD is a byte in decimal, any other \X is X.
func unescape(text string) string {
	var raw strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] != '\\' || i+1 == len(text) {
			raw.WriteByte(text[i])
			continue
		}
		if b, err := strconv.ParseUint(text[i+1:min(i+4, len(text))], 10, 8); err == nil && i+3 < len(text) {
			raw.WriteByte(byte(b))
			i += 3
			continue
		}
		i++
		raw.WriteByte(text[i])
	}
	return raw.String()
}

// Root reports whether the asked name owns an SOA record, so that a zone begins
// there.
func (a Answer) Root() bool {
	return slices.ContainsFunc(a.own(), func(rr dns.RR) bool { return rr.Header().Rrtype == dns.TypeSOA })
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
