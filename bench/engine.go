package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"runtime"
	"sync"
	"time"

	"github.com/siteplane/siteplane/internal/platform/telemetry"
	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/admin"
	"github.com/siteplane/siteplane/services/lifecycle/app"
	"github.com/siteplane/siteplane/services/lifecycle/auth"
	"github.com/siteplane/siteplane/services/lifecycle/edge"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/infra"
	"github.com/siteplane/siteplane/services/lifecycle/site"
	"github.com/siteplane/siteplane/services/lifecycle/store"
	"github.com/siteplane/siteplane/services/lifecycle/store/sqlite"
	"github.com/siteplane/siteplane/services/lifecycle/tunnel"
)

// engineLimit bounds one run of the engine.
const engineLimit = 2 * time.Minute

// newEngine returns the control plane as `siteplane up` makes it, with collaborators
// that confirm at once. Its log is written, and thrown away.
func newEngine(db store.Store) (*app.ControlPlane, error) { return newEngineWith(db, &promptEdge{}) }

// newEngineWith returns it with another edge.
func newEngineWith(db store.Store, edges infra.EdgeProvider) (*app.ControlPlane, error) {
	cfg := lifecycle.Defaults()
	cfg.PlatformDomain = benchZone
	cfg.OriginAllowNetworks = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	return app.New(app.WithConfig(cfg), app.WithStore(db),
		app.WithEdge(edges), app.WithTunnel(&promptTunnel{}), app.WithDNS(promptDNS{}),
		app.WithLogger(slog.New(slog.NewJSONHandler(io.Discard, nil))),
		app.WithTracer(telemetry.Discard("lifecycle").Tracer("lifecycle")))
}

// benchTenants is among how many tenants sites are shared out: one alone would not be
// let have all slots.
const benchTenants = 4

// createSites makes some tenants, an edge, a tunnel and sites of which nothing is done
// yet.
func createSites(ctx context.Context, db store.Store, count int) error {
	if err := app.EnsureEdge(ctx, db, edge.Edge{ID: id.NewEdge(), Name: "edge", PublicAddresses: []string{"192.0.2.1"}, NeedsWhole: true}); err != nil {
		return err
	}
	if err := app.EnsureTunnel(ctx, db, tunnel.Tunnel{ID: id.NewTunnel(), Name: "tunnel"}); err != nil {
		return err
	}
	callers, err := makeTenants(ctx, db)
	if err != nil {
		return err
	}
	cp, err := newEngine(db)
	if err != nil {
		return err
	}
	for number := range count {
		in := app.NewSite{Name: fmt.Sprintf("shop-%06d", number), Spec: benchSpec(number)}
		if _, err := cp.CreateSite(ctx, callers[number%len(callers)], in, ""); err != nil {
			return err
		}
	}
	return nil
}

// benchSpec is of the mix of benchSite.
func benchSpec(number int) site.Spec {
	wire := benchSite(number, 1).GetSpec()
	spec := site.Spec{Origin: &site.Origin{}, Options: site.Options{MaxBodyBytes: wire.GetOptions().GetMaxBodyBytes()}}
	for _, target := range wire.GetOrigin().GetTargets() {
		spec.Origin.Targets = append(spec.Origin.Targets, site.Target{Address: target.GetAddress()})
	}
	return spec
}

// makeTenants makes the tenants and returns somebody of each.
func makeTenants(ctx context.Context, db store.Store) (callers []auth.Principal, err error) {
	for number := range benchTenants {
		tenant, err := app.EnsureTenant(ctx, db, admin.Tenant{ID: id.NewTenant(), Name: fmt.Sprintf("bench-%d", number), CreatedAt: time.Now()})
		if err != nil {
			return nil, err
		}
		callers = append(callers, auth.Principal{TenantID: tenant.ID, Subject: "bench", Role: auth.Operator})
	}
	return callers, nil
}

// runEngine lets the engine bring the sites of a copy of a database to ACTIVE, and
// returns how long that took and what SQLite ran meanwhile. What the engine does until it
// has stopped is recorded, too, and not timed.
func runEngine(ctx context.Context, created, path string, sites int) (took time.Duration, ran recording, err error) {
	if err := copyFile(created, path); err != nil {
		return 0, ran, err
	}
	recorder, err := startRecorder()
	if err != nil {
		return 0, ran, err
	}
	defer recorder.stop()
	db, err := sqlite.Open(ctx, sqlite.Config{Path: path})
	if err != nil {
		return 0, ran, err
	}
	took, ran.begun, ran.ended, err = driveEngine(ctx, db, recorder.count, sites)
	if err := errors.Join(err, db.Close()); err != nil {
		return 0, ran, err
	}
	ran.statements = recorder.statements
	return took, ran, nil
}

// driveEngine starts the engine and returns how long it took until all sites were
// ACTIVE, and the places in a recording where that began and ended.
func driveEngine(ctx context.Context, db store.Store, place func() int, sites int) (took time.Duration, begun, ended int, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, engineLimit, fmt.Errorf("not all sites were ACTIVE after %s", engineLimit))
	defer cancel()
	watched := &watchedStore{Store: db, left: sites, done: make(chan struct{})}
	cp, err := newEngine(watched)
	if err != nil {
		return 0, 0, 0, err
	}
	runtime.GC()
	begun = place()
	start := time.Now()
	if err := cp.Start(ctx); err != nil {
		return 0, 0, 0, err
	}
	select {
	case <-watched.done:
		took, ended = time.Since(start), place()
	case <-ctx.Done():
		err = context.Cause(ctx)
	}
	stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), engineLimit)
	defer cancel()
	return took, begun, ended, errors.Join(err, cp.Stop(stopping))
}

// watchedStore closes done after the commit that makes the last site ACTIVE.
type watchedStore struct {
	store.Store
	done chan struct{}

	mu   sync.Mutex
	left int
}

// Update implements store.Store.
func (s *watchedStore) Update(ctx context.Context, do func(tx store.Tx) error) error {
	var watched *watchedTx
	err := s.Store.Update(ctx, func(tx store.Tx) error {
		watched = &watchedTx{Tx: tx}
		return do(watched)
	})
	if err == nil && watched.activated > 0 {
		s.activated(watched.activated)
	}
	return err
}

func (s *watchedStore) activated(sites int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.left -= sites; s.left == 0 {
		close(s.done)
	}
}

// watchedTx counts the sites that a transaction makes ACTIVE.
type watchedTx struct {
	store.Tx
	activated int
}

// TransitionSite implements store.Tx.
func (t *watchedTx) TransitionSite(ctx context.Context, c lifecycle.Change) error {
	err := t.Tx.TransitionSite(ctx, c)
	if err == nil && c.To == string(site.Active) {
		t.activated++
	}
	return err
}
