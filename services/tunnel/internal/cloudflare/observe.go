package cloudflare

import (
	"context"

	"github.com/siteplane/siteplane/services/tunnel/internal/route"
)

// Observe says how the account differs from the routes, and writes nothing: it
// rehearses an apply, and names what that would do. A look takes its turn among
// the applies, so it never sees one half done.
func (b *Backend) Observe(ctx context.Context, installationID string, routes []route.Route) (route.Observation, error) {
	leave, err := b.enter(ctx, func() error { return nil })
	if err != nil {
		return route.Observation{}, err
	}
	defer leave()
	account := newRehearsal(b.api)
	r := newRun(account, account, b.recent.clone(), newWish(mark(installationID), b.settings, routes))
	before, err := account.Configuration(ctx)
	if err != nil {
		return route.Observation{}, err
	}
	if err := r.apply(ctx); err != nil {
		return route.Observation{}, err
	}
	if err := notShown(b.recent.of(account.changes)); err != nil {
		return route.Observation{}, err
	}
	n := &naming{run: r, before: before, ours: b.versions.Ours(b.settings.TunnelID)}
	return route.Observation{Drifts: n.drifts(account.changes), ConfigVersion: before.Version}, nil
}

// of returns the hostnames that changes are about only because lists may not show
// yet what we have done.
func (r recent) of(changes []Change) map[string]bool {
	names := map[string]bool{}
	for _, change := range changes {
		if name := made(change); name != "" && r.made.may(name) {
			names[name] = true
		}
		if name, id := subject(change); id != "" && r.gone.may(id) {
			names[name] = true
		}
	}
	return names
}
