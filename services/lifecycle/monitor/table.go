package monitor

import (
	"time"

	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/machine"
	"github.com/siteplane/siteplane/services/lifecycle/network"
	"github.com/siteplane/siteplane/services/lifecycle/site"
)

const (
	// newestRows is how many rows of history are read where not all are.
	newestRows = 10_000
	// behindAfter is how long an edge or tunnel may take to prove a change.
	behindAfter = 10 * time.Minute
	// driftAfter is how long a drift may be open at least.
	driftAfter = 10 * time.Minute
	// placeAfter is how long an event may wait for its place.
	placeAfter = time.Minute
	// lateAfter is how long work may wait to be claimed.
	lateAfter = 5 * time.Minute
	// looks is how often a thing is looked at before what is seen of it is a fault.
	looks = 2
)

// Table holds the monitors. M9 and M10 of the catalogue are about certificates and a
// chain of the audit, which there are not yet.
var Table = []Monitor{
	{
		ID: "M1", Name: "duplicate-claims", Severity: Critical,
		Says:   "A hostname is held by one domain at most.",
		Remedy: "Visitors may reach the wrong tenant: remove the domain whose owner cannot prove the name, then look for a unique index that is lost.",
		searches: []search{
			{TwiceVerified, "%s is held by another domain, too", always},
		},
	},
	{
		ID: "M2", Name: "unproved-domains", Severity: Critical,
		Says:     "An ACTIVE domain was seen to serve for its tenant, and DNS does not contradict it for longer than the grace.",
		Remedy:   "Run `siteplane domain check`; `siteplane hold list` shows whether the shrink guard keeps domains that are lost.",
		searches: []search{{Unproved, "%s is ACTIVE and was never seen to serve for this tenant", provedBy}, {Contradicted, "%s is ACTIVE and is contradicted for longer than the grace", contradictedBy}},
	},
	{
		ID: "M3", Name: "competing-operations", Severity: Critical,
		Says:     "An object has one operation at most that has not ended.",
		Remedy:   "Cancel all but the newest with `siteplane operation cancel`, then look for a unique index that is lost.",
		searches: []search{{Competing, "%s has another operation that has not ended", always}},
	},
	{
		ID: "M4", Name: "broken-history", Severity: Critical,
		Says:   "The history of an object is one chain of allowed transitions, each with actor, reason and trace, and ends at its status.",
		Remedy: "Somebody wrote to the database by hand, or there is a defect: keep a copy of the database, and compare `siteplane site timeline` with the logs of that time.",
		searches: []search{
			{Unchained, "%s does not begin where the row before ended", history},
			{Forbidden, "%s is in no transition table", transitions},
			{Uncaused, "%s does not say who, why or in which trace", history},
			{Unwritten, "its status is %s, which is not where its history ends", history},
		},
	},
	{
		ID: "M5", Name: "stalled-operations", Severity: Critical,
		Says:   "An operation that has not ended is attempted again.",
		Remedy: "See that a lifecycle process runs and reaches the database; an operation that stays is freed by `siteplane operation cancel`.",
		searches: []search{
			{Abandoned, "the work of %s is due, and nobody attempts it", twoLeases},
			{Forgotten, "nothing is due for %s, and the operation has not ended", twoLeases},
		},
	},
	{
		ID: "M6", Name: "unplaced-events", Severity: Warning,
		Says:     "Every event gets its place in the order of events soon.",
		Remedy:   "Readers of events wait: see that a lifecycle process runs, and look for transactions that stay open in the database.",
		searches: []search{{Unplaced, "%s has no place, so nobody can read it", before(placeAfter)}},
	},
	{
		ID: "M7", Name: "unproved-generations", Severity: Critical,
		Says:   "An edge or tunnel proves every change soon, and nothing that it was never given.",
		Remedy: "Look at its fault with `siteplane edge get` or `siteplane tunnel get`; one that is ahead has met another database: stop it before it is sent anything.",
		searches: []search{
			{Ahead, "%s has proved a generation that it was never given", always},
			{Behind, "%s does not prove what it was given", before(behindAfter)},
		},
	},
	{
		ID: "M8", Name: "lasting-drift", Severity: Warning,
		Says:     "A difference that is ours to repair is gone soon.",
		Remedy:   "`siteplane drift list` says what and why; with the policy hold it stays until somebody undoes it.",
		searches: []search{{Drifted, "%s differs from what was proved", drifting}},
	},
	{
		ID: "M11", Name: "late-work", Severity: Warning,
		Says:     "Work that is due is claimed soon, whoever's it is.",
		Remedy:   "Look whether the database is slow or one tenant has very much to do; more lifecycle processes, or a greater concurrency, make up for it.",
		searches: []search{{Late, "the work on this %s is due, and nobody has claimed it", before(lateAfter)}},
	},
	{
		ID: "M12", Name: "shared-tables", Severity: Critical,
		Says:     "Every table names its tenant, unless it is the installation's.",
		Remedy:   "The schema is not that of this version: run the version that made it, or restore a backup.",
		searches: []search{{Shared, "the table %s has no tenant_id", always}},
	},
}

func always(Settings) Query { return Query{} }

// before asks for what began longer than a while ago.
func before(while time.Duration) func(Settings) Query {
	return func(s Settings) Query { return Query{Before: s.Now.Add(-while)} }
}

// provedBy accepts a signed nonce; where the probe is off, that the name leads to us.
func provedBy(s Settings) Query {
	accepted := []string{string(network.EvidenceNonce)}
	if s.Config.ProbePolicy == "off" {
		accepted = append(accepted, string(network.EvidenceResolves))
	}
	return Query{Accept: accepted}
}

// contradictedBy leaves the time of the looks that take a domain off after the grace.
func contradictedBy(s Settings) Query {
	return Query{
		Before: s.Now.Add(-s.Config.Grace - looks*s.Config.RecheckEvery),
		Accept: []string{string(network.EvidenceResolves), string(network.EvidenceNonce)},
	}
}

func history(s Settings) Query {
	if s.Whole {
		return Query{}
	}
	return Query{Newest: newestRows}
}

func transitions(s Settings) Query {
	q := history(s)
	q.Accept = append(allowed(id.SitePrefix, site.Machine), allowed(id.DomainPrefix, network.Machine)...)
	return q
}

// allowed are the transitions of a machine.
func allowed[S, E ~string](prefix string, m machine.Machine[S, E]) []string {
	out := []string{Transition(prefix, "", "create", string(m.Initial))}
	for _, row := range m.Table {
		for _, from := range row.From {
			out = append(out, Transition(prefix, string(from), string(row.Event), string(row.To)))
		}
	}
	return out
}

// Transition is how a row of history is written in Query.Accept: prefix is that of the
// object's id.
func Transition(prefix, from, event, to string) string {
	return prefix + "/" + from + "/" + event + "/" + to
}

func twoLeases(s Settings) Query { return Query{Before: s.Now.Add(-2 * s.Config.Lease)} }

// drifting leaves the time of the looks that see a difference twice.
func drifting(s Settings) Query {
	while := max(driftAfter, looks*s.Config.ObserveEvery, looks*s.Config.ReconcileEvery)
	return Query{Before: s.Now.Add(-while)}
}
