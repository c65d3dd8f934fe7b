package memory

import (
	"context"
	"time"

	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/network"
)

// Losses says how many of the tenants' own names are being lost in all.
func (t *tx) Losses(_ context.Context, contradictedBefore, lostAfter time.Time) (l network.Losses, err error) {
	for e := range t.evidence.all() {
		d, _ := t.domains.get(network.Domain{ID: e.DomainID})
		if ownAndActive(&d) && e.Kind != network.EvidenceOwnership && set(e.ContradictedAt) && e.ContradictedAt.Before(contradictedBefore) {
			l.Contradicted = append(l.Contradicted, d.Hostname)
		}
	}
	l.Contradicted = unique(l.Contradicted)
	for d := range t.domains.all() {
		if ownAndActive(d) {
			l.Active++
		}
		if d.Lost && t.tookLost(d, lostAfter) {
			l.Lost++
		}
	}
	return l, nil
}

func ownAndActive(d *network.Domain) bool {
	return d.Kind == network.Custom && d.Status == network.Active
}

// tookLost reports whether a domain took dns_lost after a time.
func (t *tx) tookLost(d *network.Domain, after time.Time) bool {
	for h := range t.history.in(t.history.key, historyRow{Change: lifecycle.Change{ObjectID: string(d.ID)}}) {
		if h.Event == string(network.DNSLost) && h.At.After(after) {
			return true
		}
	}
	return false
}
