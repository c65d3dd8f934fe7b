package fake

import (
	"context"
	"slices"
	"sync"

	"github.com/siteplane/siteplane/services/lifecycle/condition"
	"github.com/siteplane/siteplane/services/lifecycle/infra"
)

// DNS is an infra.DNSValidator over a world in memory: every name leads where it
// shall unless it was made to lead elsewhere, TXT records are what was set, and a
// probe reaches whatever host serves the name, through the tunnel where the name
// leads into one. A script says otherwise.
type DNS struct {
	journal
	edges *Edges

	mu        sync.Mutex
	tunnel    *Tunnel // nil: no name leads into one
	down      bool
	leads     map[string]lead
	texts     map[string][]string
	addresses map[string][]Answer
	ownership map[string][]Answer
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
	return &DNS{
		edges: edges, leads: map[string]lead{}, texts: map[string][]string{},
		addresses: map[string][]Answer{}, ownership: map[string][]Answer{}, probes: map[string][]Answer{},
	}
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

// ScriptOwnership does the same for CheckOwnership.
func (d *DNS) ScriptOwnership(hostname string, answers ...Answer) {
	d.script(d.ownership, hostname, answers)
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
func (d *DNS) CheckAddresses(_ context.Context, hostname string, right infra.RightTarget) (infra.Finding, error) {
	a, scripted := d.scripted(d.addresses, hostname)
	if !scripted {
		a = d.leadOf(hostname, right).judge(hostname, right)
	}
	d.note(Call{Method: "CheckAddresses", Object: hostname, Err: a.Err})
	return a.Finding, a.Err
}

// CheckOwnership implements infra.DNSValidator.
func (d *DNS) CheckOwnership(_ context.Context, hostname, recordName, token string) (infra.Finding, error) {
	a, scripted := d.scripted(d.ownership, hostname)
	if !scripted {
		a = d.own(recordName, token)
	}
	d.note(Call{Method: "CheckOwnership", Object: hostname, Err: a.Err})
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

func (d *DNS) own(recordName, token string) Answer {
	values := d.TXT(recordName)
	switch {
	case slices.Contains(values, token):
		return Confirm(recordName + " TXT: " + token)
	case len(values) == 0:
		return Contradict("OWNERSHIP_TXT_MISSING", condition.Tenant)
	}
	return Contradict("OWNERSHIP_TXT_WRONG", condition.Tenant)
}

func (d *DNS) fetch(probe infra.Probe) Answer {
	if !d.arrives(probe) {
		return Contradict("PROXY_NOT_OURS", condition.Operator)
	}
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
		Outcome: infra.Contradicted, Seen: []string{"something else"}, Diagnoses: []infra.Diagnosis{diagnose(code, actor)},
	}}
}

// Unknown is an answer that says nothing, with one diagnosis.
func Unknown(code string, actor condition.Actor) Answer {
	return Answer{Finding: infra.Finding{
		Outcome: infra.Unknown, Seen: []string{"timeout"}, Diagnoses: []infra.Diagnosis{diagnose(code, actor)},
	}}
}

func diagnose(code string, actor condition.Actor) infra.Diagnosis {
	return infra.Diagnosis{Code: code, Actor: actor, Summary: "the name has " + code, Fix: []string{"mend " + code}}
}
