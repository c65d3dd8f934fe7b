package check

import (
	"fmt"
	"net/netip"
	"slices"

	"golang.org/x/net/publicsuffix"

	"github.com/siteplane/siteplane/services/dnsvalidator/internal/chain"
	"github.com/siteplane/siteplane/services/dnsvalidator/internal/diagnosis"
)

// recordTTL is the time to live of the records that are proposed, in seconds.
const recordTTL = 300

// fix lists the records to delete and to add, in this order.
func (w writer) fix(code diagnosis.Code, ends []chain.End) []string {
	var steps []string
	if domain, ok := unregistered(ends[0]); ok && code == diagnosis.DNSNXDomain {
		steps = append(steps, fmt.Sprintf("Register or renew %s.", domain))
	}
	for _, record := range w.stale(ends) {
		steps = append(steps, "Delete: "+record)
	}
	for _, record := range w.missing(ends) {
		steps = append(steps, "Add: "+record)
	}
	if len(steps) == 0 {
		steps = append(steps, fmt.Sprintf("Make all name servers of %s serve the same records.", bare(zoneOf(ends[0]))))
	}
	return steps
}

// stale returns the records of the hostname that lead astray.
func (w writer) stale(ends []chain.End) []string {
	var records []string
	for _, end := range ends {
		if len(end.Path) > 1 {
			records = append(records, fmt.Sprintf("%s CNAME %s", w.hostname, end.Path[1]))
			continue
		}
		for _, addr := range end.Addresses {
			records = append(records, fmt.Sprintf("%s %s %s", w.hostname, addressType(addr), addr))
		}
	}
	slices.Sort(records)
	return slices.Compact(records)
}

// missing returns the records that lead to the edges: none when one of them is
// there and stays.
func (w writer) missing(ends []chain.End) []string {
	aliased := slices.ContainsFunc(ends, func(e chain.End) bool { return len(e.Path) > 1 })
	var records []string
	for _, addr := range w.edges {
		if slices.Contains(w.found, addr) && !aliased {
			return nil
		}
		records = append(records, fmt.Sprintf("%s %d IN %s %s", w.hostname, recordTTL, addressType(addr), addr))
	}
	return records
}

// unregistered returns the domain that a tenant would have to register, when it
// was its registry that said there is no such name.
func unregistered(end chain.End) (string, bool) {
	last := bare(end.Path[len(end.Path)-1])
	suffix, icann := publicsuffix.PublicSuffix(last)
	domain, err := publicsuffix.EffectiveTLDPlusOne(last)
	if err != nil || !icann || bare(end.Zone) != suffix {
		return "", false
	}
	return domain, true
}

func addressType(addr netip.Addr) string {
	if addr.Is4() {
		return "A"
	}
	return "AAAA"
}
