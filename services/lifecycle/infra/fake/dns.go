package fake

import (
	"context"
	"slices"
	"strings"
	"sync"

	"github.com/siteplane/siteplane/services/lifecycle/condition"
	"github.com/siteplane/siteplane/services/lifecycle/infra"
)

// DNS is an infra.DNSValidator over a world in memory: every name leads to the
// edges, and a probe reaches whatever host serves the name. A script says
// otherwise.
type DNS struct {
	journal
	edges *Edges

	mu        sync.Mutex
	down      bool
	addresses map[string][]Answer
	probes    map[string][]Answer
}

var _ infra.DNSValidator = (*DNS)(nil)

// Answer is one scripted answer.
type Answer struct {
	Finding infra.Finding
	Err     error
}

// NewDNS returns a validator whose probes reach the hosts of edges.
func NewDNS(edges *Edges) *DNS {
	return &DNS{edges: edges, addresses: map[string][]Answer{}, probes: map[string][]Answer{}}
}

// SetDown makes every call fail, or work again.
func (d *DNS) SetDown(down bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.down = down
}

// ScriptAddresses gives the answers to the next CheckAddresses of a hostname, one
// after the other; the last stays. None ends the script.
func (d *DNS) ScriptAddresses(hostname string, answers ...Answer) {
	d.script(d.addresses, hostname, answers)
}

// ScriptProbes does the same for ProbeHostname.
func (d *DNS) ScriptProbes(hostname string, answers ...Answer) {
	d.script(d.probes, hostname, answers)
}

func (d *DNS) script(scripts map[string][]Answer, hostname string, answers []Answer) {
	d.mu.Lock()
	defer d.mu.Unlock()
	scripts[hostname] = slices.Clone(answers)
}

// CheckAddresses implements infra.DNSValidator.
func (d *DNS) CheckAddresses(_ context.Context, hostname string, edgeAddresses []string) (infra.Finding, error) {
	a, scripted := d.scripted(d.addresses, hostname)
	if !scripted {
		a = d.resolve(hostname, edgeAddresses)
	}
	d.note(Call{Method: "CheckAddresses", Object: hostname, Err: a.Err})
	return a.Finding, a.Err
}

// ProbeHostname implements infra.DNSValidator.
func (d *DNS) ProbeHostname(_ context.Context, probe infra.Probe) (infra.Finding, error) {
	a, scripted := d.scripted(d.probes, probe.Hostname)
	if !scripted {
		a = d.fetch(probe)
	}
	d.note(Call{Method: "ProbeHostname", Object: probe.Hostname, Err: a.Err})
	return a.Finding, a.Err
}

func (d *DNS) scripted(scripts map[string][]Answer, hostname string) (Answer, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	left := scripts[hostname]
	switch {
	case d.down:
		return Answer{Err: unavailable("dnsvalidator")}, true
	case len(left) == 0:
		return Answer{}, false
	case len(left) > 1:
		scripts[hostname] = left[1:]
	}
	return left[0], true
}

func (d *DNS) resolve(hostname string, edgeAddresses []string) Answer {
	if len(edgeAddresses) == 0 {
		return Contradict("DNS_WRONG_TARGET", condition.Operator)
	}
	return Confirm(hostname + " A: " + strings.Join(edgeAddresses, ", "))
}

func (d *DNS) fetch(probe infra.Probe) Answer {
	edge, ok := d.edges.accepted(probe.Hostname, probe.Accepted)
	if !ok {
		return Contradict("PROBE_NOT_OURS", condition.Operator)
	}
	return Confirm("signed by " + string(edge))
}

// Confirm is an answer that confirms.
func Confirm(seen ...string) Answer {
	return Answer{Finding: infra.Finding{Outcome: infra.Confirmed, Seen: seen}}
}

// Contradict is an answer that contradicts, with one diagnosis.
func Contradict(code string, actor condition.Actor) Answer {
	return Answer{Finding: infra.Finding{
		Outcome: infra.Contradicted, Seen: []string{"something else"}, Diagnoses: diagnosis(code, actor),
	}}
}

// Unknown is an answer that says nothing, with one diagnosis.
func Unknown(code string, actor condition.Actor) Answer {
	return Answer{Finding: infra.Finding{
		Outcome: infra.Unknown, Seen: []string{"timeout"}, Diagnoses: diagnosis(code, actor),
	}}
}

func diagnosis(code string, actor condition.Actor) []infra.Diagnosis {
	return []infra.Diagnosis{{Code: code, Actor: actor, Summary: "the name has " + code, Fix: []string{"mend " + code}}}
}
