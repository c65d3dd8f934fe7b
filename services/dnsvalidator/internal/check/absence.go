package check

import (
	"fmt"
	"slices"
	"strings"

	"github.com/miekg/dns"
	"golang.org/x/net/publicsuffix"

	"github.com/siteplane/siteplane/services/dnsvalidator/internal/chain"
	"github.com/siteplane/siteplane/services/dnsvalidator/internal/diagnosis"
)

// absence says what is there instead of the token: one diagnosis for each kind.
func (p *proof) absence() []diagnosis.Diagnosis {
	faults := map[diagnosis.Code][]chain.End{}
	for _, end := range p.without {
		code := p.code(end)
		faults[code] = append(faults[code], end)
	}
	if wrong := faults[diagnosis.OwnershipTXTWrong]; len(wrong) > 0 {
		faults[diagnosis.OwnershipTXTWrong] = append(wrong, faults[diagnosis.OwnershipTXTMissing]...)
		delete(faults, diagnosis.OwnershipTXTMissing)
	}
	var all []diagnosis.Diagnosis
	for code, ends := range faults {
		all = append(all, p.word(diagnosis.New(code, p.summary(code, ends)), ends, p.mend(ends)))
	}
	return all
}

// code names the fault of an end without the token.
func (p *proof) code(end chain.End) diagnosis.Code {
	_, unregistered := end.Unregistered()
	switch {
	case end.Kind == chain.Loop:
		return diagnosis.DNSCNAMELoop
	case end.Kind == chain.TooLong:
		return diagnosis.DNSCNAMETooLong
	case unregistered:
		return diagnosis.DNSNXDomain
	case end.Kind == chain.Reached:
		return diagnosis.OwnershipTXTWrong
	}
	return diagnosis.OwnershipTXTMissing
}

func (p *proof) summary(code diagnosis.Code, ends []chain.End) string {
	switch code {
	case diagnosis.OwnershipTXTWrong:
		return p.wrong(ends)
	case diagnosis.OwnershipTXTMissing:
		return fmt.Sprintf("There is no TXT record at %s that shows who owns %s.", p.RecordName, p.Hostname)
	}
	return pathSummary(code, p.RecordName, ends[0])
}

// wrong shows the first value that was found and how many more there are.
func (p *proof) wrong(ends []chain.End) string {
	var values []string
	for _, end := range ends {
		values = append(values, end.Texts...)
	}
	more := ""
	if others := len(slices.Compact(slices.Sorted(slices.Values(values)))) - 1; others > 0 {
		more = fmt.Sprintf(" (and %d more)", others)
	}
	return fmt.Sprintf("Found %s%s at %s, expected %s.", quote(values[0]), more, p.RecordName, quote(p.Token))
}

// mend lists the records to delete and to add. Where the name is an alias, the
// record goes to the name at its end, or else the alias has to go.
func (p *proof) mend(ends []chain.End) []string {
	var steps []string
	for _, end := range ends {
		domain, unregistered := end.Unregistered()
		switch {
		case unregistered:
			steps = append(steps, fmt.Sprintf("Register or renew %s.", domain))
		case end.Kind == chain.Loop || end.Kind == chain.TooLong:
			steps = append(steps, fmt.Sprintf("Delete: %s CNAME %s", dns.Fqdn(p.RecordName), end.Path[1]))
		case end.Aliased():
			return p.mendAlias(end)
		}
	}
	slices.Sort(steps)
	return append(slices.Compact(steps), "Add: "+p.record(p.RecordName), p.hint())
}

func (p *proof) mendAlias(end chain.End) []string {
	return []string{
		"Add: " + p.record(end.Last()),
		fmt.Sprintf("Or, when %s is not yours to write to, delete: %s CNAME %s", end.Last(), dns.Fqdn(p.RecordName), end.Path[1]),
		"and add: " + p.record(p.RecordName),
	}
}

// record is the record in the form of a zone file.
func (p *proof) record(name string) string {
	return fmt.Sprintf("%s %d IN TXT %q", dns.Fqdn(name), recordTTL, p.Token)
}

// hint keeps people from entering the domain twice.
func (p *proof) hint() string {
	domain, err := publicsuffix.EffectiveTLDPlusOne(p.Hostname)
	if err != nil {
		return "Mind that many providers append the name of the zone themselves."
	}
	return fmt.Sprintf("Where the provider appends %s itself, enter only %s as the name.", domain, strings.TrimSuffix(p.RecordName, "."+domain))
}

// disagreement names the servers that have the token and those that have not.
func (p *proof) disagreement() diagnosis.Diagnosis {
	d := p.split.diagnose("has the token", slices.Concat(p.with, p.without))
	return p.word(d, slices.Concat(p.with, p.without), d.Fix)
}

// everywhere words a token that is there for any name.
func (p *proof) everywhere() diagnosis.Diagnosis {
	d := diagnosis.New(diagnosis.OwnershipTXTWrong, fmt.Sprintf(
		"A wildcard record gives %s at %s, but at any other name beside it too, so it does not show who owns %s.",
		quote(p.Token), p.RecordName, p.Hostname))
	_, above, _ := strings.Cut(dns.Fqdn(p.RecordName), ".")
	return p.word(d, p.wildcard, []string{
		fmt.Sprintf("Delete the wildcard TXT or CNAME record that answers for *.%s", above),
		"Add: " + p.record(p.RecordName),
		p.hint(),
	})
}

// tooDeep words a token that the provider put one domain too deep.
func (p *proof) tooDeep() diagnosis.Diagnosis {
	d := diagnosis.New(diagnosis.DNSTXTDoubleLabel, fmt.Sprintf(
		"The token is at %s: the DNS provider appended the domain to a name that had it already.", p.doubled))
	d = p.word(d, p.without, []string{
		fmt.Sprintf("Delete: %s TXT %q", dns.Fqdn(p.doubled), p.Token), "Add: " + p.record(p.RecordName), p.hint(),
	})
	d.Observed = append(d.Observed, fmt.Sprintf("%s: %s", dns.Fqdn(p.doubled), quote(p.Token)))
	return d
}

// word completes a diagnosis.
func (p *proof) word(d diagnosis.Diagnosis, ends []chain.End, fix []string) diagnosis.Diagnosis {
	d.Expected, d.Observed, d.Fix = []string{p.record(p.RecordName)}, observed(ends), fix
	return d
}
