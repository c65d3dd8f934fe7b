package cloudflare

import (
	"fmt"
	"slices"

	"github.com/siteplane/siteplane/services/tunnel/internal/diagnosis"
	"github.com/siteplane/siteplane/services/tunnel/internal/route"
)

// naming names what a rehearsed run has changed, and what it had to leave.
type naming struct {
	*run

	before Configuration
	ours   int64 // last version of the configuration that was ours; 0: not known
	all    []route.Drift
}

// drifts returns one drift for each difference, in order.
func (n *naming) drifts(changes []Change) []route.Drift {
	for _, d := range n.before.differences(n.mark, n.config) {
		n.all = append(n.all, route.Drift{Kind: d.kind, Hostname: d.hostname, Detail: d.detail, Cause: n.writer()})
	}
	for _, change := range changes {
		n.change(change)
	}
	n.foreign()
	for name, problem := range n.problems {
		n.all = append(n.all, route.Drift{Kind: route.Blocked, Hostname: name, Detail: problem.Summary, Since: problem.Since, Cause: blocker(problem)})
	}
	slices.SortFunc(n.all, route.Drift.Compare)
	return n.all
}

// The likely causes of what carries no mark of ours, and of what does.
const (
	byOthers = "It has no mark of this installation: somebody made it in the dashboard or with another client."
	byHand   = "Somebody changed it in the dashboard or with another client."
	deleted  = "It was deleted in the dashboard or by another client, or its route is new."
	leftOver = "Its route has gone and it was not deleted, or somebody copied our mark."
)

// change names one change. That of the configuration has been named by its rules.
func (n *naming) change(change Change) {
	switch change := change.(type) {
	case CreateRecord:
		n.add(route.RecordMissing, change.Record.Name, deleted, "There is no record %s that leads to the tunnel.", change.Record.Name)
	case ReplaceRecord:
		have := change.Have
		n.add(route.RecordChanged, have.Name, byHand, "Our record %s leads to %s %s, proxied: %t, instead of %s %s, proxied: true.",
			have.Name, have.Type, have.Content, have.Proxied, change.Record.Type, change.Record.Content)
		n.since(have.Modified)
	case DeleteRecord:
		r := change.Record
		n.add(route.RecordSurplus, r.Name, leftOver, "Our record %s %s %s is not wanted.", r.Name, r.Type, r.Content)
		n.since(r.Modified)
	case CreateCustomHostname:
		n.add(route.CustomHostnameMissing, change.CustomHostname.Hostname, deleted, "There is no custom hostname %s.", change.CustomHostname.Hostname)
	case RestartCustomHostname:
		h := change.CustomHostname
		n.add(route.CustomHostnameChanged, h.Hostname, "Cloudflare gave up waiting for the name to lead here, or somebody changed it.",
			"The certificate of our custom hostname %s is %s, validated by %s %s instead of %s %s.",
			h.Hostname, h.SSL.Status, h.SSL.Type, h.SSL.Method, validationType, validationMethod)
	case DeleteCustomHostname:
		n.add(route.CustomHostnameSurplus, change.CustomHostname.Hostname, leftOver, "Our custom hostname %s is not wanted.", change.CustomHostname.Hostname)
		n.since(change.CustomHostname.Created)
	}
}

func (n *naming) add(kind route.DriftKind, hostname, cause, format string, args ...any) {
	n.all = append(n.all, route.Drift{Kind: kind, Hostname: hostname, Detail: fmt.Sprintf(format, args...), Cause: cause})
}

// since is when the last one came to be.
func (n *naming) since(at timestamp) { n.all[len(n.all)-1].Since = at.Time }

// foreign names everybody else's rules, because whoever has one in our tunnel may
// take a name before we do. One that blocks a route is named as that, and a last
// one that catches all must be there.
func (n *naming) foreign() {
	_, blocked := n.rules(n.before, n.free)
	for i, r := range n.before.rules {
		if _, blocks := blocked[r.name()]; n.mark.onRule(r) || blocks || i == len(n.before.rules)-1 && r.catchesAll() {
			continue
		}
		n.add(route.RuleForeign, r.name(), byOthers, "Somebody else's rule for %s leads to %s.", r.describe(), r.Service)
	}
}

// writer says who has likely written the configuration.
func (n *naming) writer() string {
	now := n.before.Version
	switch {
	case n.ours == 0:
		return fmt.Sprintf("The configuration is version %d; which of them was ours is not known.", now)
	case now > n.ours:
		return fmt.Sprintf("The configuration is version %d and ours was %d: somebody has written it in the dashboard or with another client.", now, n.ours)
	case now < n.ours:
		return fmt.Sprintf("The configuration is version %d and ours was %d: Cloudflare shows an old one, or our write did not arrive.", now, n.ours)
	default:
		return fmt.Sprintf("The configuration is version %d, and that is ours: the routes have changed since.", now)
	}
}

// blocker says how what blocks a route has likely come there.
func blocker(problem diagnosis.Diagnosis) string {
	if problem.Code == diagnosis.RecordInTheWay {
		return byOthers
	}
	return "The token or the settings of the tunnel service lack what is needed for it."
}
