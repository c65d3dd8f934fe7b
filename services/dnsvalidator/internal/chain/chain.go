// Package chain follows a hostname through its aliases to the ends it leads to.
//
// It owns the walk: every server of every name on the way is asked for A and
// AAAA, and where servers disagree each of their answers is followed. It must not
// know which end would be right; check and probe judge that.
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
	// Answers has every question that was asked, in order.
	Answers []dnsq.Answer
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

// Follow walks from hostname to its ends.
func (w Walker) Follow(ctx context.Context, hostname string) Walk {
	run := &run{Walker: w}
	run.follow(ctx, []string{dns.CanonicalName(hostname)})
	return run.walk
}

// run is one walk under way.
type run struct {
	Walker
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
		view := read(zone, path, zone.Servers[i].Name, answers)
		r.end(view.ends...)
		if target := view.alias; target != "" && !aliases[target] {
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

// askServer asks one server for A and AAAA, at its next address only when there
// was no answer at all.
func (r *run) askServer(ctx context.Context, zone authority.Zone, server authority.Server, name string) []dnsq.Answer {
	var all []dnsq.Answer
	for _, address := range server.Addresses {
		pair := r.Asker.AskAll(ctx, []dnsq.Question{
			{Server: address, Name: name, Type: dns.TypeA, Recursive: zone.Recursive},
			{Server: address, Name: name, Type: dns.TypeAAAA, Recursive: zone.Recursive},
		})
		all = append(all, pair...)
		if pair[0].Err == nil || pair[1].Err == nil {
			break
		}
	}
	return all
}
