// Package check looks at what DNS says of a hostname and compares that with what
// it should say: where the hostname leads, and whose it is.
//
// It owns the judgement: which answers confirm, which contradict, which say
// nothing, and what to tell the tenant. It must not know how a name is followed
// nor who asks.
//
// Invariants:
//   - one wrong end contradicts an address check, whatever the others say;
//   - ownership needs more than half of the servers of every zone on the way, and
//     not one of them may say otherwise;
//   - a failure alone never says "no", and never "yes".
package check

import (
	"context"
	"net/netip"
	"time"

	"github.com/siteplane/siteplane/services/dnsvalidator/internal/authority"
	"github.com/siteplane/siteplane/services/dnsvalidator/internal/chain"
	"github.com/siteplane/siteplane/services/dnsvalidator/internal/diagnosis"
	"github.com/siteplane/siteplane/services/dnsvalidator/internal/dnsq"
	"github.com/siteplane/siteplane/services/dnsvalidator/internal/evidence"
	"github.com/siteplane/siteplane/services/dnsvalidator/internal/reach"
)

// Cloudflare tells the addresses of Cloudflare from others.
type Cloudflare interface {
	Contains(ctx context.Context, addr netip.Addr) bool
}

// Checker checks hostnames. It keeps no state.
type Checker struct {
	// Walker goes to the servers that hold the zones.
	Walker chain.Walker
	// Visitor knows the resolvers, whose view of a token is noted too.
	Visitor    authority.Visitor
	Reach      reach.Filter
	Cloudflare Cloudflare
}

// Evidence is what a check found.
type Evidence struct {
	Outcome evidence.Outcome
	// Addresses are where the hostname leads; none in a check of ownership.
	Addresses []netip.Addr
	Answers   []dnsq.Answer
	Diagnoses []diagnosis.Diagnosis
	At        time.Time
}
