// Package check looks at where a hostname leads and compares that with where it
// should lead.
//
// It owns the judgement: which ends confirm, which contradict, which say
// nothing, and what to tell the tenant. It must not know how a name is followed
// nor who asks.
//
// Invariants: one wrong end contradicts, whatever the others say; a failure alone
// never does.
package check

import (
	"context"
	"net/netip"
	"time"

	"github.com/siteplane/siteplane/services/dnsvalidator/internal/chain"
	"github.com/siteplane/siteplane/services/dnsvalidator/internal/diagnosis"
	"github.com/siteplane/siteplane/services/dnsvalidator/internal/dnsq"
	"github.com/siteplane/siteplane/services/dnsvalidator/internal/evidence"
	"github.com/siteplane/siteplane/services/dnsvalidator/internal/reach"
)

// Checker checks hostnames. It keeps no state.
type Checker struct {
	Walker chain.Walker
	Reach  reach.Filter
}

// Evidence is what a check found.
type Evidence struct {
	Outcome   evidence.Outcome
	Addresses []netip.Addr
	Answers   []dnsq.Answer
	Diagnoses []diagnosis.Diagnosis
	At        time.Time
}

// Check follows hostname to its addresses. It is confirmed when there is at least
// one and all belong to the edges.
func (c *Checker) Check(ctx context.Context, hostname string, edges []netip.Addr) Evidence {
	walk := c.Walker.Follow(ctx, hostname)
	faults := sortOut(walk.Ends, edges, c.Reach)
	return Evidence{
		Outcome:   faults.outcome(),
		Addresses: walk.Addresses(),
		Answers:   walk.Answers,
		Diagnoses: newWriter(hostname, edges, walk.Addresses()).diagnose(faults),
		At:        time.Now(),
	}
}
