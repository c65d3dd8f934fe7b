package check

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"unicode"

	"github.com/siteplane/siteplane/services/dnsvalidator/internal/chain"
	"github.com/siteplane/siteplane/services/dnsvalidator/internal/diagnosis"
	"github.com/siteplane/siteplane/services/dnsvalidator/internal/evidence"
)

const (
	// recordTTL is the time to live of the records that are proposed, in seconds.
	recordTTL = 300
	// How much of what strangers wrote is repeated: maxText letters of one text,
	// maxTexts texts or maxAddresses addresses in one line, and maxLines lines.
	maxText      = 60
	maxTexts     = 5
	maxAddresses = 16
	maxLines     = 32
)

// pathSummary words the faults that are the same whatever is looked for.
func pathSummary(code diagnosis.Code, name string, end chain.End) string {
	subject := name
	if end.Aliased() {
		subject = fmt.Sprintf("%s leads to %s, which", name, end.Last())
	}
	domain, unregistered := end.Unregistered()
	switch {
	case code == diagnosis.DNSCNAMELoop:
		return fmt.Sprintf("The aliases of %s go round in a circle and end nowhere.", name)
	case code == diagnosis.DNSCNAMETooLong:
		return fmt.Sprintf("%s leads through more than %d aliases; resolvers give up on that.", name, chain.MaxHops)
	case unregistered:
		return fmt.Sprintf("The domain %s is not registered or has expired.", domain)
	case code == diagnosis.DNSNXDomain:
		return fmt.Sprintf("%s does not exist in DNS.", subject)
	}
	return fmt.Sprintf("%s exists in DNS but has no address.", subject)
}

// serverFailure words a fault of the servers. Where enough others answered it is
// a warning.
func serverFailure(name string, ends []chain.End, outcome evidence.Outcome) diagnosis.Diagnosis {
	zone := ends[0].ZoneName()
	d := diagnosis.New(diagnosis.DNSServFail, fmt.Sprintf("The name servers of %s fail or do not answer.", zone))
	d.Expected = []string{"an authoritative answer from every name server"}
	d.Observed = observed(ends)
	d.Fix = []string{fmt.Sprintf("Ask the provider that hosts DNS for %s to mend the servers above.", zone)}
	if outcome != evidence.Unknown {
		d.Severity = diagnosis.Warn
	}
	if slices.ContainsFunc(ends, func(e chain.End) bool { return e.Ours }) {
		d.Actor = diagnosis.Operator
		d.Summary = fmt.Sprintf("No resolver could tell which name servers hold %s.", name)
		d.Fix = []string{"Mend the resolvers that dnsvalidator is configured with, or its way to them."}
	}
	return d
}

// observed has one line for each end, as far as there is room.
func observed(ends []chain.End) []string {
	var lines []string
	for i, end := range ends {
		if i == maxLines {
			return append(lines, fmt.Sprintf("and %d more", len(ends)-maxLines))
		}
		line := end.String()
		if seen := sight(end); seen != "" {
			line += ": " + seen
		}
		lines = append(lines, line)
	}
	return lines
}

// sight says what is to be seen at an end.
func sight(end chain.End) string {
	switch {
	case end.Kind == chain.NoSuchName:
		return "no such name"
	case end.Kind == chain.NoRecord:
		return "no such record"
	case len(end.Addresses) > 0:
		return some(texts(end.Addresses), maxAddresses)
	}
	values := make([]string, len(end.Texts))
	for i, value := range end.Texts {
		values[i] = quote(value)
	}
	return some(values, maxTexts)
}

// some lists the first values and says how many more there are.
func some(values []string, most int) string {
	if more := len(values) - most; more > 0 {
		values = append(slices.Clone(values[:most]), fmt.Sprintf("and %d more", more))
	}
	return strings.Join(values, ", ")
}

// quote makes what a stranger wrote fit to be shown: short, and nothing in it
// that steers a terminal or turns the line around.
func quote(text string) string {
	clean := strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return unicode.ReplacementChar
		}
		return r
	}, text)
	letters := []rune(clean)
	if len(letters) > maxText {
		clean = string(letters[:maxText]) + "…"
	}
	return `"` + clean + `"`
}

func texts(addrs []netip.Addr) []string {
	lines := make([]string, len(addrs))
	for i, addr := range addrs {
		lines[i] = addr.String()
	}
	return lines
}

// bare returns a name as people write it.
func bare(name string) string { return strings.TrimSuffix(name, ".") }
