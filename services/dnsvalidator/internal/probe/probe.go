// Package probe fetches a fresh nonce through a hostname and verifies that one
// of our edges signed it for this hostname.
//
// It owns the nonce, the fetch and the verification (docs/probe.md). It must not
// know how a name is resolved, nor what its evidence decides.
//
// Invariants:
//   - a name is resolved once and those addresses are dialled, so nobody can lead
//     the second look elsewhere;
//   - an address that is neither public nor admitted is never dialled;
//   - only a signature over our own nonce counts, and every address must have one.
package probe

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"github.com/siteplane/siteplane/services/dnsvalidator/internal/chain"
	"github.com/siteplane/siteplane/services/dnsvalidator/internal/diagnosis"
	"github.com/siteplane/siteplane/services/dnsvalidator/internal/evidence"
	"github.com/siteplane/siteplane/services/dnsvalidator/internal/reach"
)

// maxAddresses is how many addresses of one name are dialled. The name belongs to
// a tenant, who could list any number of strangers.
const maxAddresses = 16

// Cloudflare tells the addresses of Cloudflare from others.
type Cloudflare interface {
	Contains(ctx context.Context, addr netip.Addr) bool
}

// Prober probes hostnames. It keeps no state.
type Prober struct {
	// Walker resolves as a visitor would.
	Walker     chain.Walker
	Reach      reach.Filter
	Cloudflare Cloudflare
	// Port is where edges answer visitors.
	Port uint16
	// Timeout is for each address.
	Timeout time.Duration
}

// Request names a hostname and who may answer for it.
type Request struct {
	Hostname string
	Edges    []Edge
	// Addresses are dialled instead of resolving; nil resolves.
	Addresses []netip.Addr
}

// Evidence is what a probe found.
type Evidence struct {
	Outcome   evidence.Outcome
	Attempts  []Attempt
	Diagnoses []diagnosis.Diagnosis
	At        time.Time
}

// Probe fetches a nonce through every address of the hostname.
func (p *Prober) Probe(ctx context.Context, request Request) Evidence {
	addresses := request.Addresses
	var walk chain.Walk
	if addresses == nil {
		walk = p.Walker.Follow(ctx, request.Hostname)
		addresses = walk.Addresses()
	}
	attempts := p.dial(ctx, addresses, challenge{nonce: newNonce(), host: request.Hostname, edges: request.Edges})
	return Evidence{
		Outcome:   outcome(attempts),
		Attempts:  attempts,
		Diagnoses: diagnose(request, walk, attempts),
		At:        time.Now(),
	}
}

// newNonce returns 32 random bytes as 43 letters of base64url.
func newNonce() string {
	nonce := make([]byte, 32)
	rand.Read(nonce)
	return base64.RawURLEncoding.EncodeToString(nonce)
}

// Why an address is not dialled.
var (
	errPrivate = errors.New("not dialled: visitors cannot reach this address")
	errTooMany = fmt.Errorf("not dialled: more than %d addresses", maxAddresses)
)

// dial makes one attempt for each address, all at the same time. Of those that
// are too many the first stands for all.
func (p *Prober) dial(ctx context.Context, addresses []netip.Addr, c challenge) []Attempt {
	addresses = addresses[:min(len(addresses), maxAddresses+1)]
	attempts := make([]Attempt, len(addresses))
	var dialled sync.WaitGroup
	for i, addr := range addresses {
		to := netip.AddrPortFrom(addr, p.Port)
		switch {
		case !p.Reach.Admits(addr):
			attempts[i] = Attempt{Address: to, Err: errPrivate}
		case i >= maxAddresses:
			attempts[i] = Attempt{Address: to, Err: errTooMany}
		default:
			dialled.Go(func() { attempts[i] = fetch(ctx, to, c, p.Timeout) })
		}
	}
	dialled.Wait()
	for i, a := range attempts {
		if !a.Counts() && p.Cloudflare.Contains(ctx, a.Address.Addr()) {
			attempts[i].proxied()
		}
	}
	return attempts
}
