// Package apptest is a whole control plane for tests: the real store, the real
// handlers, fakes of everything outside, a clock that tests move, and a driver
// that does the work of the claim loop one piece at a time, so that a test says
// what happens in which order. A World can crash at any commit and start again.
//
// It decides nothing. Invariants: time moves only when the test moves it; at most
// one handler runs at once; what is outside (edges, zones, names) survives a
// crash, what is in memory does not.
package apptest

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/siteplane/siteplane/internal/platform/telemetry"
	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/admin"
	"github.com/siteplane/siteplane/services/lifecycle/app"
	"github.com/siteplane/siteplane/services/lifecycle/auth"
	"github.com/siteplane/siteplane/services/lifecycle/edge"
	"github.com/siteplane/siteplane/services/lifecycle/failpoint"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/infra"
	"github.com/siteplane/siteplane/services/lifecycle/infra/fake"
	"github.com/siteplane/siteplane/services/lifecycle/reconcile"
	"github.com/siteplane/siteplane/services/lifecycle/store"
	"github.com/siteplane/siteplane/services/lifecycle/store/sqlite"
	"github.com/siteplane/siteplane/services/lifecycle/tunnel"
	"github.com/siteplane/siteplane/services/lifecycle/worker"
)

// TB is what a World needs of a test; *testing.T and *rapid.T have it.
type TB interface {
	Helper()
	Fatalf(format string, args ...any)
	Cleanup(func())
	Context() context.Context
}

// PlatformDomain is the platform domain of a World, unless its configuration
// says otherwise.
const PlatformDomain = "sites.example"

// Options change what a World is made of; the zero value is a plain one.
type Options struct {
	// Configure changes the configuration.
	Configure func(*lifecycle.Config)
	// Tracer replaces one that makes real ids and exports nothing.
	Tracer trace.Tracer
	// Logger replaces one that discards.
	Logger *slog.Logger
	// Tunnel is the world's tunnel; without it there is none, and no zone.
	Tunnel *fake.Tunnel
	// Outside replaces what the control plane calls by something around it.
	Outside func(Providers) Providers
	// Reached is told each failpoint that is passed.
	Reached failpoint.Reached
	// Edges is how many hosts there are from the start; 0 means 1, -1 none.
	Edges int
	// Issuer signs the certificates of edges; nil for an Issuer of this package.
	Issuer app.Issuer
	// Open opens the database of the World, after a crash again; nil for one of SQLite.
	Open func(clock func() time.Time) (store.Store, error)
}

// Providers are everything outside that a control plane calls.
type Providers struct {
	Edges  infra.EdgeProvider
	Tunnel infra.TunnelProvider
	DNS    infra.DNSValidator
}

// World is a control plane on fakes.
type World struct {
	tb     TB
	opts   Options
	cfg    lifecycle.Config
	path   string
	tracer trace.Tracer
	logger *slog.Logger

	// Clock is the time of everything inside.
	Clock *Clock
	// Store is the database; it can be told to die.
	Store *Store
	// Edges, Tunnel and DNS are the world outside.
	Edges  *fake.Edges
	Tunnel *fake.Tunnel
	DNS    *fake.DNS
	// App is what callers call.
	App *app.ControlPlane
	// Caller is an operator of the first tenant.
	Caller auth.Principal

	handlers map[worker.Kind]worker.Handler
	edges    []id.Edge
	tunnel   id.Tunnel // empty when there is none
	sites    []ref
}

// ref names a site with its owner.
type ref struct {
	tenant id.Tenant
	site   id.Site
}

// New returns a World that has started and done nothing yet.
func New(tb TB, opts Options) *World {
	tb.Helper()
	w := &World{
		tb: tb, opts: opts, cfg: lifecycle.Defaults(), tracer: opts.Tracer, logger: opts.Logger,
		Clock: &Clock{now: time.Date(2026, 5, 4, 3, 2, 1, 0, time.UTC)}, Tunnel: opts.Tunnel,
	}
	w.cfg.PlatformDomain = PlatformDomain
	if opts.Configure != nil {
		opts.Configure(&w.cfg)
	}
	if w.tracer == nil {
		w.tracer = telemetry.Discard("lifecycle").Tracer("apptest")
	}
	if w.opts.Issuer == nil {
		w.opts.Issuer = &Issuer{}
	}
	if w.logger == nil {
		w.logger = slog.New(slog.DiscardHandler)
	}
	if w.Tunnel == nil {
		w.Tunnel = fake.NewTunnel()
	}
	w.Edges = fake.NewEdges()
	w.DNS = fake.NewDNS(w.Edges)
	if opts.Tunnel != nil {
		w.DNS.Through(w.Tunnel)
	}
	if opts.Open == nil {
		w.path = filepath.Join(w.dir(), "siteplane.db")
		w.must(os.WriteFile(w.path, w.blank(), 0o600))
	}
	w.open()
	tb.Cleanup(func() { w.must(w.Store.Close()) })
	w.Caller = w.NewTenant("default")
	for range max(opts.Edges, 1) {
		if opts.Edges >= 0 {
			w.AddEdge()
		}
	}
	if opts.Tunnel != nil {
		w.tunnel = id.NewTunnel()
		w.must(app.EnsureTunnel(tb.Context(), w.Store, tunnel.Tunnel{ID: w.tunnel, Name: "tunnel"}))
	}
	w.start()
	return w
}

// dir makes a directory that goes when the test ends.
func (w *World) dir() string {
	dir, err := os.MkdirTemp("", "siteplane-apptest-")
	w.must(err)
	w.tb.Cleanup(func() { w.must(os.RemoveAll(dir)) })
	return dir
}

// open opens the database and makes everything that lives in memory.
func (w *World) open() {
	w.tb.Helper()
	db, err := w.openStore()
	w.must(err)
	w.Store = &Store{Store: db}
	outside := Providers{Edges: w.Edges, Tunnel: w.Tunnel, DNS: w.DNS}
	if w.opts.Outside != nil {
		outside = w.opts.Outside(outside)
	}
	w.App, err = app.New(app.WithConfig(w.cfg), app.WithStore(w.Store), app.WithEdge(outside.Edges), app.WithTunnel(outside.Tunnel),
		app.WithDNS(outside.DNS), app.WithClock(w.Clock.Now), app.WithLogger(w.logger), app.WithTracer(w.tracer),
		app.WithIssuer(w.opts.Issuer))
	w.must(err)
	w.handlers = reconcile.New(reconcile.Config{
		Store: w.Store, Edges: outside.Edges, Tunnel: outside.Tunnel, DNS: outside.DNS,
		ProbePolicy: infra.ProbePolicy(w.cfg.ProbePolicy), EdgeWindow: w.cfg.EdgeWindow,
		ObserveEvery: w.cfg.ObserveEvery, ReserveFor: w.cfg.ReserveFor, TransferAfter: w.cfg.TransferAfter,
		ReconcileEvery: w.cfg.ReconcileEvery, RecheckEvery: w.cfg.RecheckEvery, Grace: w.cfg.Grace,
		CompensateWithin: w.cfg.CompensateWithin, Reached: w.opts.Reached,
		Clock: w.Clock.Now, Logger: w.logger, Tracer: w.tracer,
	}).Handlers()
}

func (w *World) openStore() (store.Store, error) {
	if w.opts.Open != nil {
		return w.opts.Open(w.Clock.Now)
	}
	return sqlite.Open(context.Background(), sqlite.Config{Path: w.path, Clock: w.Clock.Now})
}

// start does what the start of a process does: leases are free, edges and tunnels
// are due.
func (w *World) start() {
	w.tb.Helper()
	w.Update(func(ctx context.Context, tx store.Tx) error {
		if err := tx.ReleaseLeases(ctx, ""); err != nil {
			return err
		}
		edges, err := tx.ListEdges(ctx)
		for _, e := range edges {
			err = errors.Join(err, tx.MarkWork(ctx, worker.Mark{Kind: worker.Edge, Key: string(e.ID), DueAt: w.Clock.Now()}))
		}
		if w.tunnel != "" {
			err = errors.Join(err, tx.MarkWork(ctx, worker.Mark{Kind: worker.Tunnel, Key: string(w.tunnel), DueAt: w.Clock.Now()}))
		}
		return err
	})
}

// Restart ends the process, wherever it is, and starts it again on the same
// database. What is outside stays as it is.
func (w *World) Restart() {
	w.tb.Helper()
	w.must(w.Store.Close())
	w.open()
	w.start()
}

// Reconfigure restarts with another configuration.
func (w *World) Reconfigure(change func(*lifecycle.Config)) {
	w.tb.Helper()
	change(&w.cfg)
	w.Restart()
}

// NewTenant makes a tenant and returns an operator of it.
func (w *World) NewTenant(name string) auth.Principal {
	w.tb.Helper()
	t, err := app.EnsureTenant(w.tb.Context(), w.Store, admin.Tenant{ID: id.NewTenant(), Name: name, CreatedAt: w.Clock.Now()})
	w.must(err)
	return auth.Principal{TenantID: t.ID, Subject: "key:" + name, Role: auth.Operator}
}

// AddEdge writes an edge down and makes its host, which was never seen yet.
func (w *World) AddEdge() id.Edge {
	w.tb.Helper()
	e := edge.Edge{
		ID: id.NewEdge(), Name: "edge" + string(rune('a'+len(w.edges))), Address: "127.0.0.1:9000",
		PublicAddresses: []string{"203.0.113.7"}, NeedsWhole: true,
	}
	w.must(app.EnsureEdge(w.tb.Context(), w.Store, e))
	w.edges = append(w.edges, e.ID)
	w.Edges.Host(e.ID)
	return e.ID
}

// EdgeIDs returns the edges in the order in which they came.
func (w *World) EdgeIDs() []id.Edge { return w.edges }

// Host returns the host of the first edge.
func (w *World) Host() *fake.Host { return w.Edges.Host(w.edges[0]) }

// Update writes to the store, in a trace.
func (w *World) Update(do func(ctx context.Context, tx store.Tx) error) {
	w.tb.Helper()
	ctx, span := w.tracer.Start(w.tb.Context(), "test")
	defer span.End()
	w.must(w.Store.Update(ctx, func(tx store.Tx) error { return do(ctx, tx) }))
}

// View reads from the store.
func (w *World) View(do func(ctx context.Context, tx store.Tx) error) {
	w.tb.Helper()
	w.must(w.Store.View(w.tb.Context(), func(tx store.Tx) error { return do(w.tb.Context(), tx) }))
}

func (w *World) must(err error) {
	w.tb.Helper()
	if err != nil {
		w.tb.Fatalf("%v", err)
	}
}
