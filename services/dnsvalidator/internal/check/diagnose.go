package check

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/siteplane/siteplane/services/dnsvalidator/internal/chain"
	"github.com/siteplane/siteplane/services/dnsvalidator/internal/diagnosis"
)

// writer puts the faults of one hostname into words.
type writer struct {
	Destination
	verdict
	// root: the hostname is the root of a zone, where no CNAME may be.
	root bool
}

// diagnose returns one diagnosis for each kind of fault, first what to mend
// first.
func (w writer) diagnose() []diagnosis.Diagnosis {
	var all []diagnosis.Diagnosis
	for code, ends := range w.faults {
		all = append(all, w.word(code, ends))
	}
	if w.split.disagree() {
		d := w.split.diagnose("leads to the right place", slices.Concat(w.right, w.wrong))
		d.Expected = w.expected()
		all = append(all, d)
	}
	diagnosis.Sort(all)
	return all
}

func (w writer) word(code diagnosis.Code, ends []chain.End) diagnosis.Diagnosis {
	if code == diagnosis.DNSServFail {
		d := serverFailure(w.Hostname, ends, w.outcome())
		w.blameTarget(&d, ends)
		return d
	}
	d := diagnosis.New(code, w.summary(code, ends))
	d.Expected, d.Observed, d.Fix = w.expected(), observed(ends), w.fix(code, ends)
	w.blameTarget(&d, ends)
	w.blameEdges(&d, ends)
	return d
}

// summary says in one sentence what is wrong.
func (w writer) summary(code diagnosis.Code, ends []chain.End) string {
	switch code {
	case diagnosis.DNSPrivateAddress:
		return fmt.Sprintf("%s points to %s, where visitors from the Internet cannot go.", w.Hostname, list(ends))
	case diagnosis.ProxyUnexpected:
		return fmt.Sprintf("%s is proxied (orange cloud) by Cloudflare at %s; it must lead to %s itself.", ends[0].Last(), list(ends), w.place())
	case diagnosis.DNSWrongTarget:
		return fmt.Sprintf("%s points to %s; it must point to %s only.", w.Hostname, list(ends), w.place())
	}
	return pathSummary(code, w.Hostname, ends[0])
}

// place says where the hostname should lead.
func (w writer) place() string {
	switch {
	case w.Target != "":
		return w.Target
	case len(w.Edges) > 0:
		return "our edges"
	}
	return "Cloudflare"
}

func (w writer) expected() []string {
	var lines []string
	if w.Target != "" {
		lines = append(lines, "CNAME "+w.Target)
	}
	lines = append(lines, texts(w.Edges)...)
	if w.AcceptCloudflare {
		lines = append(lines, "addresses of Cloudflare")
	}
	return lines
}

// blameTarget turns to the operator when the hostname leads to the target, as it
// should, and the fault is behind that.
func (w writer) blameTarget(d *diagnosis.Diagnosis, ends []chain.End) {
	if slices.ContainsFunc(ends, func(e chain.End) bool { return !w.behindTarget(e) }) {
		return
	}
	d.Actor = diagnosis.Operator
	d.Fix = []string{fmt.Sprintf("Give %s addresses: tenants are told to point to it, and %s does.", w.Target, w.Hostname)}
}

// blameEdges turns to the operator when the private address is one of our own
// edges: the tenant did as told.
func (w writer) blameEdges(d *diagnosis.Diagnosis, ends []chain.End) {
	if d.Code != diagnosis.DNSPrivateAddress {
		return
	}
	for _, end := range ends {
		for _, addr := range end.Addresses {
			if !slices.Contains(w.Edges, addr) {
				return
			}
		}
	}
	d.Actor = diagnosis.Operator
	d.Fix = []string{"Give the edge a public address, or add its network to probe.allow_networks if all visitors are inside."}
}

// list names the addresses of the ends, each once.
func list(ends []chain.End) string {
	var all []netip.Addr
	for _, end := range ends {
		all = append(all, end.Addresses...)
	}
	slices.SortFunc(all, netip.Addr.Compare)
	return some(texts(slices.Compact(all)), maxAddresses)
}
