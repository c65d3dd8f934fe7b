package network

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"strings"
	"time"

	"github.com/siteplane/siteplane/services/lifecycle/id"
)

// Claim is what a tenant has for a hostname from the first time it asks for it:
// the token that its ownership record must carry. It outlives the domains, so
// that a record which is published once stays right.
type Claim struct {
	TenantID  id.Tenant
	Hostname  string
	Token     string
	CreatedAt time.Time
}

var tokenEncoding = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// NewToken makes what an ownership record must carry: 160 random bits.
func NewToken() string {
	var random [20]byte
	rand.Read(random[:]) // never fails
	return tokenEncoding.EncodeToString(random[:])
}

// Contest is one tenant's proof of a hostname that another holds.
type Contest struct {
	Hostname string
	// Contender has proved the hostname.
	ContenderID     id.Domain
	ContenderTenant id.Tenant
	// Holder keeps it only by a record with Token, published before Until.
	HolderID     id.Domain
	HolderTenant id.Tenant
	Token        string
	OpenedAt     time.Time
	Until        time.Time
	Outcome      ContestOutcome
}

// ContestOutcome is how a contest ended.
type ContestOutcome string

// The outcomes. At most one contest of a hostname is open.
const (
	ContestOpen ContestOutcome = "open"
	// ContestKept says that the holder proved the hostname again. The contender
	// may contest again once its own proof was seen gone.
	ContestKept ContestOutcome = "kept"
	// ContestLost says that the holder did not, and is released.
	ContestLost ContestOutcome = "lost"
)

// ClaimStore keeps claims and contests inside the caller's transaction.
type ClaimStore interface {
	// EnsureClaim returns the tenant's claim on a hostname, and writes the given
	// one if there is none.
	EnsureClaim(ctx context.Context, c Claim) (Claim, error)
	// GetClaim returns the tenant's claim on a hostname.
	GetClaim(ctx context.Context, tenant id.Tenant, hostname string) (Claim, error)
	// ClaimsOn returns the domains of any tenant, oldest first, that are not
	// RELEASED and have one of the hostnames.
	ClaimsOn(ctx context.Context, hostnames []string) ([]Domain, error)
	// ContestsOn returns the contests of a hostname, oldest first.
	ContestsOn(ctx context.Context, hostname string) ([]Contest, error)
	// PutContest inserts a contest or replaces the contender's. A second open one
	// of a hostname is lifecycle.ErrLostRace.
	PutContest(ctx context.Context, c Contest) error
	// DeleteContest removes a contender's contest, if there is one.
	DeleteContest(ctx context.Context, contender id.Domain) error
}

// Proof is how a claimant has shown that a hostname is theirs.
type Proof string

// The proofs.
const (
	// ByPlatform: the name is below the platform domain, got by slug.
	ByPlatform Proof = "platform"
	// ByGrant: the operator granted the zone to the tenant.
	ByGrant Proof = "grant"
	// ByReservation: the tenant held the name last, and it is still reserved.
	ByReservation Proof = "reservation"
	// ByRecord: the ownership record is in DNS.
	ByRecord Proof = "record"
)

// Standing is everything that decides whether a claimant who has proved a
// hostname may have it.
type Standing struct {
	Domain Domain
	Proof  Proof
	// Claims are those on the hostname and on the names above it.
	Claims []Domain
	// Leaving are those of the claims that DNS has lost and that are still being taken
	// off: some edge may serve them.
	Leaving map[id.Domain]bool
	// Contests are those of the hostname.
	Contests []Contest
	Now      time.Time
}

// Verdict is what a standing amounts to.
type Verdict string

// The verdicts.
const (
	// MayHave: nobody else holds the hostname.
	MayHave Verdict = "may have"
	// Withdrawing: another hold is being taken off, or goes to who contested it;
	// wait.
	Withdrawing Verdict = "withdrawing"
	// Contestable: somebody else holds it; open a contest.
	Contestable Verdict = "contestable"
	// Contested: a contest runs; wait.
	Contested Verdict = "contested"
	// Won: the claimant's contest ran out; release the holder.
	Won Verdict = "won"
	// Taken: somebody else holds it for good.
	Taken Verdict = "taken"
	// ParentTaken: another tenant holds a name above.
	ParentTaken Verdict = "parent taken"
)

// Judge decides. The domain that stands in the way comes with the verdict, and
// the contest that it is about.
func (s Standing) Judge() (Verdict, Domain, Contest) {
	for _, c := range s.Claims {
		above := c.Hostname != s.Domain.Hostname
		if above && c.TenantID != s.Domain.TenantID && c.Status.Verified() && s.Proof != ByGrant && s.Proof != ByPlatform {
			return ParentTaken, c, Contest{}
		}
	}
	for _, c := range s.Claims {
		if c.Hostname != s.Domain.Hostname || c.ID == s.Domain.ID {
			continue
		}
		if c.Status.Verified() {
			return s.against(c)
		}
		if c.Status == Releasing || c.Wanted != Hidden || s.Leaving[c.ID] {
			return Withdrawing, c, Contest{}
		}
	}
	if c, open := OpenContest(s.Contests); open && s.Proof == ByReservation && c.ContenderTenant != s.Domain.TenantID {
		return Withdrawing, Domain{}, c // else a holder escapes a contest by leaving and coming back
	}
	return MayHave, Domain{}, Contest{}
}

// against decides between the claimant and the holder.
func (s Standing) against(holder Domain) (Verdict, Domain, Contest) {
	if s.Proof != ByRecord || holder.Kind == Platform || holder.TenantID == s.Domain.TenantID {
		return Taken, holder, Contest{}
	}
	for _, c := range s.Contests {
		if c.ContenderID != s.Domain.ID || c.HolderID != holder.ID {
			continue
		}
		switch {
		case c.Outcome == ContestKept:
			return Taken, holder, c
		case c.Outcome == ContestOpen && !s.Now.Before(c.Until):
			return Won, holder, c
		}
		return Contested, holder, c
	}
	// Its own that is open is against a holder who has left; nobody can answer it.
	if c, open := OpenContest(s.Contests); open && c.ContenderID != s.Domain.ID {
		return Contested, holder, c
	}
	return Contestable, holder, Contest{}
}

// OpenContest returns the one contest that is open; ok is false when none is.
func OpenContest(contests []Contest) (c Contest, ok bool) {
	for _, c := range contests {
		if c.Outcome == ContestOpen {
			return c, true
		}
	}
	return Contest{}, false
}

// Above returns the names above a hostname that could be claimed, nearest first.
func Above(hostname string) []string {
	var names []string
	for {
		_, rest, ok := strings.Cut(hostname, ".")
		if !ok || !strings.Contains(rest, ".") {
			return names
		}
		names = append(names, rest)
		hostname = rest
	}
}
