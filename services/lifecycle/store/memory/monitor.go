package memory

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/siteplane/siteplane/services/lifecycle/drift"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/monitor"
	"github.com/siteplane/siteplane/services/lifecycle/network"
	"github.com/siteplane/siteplane/services/lifecycle/saga"
)

// Suspects returns what has a fault. An event has its place with its row, and there are
// no tables whose columns could be wrong.
func (t *tx) Suspects(_ context.Context, f monitor.Fault, q monitor.Query) ([]monitor.Suspect, int, error) {
	search, ok := searches[f]
	if !ok {
		return nil, 0, monitor.ErrDoesNotApply
	}
	found := search(t, q)
	slices.SortFunc(found, func(a, b monitor.Suspect) int {
		return cmp.Or(a.Since.Compare(b.Since), cmp.Compare(a.ObjectID, b.ObjectID))
	})
	return slices.Clone(found[:min(len(found), q.Limit)]), len(found), nil
}

// searches look for each fault.
var searches = map[monitor.Fault]func(t *tx, q monitor.Query) []monitor.Suspect{
	monitor.TwiceVerified: (*tx).twiceVerified,
	monitor.Unproved:      (*tx).unproved,
	monitor.Contradicted:  (*tx).contradicted,
	monitor.Competing:     (*tx).competing,
	monitor.Unchained:     (*tx).unchained,
	monitor.Forbidden:     (*tx).forbidden,
	monitor.Uncaused:      (*tx).uncaused,
	monitor.Unwritten:     (*tx).unwritten,
	monitor.Abandoned:     (*tx).abandoned,
	monitor.Forgotten:     (*tx).forgotten,
	monitor.Ahead:         (*tx).ahead,
	monitor.Behind:        (*tx).behind,
	monitor.Drifted:       (*tx).drifted,
	monitor.Late:          (*tx).late,
}

func suspected(d *network.Domain, since time.Time) monitor.Suspect {
	return monitor.Suspect{ObjectID: string(d.ID), TenantID: string(d.TenantID), Seen: d.Hostname, Since: since}
}

func (t *tx) twiceVerified(monitor.Query) (found []monitor.Suspect) {
	holders := map[string]int{}
	for d := range t.domains.all() {
		if d.Status.Verified() {
			holders[d.Hostname]++
		}
	}
	for d := range t.domains.all() {
		if d.Status.Verified() && holders[d.Hostname] > 1 {
			found = append(found, suspected(d, d.UpdatedAt))
		}
	}
	return found
}

// evidenceOf returns the evidence of a domain that is of an accepted kind.
func (t *tx) evidenceOf(d *network.Domain, q monitor.Query) (out []network.Evidence) {
	for _, kind := range q.Accept {
		if e, ok := t.evidence.get(network.Evidence{DomainID: d.ID, Kind: network.EvidenceKind(kind)}); ok {
			out = append(out, e)
		}
	}
	return out
}

func (t *tx) unproved(q monitor.Query) (found []monitor.Suspect) {
	for d := range t.domains.all() {
		proves := func(e network.Evidence) bool { return e.TenantID == d.TenantID && set(e.PositiveAt) }
		if d.Status == network.Active && !slices.ContainsFunc(t.evidenceOf(d, q), proves) {
			found = append(found, suspected(d, d.UpdatedAt))
		}
	}
	return found
}

func (t *tx) contradicted(q monitor.Query) (found []monitor.Suspect) {
	for d := range t.domains.all() {
		since := time.Time{}
		for _, e := range t.evidenceOf(d, q) {
			if set(e.ContradictedAt) && e.ContradictedAt.Before(q.Before) {
				since = earlier(since, e.ContradictedAt)
			}
		}
		if ownAndActive(d) && set(since) {
			found = append(found, suspected(d, since))
		}
	}
	return found
}

// suspectedOf returns the operations that are as asked for.
func (t *tx) suspectedOf(since func(o *saga.Operation) (at time.Time, ok bool)) (found []monitor.Suspect) {
	for o := range t.operations.all() {
		if at, ok := since(o); ok {
			found = append(found, monitor.Suspect{ObjectID: string(o.ID), TenantID: string(o.TenantID), Seen: o.ObjectID, Since: at})
		}
	}
	return found
}

func (t *tx) competing(monitor.Query) []monitor.Suspect {
	active := map[string]int{}
	for o := range t.operations.all() {
		if !o.State.Terminal() {
			active[o.ObjectID]++
		}
	}
	return t.suspectedOf(func(o *saga.Operation) (time.Time, bool) {
		return o.CreatedAt, !o.State.Terminal() && active[o.ObjectID] > 1
	})
}

func (t *tx) abandoned(q monitor.Query) []monitor.Suspect {
	return t.suspectedOf(func(o *saga.Operation) (time.Time, bool) {
		w, ok := t.workOf(o.ObjectKind, o.ObjectID)
		runs := oneOf(o.State, saga.Running, saga.Compensating)
		return w.ready(), ok && runs && w.dirty() && w.ready().Before(q.Before)
	})
}

func (t *tx) forgotten(q monitor.Query) []monitor.Suspect {
	return t.suspectedOf(func(o *saga.Operation) (time.Time, bool) {
		w, ok := t.workOf(o.ObjectKind, o.ObjectID)
		return o.UpdatedAt, !o.State.Terminal() && o.UpdatedAt.Before(q.Before) && !(ok && w.dirty())
	})
}

// rowsOf returns the newest rows of history that are as asked for; from is where the row
// before ended.
func (t *tx) rowsOf(q monitor.Query, wrong func(h *historyRow, from string) bool) (found []monitor.Suspect) {
	object, from := "", ""
	for h := range t.history.all() {
		if h.ObjectID != object {
			object, from = h.ObjectID, ""
		}
		if t.newest(h, q) && wrong(h, from) {
			found = append(found, monitor.Suspect{
				ObjectID: h.ObjectID, TenantID: h.TenantID, Since: h.At,
				Seen: fmt.Sprintf("row %d, %s to %s by %s,", h.seq, h.From, h.To, h.Event),
			})
		}
		from = h.To
	}
	return found
}

func (t *tx) newest(h *historyRow, q monitor.Query) bool {
	return q.Newest == 0 || h.seq > t.history.last-int64(q.Newest)
}

func (t *tx) unchained(q monitor.Query) []monitor.Suspect {
	return t.rowsOf(q, func(h *historyRow, from string) bool { return h.From != from })
}

func (t *tx) forbidden(q monitor.Query) []monitor.Suspect {
	return t.rowsOf(q, func(h *historyRow, _ string) bool {
		prefix, _, _ := strings.Cut(h.ObjectID, "_")
		return !slices.Contains(q.Accept, monitor.Transition(prefix, h.From, h.Event, h.To))
	})
}

func (t *tx) uncaused(q monitor.Query) []monitor.Suspect {
	return t.rowsOf(q, func(h *historyRow, _ string) bool { return h.Actor == "" || h.Reason == "" || h.TraceID == "" })
}

func (t *tx) unwritten(q monitor.Query) (found []monitor.Suspect) {
	among := map[string]bool{}
	for h := range t.history.all() {
		among[h.ObjectID] = among[h.ObjectID] || t.newest(h, q)
	}
	add := func(object string, tenant id.Tenant, status string, since time.Time) {
		if (q.Newest == 0 || among[object]) && status != t.lastStatus(object) {
			found = append(found, monitor.Suspect{ObjectID: object, TenantID: string(tenant), Seen: status, Since: since})
		}
	}
	for s := range t.sites.all() {
		add(string(s.ID), s.TenantID, string(s.Status), s.UpdatedAt)
	}
	for d := range t.domains.all() {
		add(string(d.ID), d.TenantID, string(d.Status), d.UpdatedAt)
	}
	return found
}

// given is an edge or a tunnel.
type given struct {
	monitor.Suspect
	generation, proven uint64
	// changedAt is when the oldest operation behind its changes was at work last.
	changedAt time.Time
}

// targets returns all edges and tunnels; a Suspect is Since it was seen.
func (t *tx) targets() (out []given) {
	for e := range t.edges.all() {
		target := given{monitor.Suspect{ObjectID: string(e.ID), Seen: e.Name, Since: e.LastSeenAt}, e.Generation, e.ProvenGeneration, time.Time{}}
		for c := range t.changes.all() {
			if c.EdgeID == e.ID {
				target.changedAt = earlier(target.changedAt, t.changed(c.OperationID))
			}
		}
		out = append(out, target)
	}
	for u := range t.tunnels.all() {
		target := given{monitor.Suspect{ObjectID: string(u.ID), Seen: u.Name, Since: u.LastSeenAt}, u.Generation, u.ProvenGeneration, time.Time{}}
		for c := range t.tunnelChanges.all() {
			if c.TunnelID == u.ID {
				target.changedAt = earlier(target.changedAt, t.changed(c.OperationID))
			}
		}
		out = append(out, target)
	}
	return out
}

// changed returns when an operation was at work last, zero when there is none.
func (t *tx) changed(operation string) time.Time {
	o, _ := t.operations.get(saga.Operation{ID: id.Operation(operation)})
	return o.UpdatedAt
}

func (t *tx) ahead(monitor.Query) (found []monitor.Suspect) {
	for _, target := range t.targets() {
		if target.proven > target.generation {
			found = append(found, target.Suspect)
		}
	}
	return found
}

func (t *tx) behind(q monitor.Query) (found []monitor.Suspect) {
	for _, target := range t.targets() {
		switch waits := target.generation > target.proven; {
		case set(target.changedAt) && target.changedAt.Before(q.Before):
			target.Since = target.changedAt
		case !waits || !set(target.Since) || !target.Since.Before(q.Before):
			continue
		}
		found = append(found, target.Suspect)
	}
	return found
}

func (t *tx) drifted(q monitor.Query) (found []monitor.Suspect) {
	for d := range t.drifts.in(driftFound, drift.Drift{}) {
		if !d.FoundAt.Before(q.Before) {
			break
		}
		if d.ClosedAt.IsZero() && !d.Foreign {
			found = append(found, monitor.Suspect{ObjectID: string(d.ID), Seen: d.Kind + " of " + d.Target.ID, Since: d.FoundAt})
		}
	}
	return found
}

func (t *tx) late(q monitor.Query) (found []monitor.Suspect) {
	known := map[string]bool{}
	for w := range t.work.in(workReady, workRow{}) {
		if !w.ready().Before(q.Before) {
			break
		}
		if !known[w.TenantID] {
			known[w.TenantID] = true
			found = append(found, monitor.Suspect{ObjectID: w.Key, TenantID: w.TenantID, Seen: string(w.Kind), Since: w.ready()})
		}
	}
	return found
}
