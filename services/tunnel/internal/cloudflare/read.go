package cloudflare

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/siteplane/siteplane/services/tunnel/internal/diagnosis"
	"github.com/siteplane/siteplane/services/tunnel/internal/route"
)

// ReadRoute reads how far one route is, in two calls (and one more
// now and then for the names of the zones), and writes nothing.
func (b *Backend) ReadRoute(ctx context.Context, installationID string, w route.Route) (route.Reading, error) {
	config, err := b.api.Configuration(ctx)
	if err != nil {
		return route.Reading{}, err
	}
	r := &reader{
		wish:   newWish(mark(installationID), b.settings, []route.Route{w}),
		config: config,
	}
	r.reading.ConfigVersion = config.Version
	r.readRule(w.Hostname)
	if w.Kind == route.KindRecord {
		err = r.readRecord(ctx, b, w)
	} else {
		err = r.readHostname(ctx, b, w.Hostname)
	}
	if err != nil {
		return route.Reading{}, err
	}
	r.reading.State = r.state()
	return r.reading, nil
}

// reader collects what is seen of one route.
type reader struct {
	wish

	config  Configuration
	reading route.Reading

	rule      bool // the rule is there
	some      bool // something of ours is there
	published bool // record or active custom hostname are there
}

func (r *reader) state() route.State {
	switch {
	case r.rule && r.published:
		return route.Ready
	case r.some:
		return route.Partial
	default:
		return route.Absent
	}
}

func (r *reader) observe(format string, args ...any) {
	r.reading.Observed = append(r.reading.Observed, fmt.Sprintf(format, args...))
}

func (r *reader) diagnose(d diagnosis.Diagnosis) {
	r.reading.Diagnoses = append(r.reading.Diagnoses, d)
}

func (r *reader) readRule(hostname string) {
	own, foreign := r.config.split(r.mark)
	r.some = own[hostname]
	r.rule = r.config.holds(r.mark, hostname, r.settings.EdgeURL)
	if r.rule {
		r.observe("ingress rule %s to %s, configuration version %d", hostname, r.settings.EdgeURL, r.config.Version)
		return
	}
	if taken, found := foreign[hostname]; found {
		r.diagnose(ruleInTheWay(hostname, taken, r.settings.TunnelID))
	}
	r.observe("no ingress rule for %s, configuration version %d", hostname, r.config.Version)
	r.diagnose(noRule(hostname, r.settings.TunnelID))
}

func (r *reader) readRecord(ctx context.Context, b *Backend, w route.Route) error {
	records, err := b.api.Records(ctx, w.ZoneID, RecordFilter{Name: w.Hostname})
	if err != nil {
		return err
	}
	if len(records) == 0 {
		r.observe("no record %s", w.Hostname)
	}
	zones, err := b.zones.get(ctx)
	if err != nil {
		return err
	}
	zone := nameOf(w.ZoneID, zones)
	for _, have := range records {
		r.observe("%s %s %s, proxied: %t", have.Name, have.Type, have.Content, have.Proxied)
		switch {
		case r.mark.onRecord(have):
			r.some = true
			r.published = r.published || r.right(have)
		case have.takesName(zone):
			r.diagnose(recordInTheWay(have, zone))
		}
	}
	return nil
}

func (r *reader) readHostname(ctx context.Context, b *Backend, hostname string) error {
	if !r.serves() {
		r.diagnose(noCustomHostnames())
		return nil
	}
	found, err := b.api.CustomHostnames(ctx, r.settings.CustomHostnameZoneID, hostname)
	if err != nil {
		return err
	}
	if len(found) == 0 {
		r.observe("no custom hostname %s", hostname)
	}
	for _, h := range found {
		r.observe("custom hostname %s: %s, certificate %s", h.Hostname, h.Status, h.SSL.Status)
		if !r.mark.onHostname(h) {
			r.diagnose(hostnameInTheWay(h))
			continue
		}
		r.some, r.published = true, h.active()
		if !h.active() {
			r.diagnose(r.pending(h))
			r.reading.Records = append(r.reading.Records, h.records()...)
		}
	}
	return nil
}

// pending says what keeps a custom hostname from being active, in Cloudflare's
// own words.
func (r *reader) pending(h CustomHostname) diagnosis.Diagnosis {
	d := diagnosis.Diagnosis{
		Code: diagnosis.CustomHostnamePending, Minor: true, Actor: h.actor(),
		Summary:  fmt.Sprintf("Cloudflare has not made %s active yet: it is %s, its certificate %s.", h.Hostname, h.Status, h.SSL.Status),
		Expected: []string{"hostname active, certificate active"},
		Observed: slices.Clone(h.VerificationErrors),
	}
	for _, e := range h.SSL.Errors {
		d.Observed = append(d.Observed, e.Message)
	}
	if d.Actor != diagnosis.Tenant {
		d.Fix = []string{"Wait: Cloudflare goes on by itself."}
		return d
	}
	d.Fix = []string{fmt.Sprintf("Add: %s CNAME %s", h.Hostname, r.settings.CustomHostnameTarget)}
	for _, record := range h.records() {
		d.Fix = append(d.Fix, fmt.Sprintf("Or, to move without a gap, first add: %s %s %s", record.Name, record.Type, record.Value))
	}
	return d
}

// actor is the tenant while Cloudflare waits for the name to lead to it.
func (h CustomHostname) actor() diagnosis.Actor {
	switch {
	case strings.Contains(h.Status, "blocked"):
		return diagnosis.Cloudflare
	case h.Status != statusActive, h.SSL.Status == "pending_validation", strings.HasSuffix(h.SSL.Status, "_timed_out"):
		return diagnosis.Tenant
	default:
		return diagnosis.Nobody
	}
}

// records are what Cloudflare wants to see before the name leads to it.
func (h CustomHostname) records() []route.Record {
	var all []route.Record
	if h.Status != statusActive && h.Ownership.Name != "" {
		all = append(all, route.Record{Type: strings.ToUpper(h.Ownership.Type), Name: h.Ownership.Name, Value: h.Ownership.Value,
			Purpose: "Shows Cloudflare that the hostname may be served before it leads there."})
	}
	if h.SSL.Status == statusActive {
		return all
	}
	for _, v := range h.SSL.Records {
		if v.TXTName != "" {
			all = append(all, route.Record{Type: "TXT", Name: v.TXTName, Value: v.TXTValue,
				Purpose: "Lets Cloudflare get the certificate before the hostname leads there."})
		}
	}
	for _, v := range h.SSL.Delegations {
		if v.CNAME != "" {
			all = append(all, route.Record{Type: "CNAME", Name: v.CNAME, Value: v.Target,
				Purpose: "Lets Cloudflare get the certificate, also when it is renewed, before the hostname leads there."})
		}
	}
	return all
}
