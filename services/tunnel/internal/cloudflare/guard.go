package cloudflare

import (
	"maps"
	"slices"
	"time"

	"github.com/siteplane/siteplane/internal/platform/hostname"
	"github.com/siteplane/siteplane/internal/platform/shrink"

	"github.com/siteplane/siteplane/services/tunnel/internal/route"
)

// guard stops an apply that would take away more than operations explain, before
// its first delete. A nil guard lets everything go.
type guard struct {
	wish

	explained map[string]bool
	confirmed string
	going     moments         // let go by the guard of an earlier apply
	held      map[string]bool // hostnames of ours that were there
}

func newGuard(w wish, snapshot route.Snapshot, going moments) *guard {
	g := &guard{wish: w, confirmed: snapshot.ConfirmedHold, explained: map[string]bool{}, going: going, held: map[string]bool{}}
	for _, r := range snapshot.Removals {
		g.explained[r.Hostname] = true
	}
	for _, r := range snapshot.Routes {
		going.forget(r.Hostname)
	}
	return g
}

// check returns a *shrink.HeldError when too much would go. What later looks show
// counts with what earlier ones have shown.
func (g *guard) check(config Configuration, seen world) error {
	if g == nil {
		return nil
	}
	g.see(g.names(config, seen))
	removal := shrink.Removal{Held: len(g.held)}
	for _, name := range slices.Sorted(maps.Keys(g.held)) {
		if _, stays := g.byName[name]; stays {
			removal.Left++
		} else if !g.explained[name] {
			removal.Unexplained = append(removal.Unexplained, name)
		}
	}
	return shrink.Check(removal, g.confirmed)
}

// see takes what is there now. What was let go before and is there still, or once
// more in an old list, does not count; what has stayed away is forgotten.
func (g *guard) see(names map[string]bool) {
	for name := range names {
		if _, going := g.going[name]; !going {
			g.held[name] = true
		}
	}
	maps.DeleteFunc(g.going, func(name string, at time.Time) bool {
		return !names[name] && time.Since(at) >= settle
	})
}

// pass notes what goes now: were Cloudflare to show it once more, it would need no
// second explanation.
func (g *guard) pass() {
	if g == nil {
		return
	}
	for name := range g.held {
		if _, stays := g.byName[name]; !stays {
			g.going.note(name)
		}
	}
}

// names returns the hostnames that have a rule, a record or a custom hostname of
// ours. The name that custom hostnames lead to is no route, and what is no
// hostname was never one.
func (g *guard) names(config Configuration, seen world) map[string]bool {
	own, _ := config.split(g.mark)
	for _, r := range slices.Concat(seen.more, slices.Collect(maps.Values(seen.records))) {
		if g.mark.onRecord(r) && !sameRecord(r, g.target) {
			own[r.Name] = true
		}
	}
	for name, h := range seen.hostnames {
		if g.mark.onHostname(h) {
			own[name] = true
		}
	}
	maps.DeleteFunc(own, func(name string, _ bool) bool { return hostname.Check(name) != nil })
	return own
}
