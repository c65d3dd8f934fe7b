package check

import (
	"context"
	"net/netip"
	"slices"
	"time"

	"github.com/miekg/dns"

	"github.com/siteplane/siteplane/services/dnsvalidator/internal/chain"
	"github.com/siteplane/siteplane/services/dnsvalidator/internal/dnsq"
	"github.com/siteplane/siteplane/services/dnsvalidator/internal/evidence"
)

// Destination is where a hostname should lead. At least one of the rest is given.
type Destination struct {
	Hostname string
	// Edges are addresses that are right.
	Edges []netip.Addr
	// Target is a name behind which every address is right; "" for none.
	Target string
	// AcceptCloudflare makes Cloudflare's addresses right.
	AcceptCloudflare bool
}

// behindTarget reports whether an alias led through the target.
func (d Destination) behindTarget(end chain.End) bool {
	return d.Target != "" && slices.Contains(end.Path[1:], dns.CanonicalName(d.Target))
}

// CheckAddresses follows the hostname to its addresses. It is confirmed when
// there is at least one and all are right.
func (c *Checker) CheckAddresses(ctx context.Context, wanted Destination) Evidence {
	walk := c.Walker.Follow(ctx, wanted.Hostname)
	v := c.sortOut(ctx, walk, wanted)
	w := writer{Destination: wanted, verdict: v}
	if v.outcome() == evidence.Contradicted && wanted.Target != "" {
		answers := c.askForRoot(ctx, walk)
		w.root = slices.ContainsFunc(answers, dnsq.Answer.Root)
		walk.Answers = append(walk.Answers, answers...)
	}
	return Evidence{
		Outcome:   v.outcome(),
		Addresses: walk.Addresses(),
		Answers:   walk.Answers,
		Diagnoses: w.diagnose(),
		At:        time.Now(),
	}
}

// askForRoot asks the servers of the hostname whether it is the root of a zone,
// where no CNAME may be.
func (c *Checker) askForRoot(ctx context.Context, walk chain.Walk) []dnsq.Answer {
	var questions []dnsq.Question
	for _, answer := range walk.First {
		if answer.Err == nil && answer.Type == dns.TypeA {
			answer.Question.Type = dns.TypeSOA
			questions = append(questions, answer.Question)
		}
	}
	return c.Walker.Asker.AskAll(ctx, questions)
}
