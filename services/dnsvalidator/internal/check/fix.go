package check

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/miekg/dns"

	"github.com/siteplane/siteplane/services/dnsvalidator/internal/chain"
	"github.com/siteplane/siteplane/services/dnsvalidator/internal/diagnosis"
)

// fix lists the records to delete and to add, in this order. What follows
// "Delete: " or "Add: " is a record and nothing else, so that a program can read it.
func (w writer) fix(code diagnosis.Code, ends []chain.End) []string {
	if code == diagnosis.ProxyUnexpected {
		return w.unproxy(ends)
	}
	var steps []string
	if domain, ok := ends[0].Unregistered(); ok {
		steps = append(steps, fmt.Sprintf("Register or renew %s.", domain))
	}
	adds := w.adds(ends)
	stale := ends
	if len(adds) > 0 && w.Target != "" {
		stale = w.wrong // a CNAME may stand beside nothing
	}
	steps = append(steps, w.deletes(stale)...)
	if code == diagnosis.DNSNoAddress && !ends[0].Aliased() && w.Target != "" && !w.root {
		steps = append(steps, fmt.Sprintf("Delete whatever else %s has, for instance TXT or MX: a CNAME may stand beside no other record.", w.fqdn()))
	}
	steps = append(steps, adds...)
	if len(steps) == 0 {
		steps = append(steps, fmt.Sprintf("Make all name servers of %s serve the same records.", ends[0].ZoneName()))
	}
	return steps
}

// unproxy says how to take Cloudflare's proxy away. The records behind it are not
// to be seen, so those that must be there are all listed.
func (w writer) unproxy(ends []chain.End) []string {
	last := ends[0].Last()
	steps := []string{fmt.Sprintf("In Cloudflare, under DNS > Records, set the records of %s to 'DNS only' (grey cloud).", last)}
	if ends[0].Aliased() {
		steps = append(steps, fmt.Sprintf("Or, when %s is not yours to change:", last))
		return append(append(steps, w.deletes(ends)...), w.records()...)
	}
	steps = append(steps, fmt.Sprintf("There, delete every A, AAAA or CNAME record of %s other than these:", w.fqdn()))
	return append(steps, w.records()...)
}

// deletes lists the records of the hostname that lead astray, as far as there is
// room.
func (w writer) deletes(ends []chain.End) []string {
	var steps []string
	for _, end := range ends {
		if end.Aliased() {
			steps = append(steps, fmt.Sprintf("Delete: %s CNAME %s", w.fqdn(), end.Path[1]))
			continue
		}
		for _, addr := range end.Addresses {
			steps = append(steps, fmt.Sprintf("Delete: %s %s %s", w.fqdn(), addressType(addr), addr))
		}
	}
	slices.Sort(steps)
	steps = slices.Compact(steps)
	if more := len(steps) - maxLines; more > 0 {
		return append(steps[:maxLines], fmt.Sprintf("Of %s, delete %d more records that point elsewhere.", w.fqdn(), more))
	}
	return steps
}

// adds lists the records that lead to the right place: none when one is there and
// stays.
func (w writer) adds(ends []chain.End) []string {
	if w.reached > 0 && !slices.ContainsFunc(ends, chain.End.Aliased) {
		return nil
	}
	return w.records()
}

// records lists every record that leads to the right place.
func (w writer) records() []string {
	switch {
	case w.Target != "" && w.root:
		return w.rootRecords()
	case w.Target != "":
		return []string{fmt.Sprintf("Add: %s %d IN CNAME %s", w.fqdn(), recordTTL, dns.Fqdn(w.Target))}
	case len(w.Edges) > 0:
		return w.edgeRecords()
	}
	return []string{fmt.Sprintf("In Cloudflare, under DNS > Records, set the record of %s to 'Proxied' (orange cloud).", w.Hostname)}
}

// rootRecords are the ways to the target where no CNAME may be.
func (w writer) rootRecords() []string {
	steps := []string{
		fmt.Sprintf("%s is the root of its zone, where DNS allows no CNAME. Do one of these:", w.Hostname),
		fmt.Sprintf("Add: %s %d IN ALIAS %s", w.fqdn(), recordTTL, dns.Fqdn(w.Target)),
		"(Some providers call it ANAME or CNAME flattening; Cloudflare flattens a CNAME at the root by itself.)",
	}
	if len(w.Edges) > 0 {
		steps = append(append(steps, "Or, where the provider has no such thing:"), w.edgeRecords()...)
	}
	return append(steps, fmt.Sprintf("Or use www.%s for the site, redirect %s to it at the provider, and add: www.%s %d IN CNAME %s",
		w.Hostname, w.Hostname, w.fqdn(), recordTTL, dns.Fqdn(w.Target)))
}

func (w writer) edgeRecords() []string {
	var steps []string
	for _, addr := range w.Edges {
		steps = append(steps, fmt.Sprintf("Add: %s %d IN %s %s", w.fqdn(), recordTTL, addressType(addr), addr))
	}
	return steps
}

func (w writer) fqdn() string { return dns.Fqdn(w.Hostname) }

func addressType(addr netip.Addr) string {
	if addr.Is4() {
		return "A"
	}
	return "AAAA"
}
