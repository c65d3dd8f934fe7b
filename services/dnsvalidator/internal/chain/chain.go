// Package chain follows a hostname through its aliases to the ends it leads to.
//
// It owns the walk: every server of every name on the way is asked for A and
// AAAA, or for TXT, and where servers disagree each of their answers is followed.
// It must not know which end would be right; check and probe judge that.
//
// Invariants:
//   - only what the asked name itself owns counts, so no server speaks for names
//     of others;
//   - a failure is an end of its own kind, never "no";
//   - the walk is bounded: ten aliases in a row, 32 names in all.
package chain

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"sync"

	"github.com/miekg/dns"

	"github.com/siteplane/siteplane/services/dnsvalidator/internal/authority"
	"github.com/siteplane/siteplane/services/dnsvalidator/internal/dnsq"
)

const (
	// MaxHops is how many aliases in a row are followed.
	MaxHops = 10
	// maxNames bounds a walk whose servers disagree at every step.
	maxNames = 32
)

// Locator finds the servers to ask about a name. The error means that they could
// not be found; the Zone then still has the answers.
type Locator interface {
	Locate(ctx context.Context, name string) (authority.Zone, error)
}

// Walker follows hostnames. It keeps no state.
type Walker struct {
	Locator Locator
	Asker   authority.Asker
}

// Walk is what was found on the way.
type Walk struct {
	Ends []End
	// First are the answers about the hostname itself.
	First []dnsq.Answer
	// Steps are what each server said about each name on the way.
	Steps []Step
	// Answers has every question that was asked, in order.
	Answers []dnsq.Answer
}

// Step is what one server said about the last name of a path.
type Step struct {
	Path   []string
	Zone   string
	Server string
	// Alias is where the server sent us on; empty when its word ends there.
	Alias string
	// Failed: it said nothing that counts.
	Failed bool
}

// LeadsTo reports whether an end follows from what the server said.
func (s Step) LeadsTo(end End) bool {
	if s.Alias == "" {
		return end.Server == s.Server && slices.Equal(end.Path, s.Path)
	}
	hops := len(s.Path)
	return len(end.Path) > hops && slices.Equal(end.Path[:hops], s.Path) && end.Path[hops] == s.Alias
}

// Addresses returns the addresses that the hostname leads to, sorted.
func (w Walk) Addresses() []netip.Addr {
	var all []netip.Addr
	for _, end := range w.Ends {
		all = append(all, end.Addresses...)
	}
	slices.SortFunc(all, netip.Addr.Compare)
	return slices.Compact(all)
}

// Follow walks from hostname to the addresses at its ends.
func (w Walker) Follow(ctx context.Context, hostname string) Walk {
	return w.walk(ctx, hostname, dns.TypeA, dns.TypeAAAA)
}

// FollowText walks from a name to the texts at its ends.
func (w Walker) FollowText(ctx context.Context, name string) Walk {
	return w.walk(ctx, name, dns.TypeTXT)
}

func (w Walker) walk(ctx context.Context, name string, types ...uint16) Walk {
	run := &run{Walker: w, types: types}
	run.follow(ctx, []string{dns.CanonicalName(name)})
	return run.walk
}

// run is one walk under way.
type run struct {
	Walker
	// types are what is asked about each name.
	types []uint16
	walk  Walk
	names int
}

// follow asks about the last name of the path and goes on with its aliases.
func (r *run) follow(ctx context.Context, path []string) {
	name := path[len(path)-1]
	if r.names++; r.names > maxNames {
		r.end(End{Kind: Failed, Path: path, Why: "more than 32 names to follow"})
		return
	}
	zone, err := r.Locator.Locate(ctx, name)
	r.walk.Answers = append(r.walk.Answers, zone.Answers...)
	if err != nil {
		r.lost(path, err)
		return
	}
	aliases := map[string]bool{}
	for i, answers := range r.ask(ctx, zone, name) {
		r.walk.Answers = append(r.walk.Answers, answers...)
		if len(path) == 1 {
			r.walk.First = append(r.walk.First, answers...)
		}
		view := read(zone, path, zone.Servers[i].Name, answers, len(r.types))
		r.end(view.ends...)
		r.walk.Steps = append(r.walk.Steps, view.step)
		if target := view.step.Alias; target != "" && !aliases[target] {
			aliases[target] = true
			r.hop(ctx, path, target)
		}
	}
}

// hop goes on to the target of an alias, unless that leads nowhere.
func (r *run) hop(ctx context.Context, path []string, target string) {
	next := append(slices.Clone(path), target)
	switch {
	case slices.Contains(path, target):
		r.end(End{Kind: Loop, Path: next})
	case len(next) > MaxHops+1:
		r.end(End{Kind: TooLong, Path: next})
	default:
		r.follow(ctx, next)
	}
}

// lost notes that no server could be found to ask.
func (r *run) lost(path []string, err error) {
	var located *authority.LocateError
	ours := errors.As(err, &located) && located.Unreachable
	r.end(End{Kind: Failed, Path: path, Why: err.Error(), Ours: ours})
}

func (r *run) end(ends ...End) { r.walk.Ends = append(r.walk.Ends, ends...) }

// ask asks every server of the zone at the same time; the answers come in the
// order of the servers.
func (r *run) ask(ctx context.Context, zone authority.Zone, name string) [][]dnsq.Answer {
	answers := make([][]dnsq.Answer, len(zone.Servers))
	var asked sync.WaitGroup
	for i, server := range zone.Servers {
		asked.Go(func() { answers[i] = r.askServer(ctx, zone, server, name) })
	}
	asked.Wait()
	return answers
}

// errNowhere stands for the answers of a server that has no address.
var errNowhere = errors.New("has no address to ask")

// askServer asks one server everything, at its next address only when there was
// no answer at all.
func (r *run) askServer(ctx context.Context, zone authority.Zone, server authority.Server, name string) []dnsq.Answer {
	if len(server.Addresses) == 0 {
		return []dnsq.Answer{{Question: dnsq.Question{Server: server.Name, Name: name, Type: r.types[0]}, Err: errNowhere}}
	}
	var all []dnsq.Answer
	for _, address := range server.Addresses {
		answers := r.Asker.AskAll(ctx, r.questions(address, name, zone.Recursive))
		all = append(all, answers...)
		if slices.ContainsFunc(answers, func(a dnsq.Answer) bool { return a.Err == nil }) {
			break
		}
	}
	return all
}

func (r *run) questions(address, name string, recursive bool) []dnsq.Question {
	questions := make([]dnsq.Question, len(r.types))
	for i, qtype := range r.types {
		questions[i] = dnsq.Question{Server: address, Name: name, Type: qtype, Recursive: recursive}
	}
	return questions
}
