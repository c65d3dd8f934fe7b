package reconcile_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/siteplane/siteplane/services/lifecycle/app/apptest"
	"github.com/siteplane/siteplane/services/lifecycle/condition"
	"github.com/siteplane/siteplane/services/lifecycle/hold"
	"github.com/siteplane/siteplane/services/lifecycle/infra"
	"github.com/siteplane/siteplane/services/lifecycle/infra/fake"
	"github.com/siteplane/siteplane/services/lifecycle/network"
	"github.com/siteplane/siteplane/services/lifecycle/site"
	"github.com/siteplane/siteplane/services/lifecycle/store"
	"github.com/siteplane/siteplane/services/lifecycle/worker"
)

// many is a world with sites that are ACTIVE under their platform names.
func many(t *testing.T, n int) (w *apptest.World, sites []site.Site) {
	t.Helper()
	w = setup(t)
	for i := range n {
		sites = append(sites, w.Create(fmt.Sprintf("Shop %d", i)))
	}
	w.Settle()
	return w, sites
}

// forget takes sites out of what is wanted as no operation would: a broken
// migration, a restored backup, a hand in the database.
func forget(w *apptest.World, sites []site.Site) {
	w.Update(func(ctx context.Context, tx store.Tx) error {
		for _, s := range sites {
			now, err := tx.GetSite(ctx, s.TenantID, s.ID)
			if err != nil {
				return err
			}
			now.Wanted = site.Absent
			if err := tx.UpdateSite(ctx, now); err != nil {
				return err
			}
			if err := tx.MarkWork(ctx, mark(w)); err != nil {
				return err
			}
		}
		return needWhole(ctx, tx, w)
	})
}

// An edge is not emptied by rows that lost their sites, F43.
func TestShrink_edge(t *testing.T) {
	t.Parallel()
	t.Run("holds what no operation explains, until an operator confirms", func(t *testing.T) {
		w, sites := many(t, 7)
		forget(w, sites)
		w.RunFor(5 * time.Minute)
		if n := len(w.Host().Sites()); n != 7 {
			t.Fatalf("%d sites are left on the edge", n)
		}
		holds := w.Holds()
		if len(holds) != 1 || holds[0].Target.ID != string(w.EdgeIDs()[0]) || holds[0].Count < 7 {
			t.Fatalf("holds are %+v", holds)
		}
		if e := w.Edge(w.EdgeIDs()[0]); e.FaultReason != infra.CodeHeld {
			t.Errorf("the edge's fault is %s: %s", e.FaultReason, e.FaultMessage)
		}
		w.Confirm(holds[0])
		w.RunFor(time.Minute)
		if n := len(w.Host().Sites()); n != 0 {
			t.Errorf("%d sites are left although it was confirmed", n)
		}
		if holds := w.Holds(); len(holds) != 0 {
			t.Errorf("holds are %+v", holds)
		}
	})
	t.Run("lets a few go", func(t *testing.T) {
		w, sites := many(t, 7)
		forget(w, sites[:1])
		w.RunFor(5 * time.Minute)
		if n := len(w.Host().Sites()); n != 6 || len(w.Holds()) != 0 {
			t.Errorf("%d sites are on the edge, holds are %+v", n, w.Holds())
		}
	})
	t.Run("lets deletions go, however many, also where the edge was away", func(t *testing.T) {
		w, sites := many(t, 7)
		w.Host().SetDown(true)
		for _, s := range sites {
			w.Delete(s)
		}
		w.RunFor(time.Minute)
		w.Update(func(ctx context.Context, tx store.Tx) error { return needWhole(ctx, tx, w) })
		w.Host().SetDown(false)
		w.Settle()
		if n := len(w.Host().Sites()); n != 0 || len(w.Holds()) != 0 {
			t.Errorf("%d sites are on the edge, holds are %+v", n, w.Holds())
		}
		for _, s := range sites {
			wantStatus(t, w, s, site.Deleted)
		}
	})
}

// A tunnel is not emptied by rows that lost their domains.
func TestShrink_tunnel(t *testing.T) {
	t.Parallel()
	w := apptest.New(t, apptest.Options{Tunnel: fake.NewTunnel("example.org")})
	w.GrantZone("example.org", w.Caller.TenantID)
	s := w.Create("Shop")
	w.Settle()
	var domains []network.Domain
	for i := range 7 {
		domains = append(domains, w.AddDomain(s, fmt.Sprintf("n%d.example.org", i), false))
	}
	w.Settle()
	w.Update(func(ctx context.Context, tx store.Tx) error {
		for _, d := range domains {
			now, err := tx.GetDomain(ctx, d.TenantID, d.ID)
			if err != nil {
				return err
			}
			now.Mode = network.Direct // as no operation would
			if err := tx.UpdateDomain(ctx, now); err != nil {
				return err
			}
		}
		return nil
	})
	w.RunFor(5 * time.Minute)
	for _, d := range domains {
		if !w.Tunnel.Routed(d.Hostname) {
			t.Errorf("%s is gone", d.Hostname)
		}
	}
	holds := w.Holds()
	if len(holds) != 1 || holds[0].Target.ID != string(w.TunnelID()) {
		t.Fatalf("holds are %+v", holds)
	}
	w.Confirm(holds[0])
	w.RunFor(5 * time.Minute)
	if w.Tunnel.Routed(domains[0].Hostname) || len(w.Holds()) != 0 {
		t.Errorf("it is held although it was confirmed: %+v", w.Holds())
	}
}

// When the DNS of many tenants contradicts them at once, it is more likely us.
func TestShrink_dns_lost(t *testing.T) {
	t.Parallel()
	w := apptest.New(t, apptest.Options{Configure: rarely})
	s := w.Create("Shop")
	w.Settle()
	var domains []network.Domain
	for i := range 7 {
		d := w.AddDomain(s, fmt.Sprintf("www.n%d.example.com", i), true)
		publishProof(w, d)
		domains = append(domains, d)
	}
	w.Settle()
	for _, d := range domains {
		wantDomain(t, w, d, network.Active)
		w.DNS.ScriptAddresses(d.Hostname, contradicted)
		w.DNS.ScriptProbes(d.Hostname, contradicted)
	}
	w.RunFor(8 * 24 * time.Hour)
	for _, d := range domains {
		wantDomain(t, w, d, network.Active)
	}
	holds := w.Holds()
	if len(holds) != 1 || holds[0].Target.Kind != hold.DNSLost || holds[0].Count != 7 {
		t.Fatalf("holds are %+v", holds)
	}
	if c, _ := condition.Find(w.DomainConditions(domains[0]), condition.Resolves); c.Reason != infra.CodeHeld || c.Actor != condition.Operator {
		t.Errorf("Resolves is %+v", c)
	}
	w.Confirm(holds[0])
	w.RunFor(3 * time.Hour)
	for _, d := range domains {
		wantDomain(t, w, d, network.PendingDNS)
	}
	w.RunFor(24 * time.Hour)
	if holds := w.Holds(); len(holds) != 0 {
		t.Errorf("holds are %+v", holds)
	}
}

// needWhole makes the first edge due for everything.
func needWhole(ctx context.Context, tx store.Tx, w *apptest.World) error {
	e, err := tx.GetEdge(ctx, w.EdgeIDs()[0])
	if err != nil {
		return err
	}
	e.NeedsWhole = true
	if err := tx.UpdateEdge(ctx, e); err != nil {
		return err
	}
	return tx.MarkWork(ctx, mark(w))
}

// mark makes the first edge due.
func mark(w *apptest.World) worker.Mark {
	return worker.Mark{Kind: worker.Edge, Key: string(w.EdgeIDs()[0]), DueAt: w.Clock.Now()}
}
