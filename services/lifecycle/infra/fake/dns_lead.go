package fake

import (
	"slices"
	"strings"

	"github.com/siteplane/siteplane/services/lifecycle/condition"
	"github.com/siteplane/siteplane/services/lifecycle/infra"
)

// lead is where a name leads: to addresses, by CNAME to a name, to Cloudflare's
// addresses, or nowhere.
type lead struct {
	addresses  []string
	name       string
	cloudflare bool
}

// elsewhere is an address that is nobody's edge.
const elsewhere = "203.0.113.254"

// LeadToAddresses makes a name lead to addresses; none make it lead nowhere.
func (d *DNS) LeadToAddresses(hostname string, addresses ...string) {
	d.lead(hostname, lead{addresses: addresses})
}

// LeadToName makes a name lead to another by CNAME.
func (d *DNS) LeadToName(hostname, target string) { d.lead(hostname, lead{name: target}) }

// LeadToCloudflare makes a name lead to Cloudflare's addresses.
func (d *DNS) LeadToCloudflare(hostname string) { d.lead(hostname, lead{cloudflare: true}) }

// LeadNowhere makes a name not exist.
func (d *DNS) LeadNowhere(hostname string) { d.lead(hostname, lead{}) }

// LeadRight ends all of these: the name leads where it shall.
func (d *DNS) LeadRight(hostname string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.leads, hostname)
}

// Through lets names lead into a tunnel: those in its zones exist only by its
// records, and what leads to it or to Cloudflare arrives only by its rules.
func (d *DNS) Through(t *Tunnel) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.tunnel = t
}

// SetTXT makes a name have exactly these TXT records.
func (d *DNS) SetTXT(name string, values ...string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.texts[strings.ToLower(name)] = slices.Clone(values)
}

// TXT returns the TXT records of a name.
func (d *DNS) TXT(name string) []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.texts[strings.ToLower(name)])
}

func (d *DNS) lead(hostname string, l lead) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.leads[hostname] = l
}

// leadOf returns where a name leads.
func (d *DNS) leadOf(hostname string, right infra.RightTarget) lead {
	d.mu.Lock()
	defer d.mu.Unlock()
	if l, made := d.leads[hostname]; made {
		return l
	}
	if d.tunnel != nil && d.tunnel.holds(hostname) {
		return lead{cloudflare: d.tunnel.Public(hostname)}
	}
	switch {
	case right.Name != "":
		return lead{name: right.Name}
	case len(right.EdgeAddresses) > 0:
		return lead{addresses: right.EdgeAddresses}
	case right.Cloudflare:
		return lead{cloudflare: true}
	}
	return lead{addresses: []string{elsewhere}} // nothing is right
}

// judge says what the validator makes of it.
func (l lead) judge(hostname string, right infra.RightTarget) Answer {
	wrong := func(a string) bool { return !slices.Contains(right.EdgeAddresses, a) }
	switch {
	case l.name != "" && l.name == right.Name:
		return Confirm(hostname + " CNAME: " + l.name)
	case l.cloudflare && right.Cloudflare:
		return Confirm(hostname + " A: Cloudflare")
	case l.cloudflare:
		return Contradict("PROXY_UNEXPECTED", condition.Tenant)
	case l.name != "" || slices.ContainsFunc(l.addresses, wrong):
		return Contradict("DNS_WRONG_TARGET", condition.Tenant)
	case len(l.addresses) == 0:
		return Contradict("DNS_NXDOMAIN", condition.Tenant)
	}
	return Confirm(hostname + " A: " + strings.Join(l.addresses, ", "))
}

// arrives reports whether a visitor of the name comes as far as the edges.
func (d *DNS) arrives(probe infra.Probe) bool {
	d.mu.Lock()
	t := d.tunnel
	l, made := d.leads[probe.Hostname]
	d.mu.Unlock()
	if t == nil || probe.Policy == infra.ProbeEdge || len(l.addresses) > 0 {
		return true
	}
	if made || t.holds(probe.Hostname) || t.Public(probe.Hostname) {
		return t.carries(probe.Hostname)
	}
	return true
}
