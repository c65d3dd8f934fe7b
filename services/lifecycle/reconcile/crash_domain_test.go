package reconcile_test

import (
	"slices"
	"testing"

	"github.com/siteplane/siteplane/services/lifecycle/app/apptest"
	"github.com/siteplane/siteplane/services/lifecycle/infra/fake"
	"github.com/siteplane/siteplane/services/lifecycle/network"
)

// The process dies around each commit of a managed domain's whole life; the tunnel
// ends as it would have, and was never written to twice for the same thing.
func TestCrash_with_a_route(t *testing.T) {
	crashEverywhere(t, route, 30)
}

// route leads the life of a domain that goes through the tunnel.
func route(t *testing.T, arrange func(*apptest.Store)) (l life) {
	tunnel := fake.NewTunnel("example.org")
	w := apptest.New(t, apptest.Options{Tunnel: tunnel})
	w.GrantZone("example.org", w.Caller.TenantID)
	s := w.Create("Shop")
	w.Settle()
	store := w.Store
	begun := store.Commits()
	arrange(store)
	var d network.Domain
	l.repeat(t, w, func() (err error) {
		d, err = w.TryAddDomain(s, "www.example.org", false, "request-2")
		return err
	})
	l.settle(w)
	w.CheckSettled()
	l.lasting.Active = []string{string(w.Domain(d).Status), string(w.Domain(d).Wanted)}
	l.lasting.OnEdge = append(tunnel.Rules(), tunnel.Records()...)
	l.repeat(t, w, func() error { return w.TryRemoveDomain(w.Domain(d)) })
	l.settle(w)
	w.CheckSettled()
	l.commits = store.Commits() - begun
	l.lasting.Gone = append(tunnel.Rules(), tunnel.Records()...)
	l.lasting.Gone = append(l.lasting.Gone, string(w.Domain(d).Status), string(w.Domain(d).Wanted))
	for _, c := range w.History(string(d.ID)) {
		l.lasting.History = append(l.lasting.History, c.From+" "+c.Event+" "+c.To)
	}
	_, l.lasting.Finished, l.attempts = past(w, s)
	slices.Sort(l.lasting.Finished)
	if n := tunnel.Writes(); n != 4 { // a rule and a record, there and back
		t.Errorf("%d effects at the tunnel", n)
	}
	return l
}
