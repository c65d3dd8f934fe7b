package check

import (
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"
	"golang.org/x/net/publicsuffix"

	"github.com/siteplane/siteplane/services/dnsvalidator/internal/chain"
	"github.com/siteplane/siteplane/services/dnsvalidator/internal/diagnosis"
	"github.com/siteplane/siteplane/services/dnsvalidator/internal/dnsq"
	"github.com/siteplane/siteplane/services/dnsvalidator/internal/evidence"
)

// siblingLetters is how many random letters, of five bits each, name a sibling:
// enough not to be guessed, and not longer than what it stands beside.
const siblingLetters = 12

// Ownership is what to look for: a TXT record with a token.
type Ownership struct {
	Hostname string
	// RecordName carries the record; it is below Hostname.
	RecordName string
	Token      string
}

// CheckOwnership looks for the token at the servers that hold the record's name.
// What the resolvers see is noted, but it neither confirms nor contradicts.
func (c *Checker) CheckOwnership(ctx context.Context, wanted Ownership) Evidence {
	seen := make(chan []dnsq.Answer, 1)
	go func() { seen <- c.perspectives(ctx, wanted.RecordName) }()
	found := c.prove(ctx, wanted)
	found.Answers = append(found.Answers, <-seen...)
	found.At = time.Now()
	return found
}

// perspectives asks each resolver for the record.
func (c *Checker) perspectives(ctx context.Context, name string) []dnsq.Answer {
	var questions []dnsq.Question
	for _, resolver := range c.Visitor.Perspectives(name) {
		questions = append(questions, dnsq.Question{Server: resolver, Name: dns.Fqdn(name), Type: dns.TypeTXT, Recursive: true})
	}
	return c.Walker.Asker.AskAll(ctx, questions)
}

// prove walks to the record and then, as the case is, looks at a sibling or for
// the record in another place.
func (c *Checker) prove(ctx context.Context, wanted Ownership) Evidence {
	walk := c.Walker.FollowText(ctx, wanted.RecordName)
	p := newProof(wanted, walk)
	switch {
	case len(p.with) > 0 && len(p.without) == 0 && p.quorum:
		control := c.Walker.FollowText(ctx, sibling(wanted.RecordName))
		walk.Answers = append(walk.Answers, control.Answers...)
		p.compare(walk, control)
	case len(p.with) == 0 && p.missing():
		elsewhere := c.Walker.FollowText(ctx, doubleLabel(wanted))
		walk.Answers = append(walk.Answers, elsewhere.Answers...)
		if len(newProof(wanted, elsewhere).with) > 0 {
			p.doubled = doubleLabel(wanted)
		}
	}
	return Evidence{Outcome: p.outcome(), Answers: walk.Answers, Diagnoses: p.diagnose()}
}

// sibling returns a name beside name that nobody can have made a record for.
func sibling(name string) string {
	_, rest, _ := strings.Cut(name, ".")
	return fmt.Sprintf("_%s.%s", strings.ToLower(rand.Text()[:siblingLetters]), rest)
}

// doubleLabel returns where the record is when the provider appended the domain
// to a name that had it already.
func doubleLabel(wanted Ownership) string {
	domain, err := publicsuffix.EffectiveTLDPlusOne(wanted.Hostname)
	if err != nil {
		domain = wanted.Hostname // a public suffix, for instance of a company of its own
	}
	return wanted.RecordName + "." + domain
}

// proof has the ends of a walk by what they say about the token.
type proof struct {
	Ownership
	// with have the token; without answered and have it not.
	with, without, failed []chain.End
	// quorum: enough servers answered, whatever they said.
	quorum bool
	// wildcard are the ends at a sibling that show the token to belong to no name
	// in particular.
	wildcard []chain.End
	split    split
	// doubled is the name at which the token was found instead.
	doubled string
}

func newProof(wanted Ownership, walk chain.Walk) *proof {
	p := &proof{Ownership: wanted, quorum: quorum(walk)}
	for _, end := range walk.Ends {
		switch {
		case end.Kind == chain.Failed:
			p.failed = append(p.failed, end)
		case slices.Contains(end.Texts, wanted.Token):
			p.with = append(p.with, end)
		default:
			p.without = append(p.without, end)
		}
	}
	p.split = parted(walk.Steps, p.with, p.without)
	return p
}

// quorum reports whether, for every name on the way, the servers could be found
// and more than half of them answered.
func quorum(walk chain.Walk) bool {
	known, answered := map[string]int{}, map[string]int{}
	for _, step := range walk.Steps {
		path := strings.Join(step.Path, " ")
		known[path]++
		if !step.Failed {
			answered[path]++
		}
	}
	for path := range known {
		if 2*answered[path] <= known[path] {
			return false
		}
	}
	nobody := func(e chain.End) bool { return e.Kind == chain.Failed && e.Server == "" }
	return len(known) > 0 && !slices.ContainsFunc(walk.Ends, nobody)
}

// compare looks at the sibling. The same token there, or an alias to the same
// name, is a wildcard, behind which anybody may be. A sibling that nobody could
// tell about leaves that open, so the token does not count yet.
func (p *proof) compare(walk, control chain.Walk) {
	for _, end := range control.Ends {
		alias := end.Aliased() && slices.ContainsFunc(walk.Steps, func(s chain.Step) bool {
			return len(s.Path) == 1 && s.Alias == end.Path[1]
		})
		if alias || slices.Contains(end.Texts, p.Token) {
			p.wildcard = append(p.wildcard, end)
		}
	}
	if len(p.wildcard) == 0 && !quorum(control) {
		p.quorum = false
		p.failed = append(p.failed, newProof(p.Ownership, control).failed...)
	}
}

// missing reports whether the servers that answered have no text at all.
func (p *proof) missing() bool {
	return p.quorum && !slices.ContainsFunc(p.without, func(e chain.End) bool {
		return e.Kind != chain.NoSuchName && e.Kind != chain.NoRecord
	})
}

// outcome is unknown where servers failed or disagree.
func (p *proof) outcome() evidence.Outcome {
	switch {
	case !p.quorum || len(p.with) > 0 && len(p.without) > 0:
		return evidence.Unknown
	case len(p.with) == 0 || len(p.wildcard) > 0:
		return evidence.Contradicted
	}
	return evidence.Confirmed
}

// diagnose returns what is wrong, first what to mend first.
func (p *proof) diagnose() []diagnosis.Diagnosis {
	var all []diagnosis.Diagnosis
	switch {
	case len(p.with) > 0 && len(p.without) > 0:
		all = append(all, p.disagreement())
	case len(p.wildcard) > 0:
		all = append(all, p.everywhere())
	case p.doubled != "":
		all = append(all, p.tooDeep())
	case len(p.with) == 0 && len(p.without) > 0:
		all = append(all, p.absence()...)
	}
	if len(p.failed) > 0 {
		all = append(all, serverFailure(p.RecordName, p.failed, p.outcome()))
	}
	diagnosis.Sort(all)
	return all
}
