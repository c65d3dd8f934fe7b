package e2e

import (
	"context"
	"net/netip"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/admin"
	"github.com/siteplane/siteplane/services/lifecycle/app"
	"github.com/siteplane/siteplane/services/lifecycle/auth"
	"github.com/siteplane/siteplane/services/lifecycle/edge"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/infra"
	"github.com/siteplane/siteplane/services/lifecycle/infra/remote"
	"github.com/siteplane/siteplane/services/lifecycle/site"
	"github.com/siteplane/siteplane/services/lifecycle/store/sqlite"
)

// readyEdge is an edge that proves whatever it is sent.
type readyEdge struct {
	mu   sync.Mutex
	held infra.EdgeState
}

func (e *readyEdge) Apply(_ context.Context, _ id.Edge, update infra.EdgeUpdate) (infra.EdgeProof, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.held.Generation, e.held.Running, e.held.Digest = update.Fence.Generation, update.Fence.Generation, update.Digest
	return infra.EdgeProof{Generation: update.Fence.Generation, Digest: update.Digest}, nil
}

func (e *readyEdge) State(context.Context, id.Edge) (infra.EdgeState, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	state := e.held
	state.Intact, state.ProbePublicKey = true, make([]byte, 32)
	return state, nil
}

func (e *readyEdge) ProbeSite(_ context.Context, _ id.Edge, s id.Site) (infra.SiteProof, error) {
	return infra.SiteProof{InternalName: string(s) + ".site.internal", Revision: 1}, nil
}

func (e *readyEdge) ListHeld(context.Context, id.Edge, [][]byte) (infra.Held, error) {
	return infra.Held{}, nil // none is held before the first whole, and deltas are not asked about
}

func (e *readyEdge) Preview(context.Context, id.Edge, infra.EdgeUpdate) ([]infra.FileDiff, error) {
	return nil, nil
}

// noZones is a tunnel without an account.
type noZones struct{ infra.TunnelProvider }

func (noZones) LookupZone(context.Context, string) (infra.ZoneAnswer, error) {
	return infra.ZoneAnswer{Backend: "none"}, nil
}

// library is lifecycle with a real database and a validator behind mTLS.
type library struct {
	t         *testing.T
	cp        *app.ControlPlane
	caller    auth.Principal
	validator *validator
	site      id.Site
}

func startLibrary(t *testing.T) *library {
	t.Helper()
	ctx := t.Context()
	db, err := sqlite.Open(ctx, sqlite.Config{Path: filepath.Join(t.TempDir(), "siteplane.db")})
	check(t, err)
	t.Cleanup(func() { check(t, db.Close()) })
	tenant, err := app.EnsureTenant(ctx, db, admin.Tenant{ID: id.NewTenant(), Name: "default", CreatedAt: time.Now()})
	check(t, err)
	check(t, app.EnsureEdge(ctx, db, edge.Edge{ID: id.NewEdge(), Name: "ready", PublicAddresses: []string{"192.0.2.1"}, NeedsWhole: true}))

	l := &library{
		t: t, caller: auth.Principal{TenantID: tenant.ID, Subject: "test", Role: auth.Admin},
		validator: &validator{addresses: confirmed, probe: confirmed, asked: map[string]int{}},
	}
	cfg := lifecycle.Defaults()
	cfg.PlatformDomain, cfg.OriginAllowNetworks = "sites.example.com", []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}
	l.cp, err = app.New(app.WithConfig(cfg), app.WithStore(db), app.WithEdge(&readyEdge{}),
		app.WithTunnel(noZones{}), app.WithDNS(remote.NewDNS(l.validator.serve(t))))
	check(t, err)
	check(t, l.cp.Start(ctx))
	t.Cleanup(func() { check(t, l.cp.Stop(context.Background())) })
	return l
}

func (l *library) create() {
	l.t.Helper()
	made, err := l.cp.CreateSite(l.t.Context(), l.caller, app.NewSite{Name: "shop", Spec: site.Spec{
		Origin: &site.Origin{Targets: []site.Target{{Address: "192.0.2.7:80"}}},
	}}, "")
	check(l.t, err)
	l.site = made.Site.ID
}

func (l *library) view() app.SiteView {
	l.t.Helper()
	view, err := l.cp.GetSite(l.t.Context(), l.caller, l.site)
	check(l.t, err)
	return view
}

// await waits for a status. ACTIVE ends the wait.
func (l *library) await(want site.Status) {
	l.t.Helper()
	eventually(l.t, "the site becomes "+string(want), func() (string, bool) {
		now := l.view().Site.Status
		if now == site.Active && want != site.Active {
			l.t.Fatalf("the site is ACTIVE, want %s", want)
		}
		return string(now), now == want
	})
}
