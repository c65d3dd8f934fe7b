package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"

	edgev1 "github.com/siteplane/siteplane/gen/siteplane/edge/v1"
)

const (
	serveSites, serveBusiest = 10_000, 1000
	serveRounds              = 7
	// serveBusiestTarget and serveTailTarget are the wanted parts of what the
	// hand-written nginx answers.
	serveBusiestTarget, serveTailTarget = 0.9, 0.6
)

// edgeServe is how many requests a second nginx answers from what the agent rendered for
// 10,000 sites, to wrk, with 32 connections that are kept: Value for the busiest 1,000
// sites, the note for the tail. Each site has an origin address of its own; all lead
// to one nginx that answers `return 200`, so nothing is shared but that program. The
// busiest are those that an edge takes for it, the oldest: to their origins it keeps
// connections. The tail are the others that have one target; for each request nginx
// connects anew. One of the busiest alone is in the note, too: what it lacks is what the
// rendered configuration costs, and what the busiest lack besides is what a thousand
// origins cost in place of one. wrk goes through the hosts in turn, so no cache of anybody holds one
// host alone.
//
// Baseline: an nginx that somebody wrote by hand for one site, with the same headers to
// the origin, `upstream` and `keepalive`; it is asked for the busiest hosts, and answers
// for every name. Rounds alternate.
//
// All four programs share the machine's processors, and wrk and the origin cost the
// same for all: a ratio is nearer to 1 than that of what nginx alone spends. The answers
// are tiny, so that what a request costs is what is seen, and not what a page does.
func edgeServe(ctx context.Context) (measured result, err error) {
	dir, err := nginxDir()
	if err != nil {
		return result{}, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	busiest, err := newLoad(dir, "busiest", hostnames(0, serveBusiest))
	if err != nil {
		return result{}, err
	}
	alone, err := newLoad(dir, "alone", hostnames(1, 2))
	if err != nil {
		return result{}, err
	}
	tail, err := newLoad(dir, "tail", hostnames(2*serveBusiest, serveSites))
	if err != nil {
		return result{}, err
	}
	origin, err := startOriginNginx(ctx, filepath.Join(dir, "origin"))
	if err != nil {
		return result{}, fmt.Errorf("start the origin: %w", err)
	}
	defer func() { err = errors.Join(err, origin.stop()) }()
	baseline, err := startHandNginx(ctx, filepath.Join(dir, "hand"), "127.0.0.1:"+origin.port)
	if err != nil {
		return result{}, fmt.Errorf("start the baseline: %w", err)
	}
	defer func() { err = errors.Join(err, baseline.stop()) }()
	agent, err := startAgent(ctx, dir, sitesAt(origin.port))
	if err != nil {
		return result{}, fmt.Errorf("start the agent: %w", err)
	}
	defer func() { err = errors.Join(err, agent.stop()) }()
	return compareServing(ctx, []asked{
		{busiest, baseline.public}, {busiest, agent.public()}, {tail, agent.public()}, {alone, agent.public()},
	})
}

// asked is a server and what it is asked for.
type asked struct {
	load
	address string
}

// compareServing asks baseline, busiest, tail and one site alone in turn.
func compareServing(ctx context.Context, each []asked) (result, error) {
	rates := make([][]float64, len(each))
	for range serveRounds {
		for i, one := range each {
			rate, err := one.run(ctx, one.address)
			if err != nil {
				return result{}, err
			}
			rates[i] = append(rates[i], rate)
		}
	}
	return served(middle(rates[0]), middle(rates[1]), middle(rates[2]), middle(rates[3])), nil
}

// served is the result of rates.
func served(baseline, busiest, tail, alone float64) result {
	return result{
		Value: busiest, Unit: "requests/s", Baseline: baseline, Ratio: busiest / baseline,
		Target: fmt.Sprintf("busiest >= %v, tail >= %v", serveBusiestTarget, serveTailTarget),
		OK:     busiest >= serveBusiestTarget*baseline && tail >= serveTailTarget*baseline,
		Note: fmt.Sprintf("tail %s requests/s, ratio %s; one of the busiest alone %s, ratio %s",
			short(tail), short(tail/baseline), short(alone), short(alone/baseline)),
	}
}

// hostnames of the sites from one number up to another that have one target.
func hostnames(from, to int) (names []string) {
	for number := from; number < to; number++ {
		if len(benchSite(number, 1).GetSpec().GetOrigin().GetTargets()) == 1 {
			names = append(names, hostname(number))
		}
	}
	return names
}

// sitesAt returns the sites with their origins at another port.
func sitesAt(port string) []*edgev1.Site {
	sites := benchSites(serveSites)
	for _, site := range sites {
		targets := site.GetSpec().GetOrigin().GetTargets()
		for i, target := range targets {
			host, _, err := net.SplitHostPort(target.GetAddress())
			if err != nil {
				panic(err) // origin makes them
			}
			targets[i].Address = net.JoinHostPort(host, port)
		}
	}
	return sites
}
