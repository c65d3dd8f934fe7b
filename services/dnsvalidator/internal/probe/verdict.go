package probe

import (
	"fmt"
	"slices"

	"github.com/siteplane/siteplane/services/dnsvalidator/internal/chain"
	"github.com/siteplane/siteplane/services/dnsvalidator/internal/diagnosis"
	"github.com/siteplane/siteplane/services/dnsvalidator/internal/evidence"
)

// outcome is contradicted when a stranger answered anywhere, confirmed when every
// address answered as ours, and unknown else.
func outcome(attempts []Attempt) evidence.Outcome {
	switch {
	case slices.ContainsFunc(attempts, stranger), slices.ContainsFunc(attempts, strangerBehindProxy):
		return evidence.Contradicted
	case len(attempts) == 0 || slices.ContainsFunc(attempts, silent):
		return evidence.Unknown
	}
	return evidence.Confirmed
}

func stranger(a Attempt) bool { return a.Answered && !a.Counts() && !a.Cloudflare }

func strangerBehindProxy(a Attempt) bool { return a.Answered && !a.Counts() && a.Cloudflare }

func silent(a Attempt) bool { return !a.Answered }

// diagnose says who answered wrongly and who did not answer.
func diagnose(request Request, walk chain.Walk, attempts []Attempt) []diagnosis.Diagnosis {
	var all []diagnosis.Diagnosis
	if lines := observed(attempts, stranger); len(lines) > 0 {
		all = append(all, notOurs(request, lines))
	}
	if lines := observed(attempts, strangerBehindProxy); len(lines) > 0 {
		all = append(all, proxied(request, lines))
	}
	lines := observed(attempts, silent)
	if len(attempts) == 0 {
		lines = unresolved(walk)
	}
	if len(lines) > 0 {
		all = append(all, unreachable(request, lines))
	}
	diagnosis.Sort(all)
	return all
}

func notOurs(request Request, lines []string) diagnosis.Diagnosis {
	d := diagnosis.New(diagnosis.ProbeNotOurs,
		fmt.Sprintf("Requests for %s arrive at a server that is not one of our edges.", request.Hostname))
	d.Expected, d.Observed = expected(request), lines
	d.Fix = []string{
		fmt.Sprintf("Remove the addresses above from %s, or whatever stands in front of it, so that requests reach the edges.", request.Hostname),
		"If an address is of one of our edges, ask the operator which program answers there.",
	}
	return d
}

func proxied(request Request, lines []string) diagnosis.Diagnosis {
	d := diagnosis.New(diagnosis.ProxyNotOurs,
		fmt.Sprintf("%s is behind Cloudflare, but requests for it arrive at another site there.", request.Hostname))
	d.Expected, d.Observed = expected(request), lines
	d.Fix = []string{
		fmt.Sprintf("In the Cloudflare account that holds the zone of %s, give it the records that the domain's instructions list, and no others.", request.Hostname),
		fmt.Sprintf("There, remove what answers for %s before us: Workers, redirects, page rules, an access policy.", request.Hostname),
		fmt.Sprintf("If the answer above is a redirect to https, turn 'Always Use HTTPS' off for %s.", path),
	}
	return d
}

func unreachable(request Request, lines []string) diagnosis.Diagnosis {
	d := diagnosis.New(diagnosis.ProbeUnreachable,
		fmt.Sprintf("The probe got no answer through %s.", request.Hostname))
	d.Expected, d.Observed = expected(request), lines
	d.Fix = []string{
		"See that nginx and the agent run on the edges above and that their port is open to the Internet.",
		"See that dnsvalidator may reach them: its own way out, probe.port and probe.allow_networks.",
	}
	return d
}

func expected(request Request) []string {
	var lines []string
	for _, e := range request.Edges {
		lines = append(lines, "an answer signed by "+e.ID)
	}
	slices.Sort(lines)
	return slices.Compact(lines)
}

func observed(attempts []Attempt, which func(Attempt) bool) []string {
	var lines []string
	for _, a := range attempts {
		if which(a) {
			lines = append(lines, fmt.Sprintf("%s: %s", a.Address, a.Err))
		}
	}
	return lines
}

// unresolved says why there was no address to dial.
func unresolved(walk chain.Walk) []string {
	lines := []string{"no address to dial"}
	for _, end := range walk.Ends {
		lines = append(lines, end.String())
	}
	return lines
}
