// Package app wires the packages of this module into a control plane, and offers
// what callers may ask of it. It opens no listener and speaks no wire format;
// package api does.
package app

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"

	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/auth"
	"github.com/siteplane/siteplane/services/lifecycle/failpoint"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/infra"
	"github.com/siteplane/siteplane/services/lifecycle/recent"
	"github.com/siteplane/siteplane/services/lifecycle/reconcile"
	"github.com/siteplane/siteplane/services/lifecycle/saga"
	"github.com/siteplane/siteplane/services/lifecycle/site"
	"github.com/siteplane/siteplane/services/lifecycle/store"
	"github.com/siteplane/siteplane/services/lifecycle/worker"
)

// ControlPlane is the whole of lifecycle without listeners.
type ControlPlane struct {
	cfg    lifecycle.Config
	store  store.Store
	edges  infra.EdgeProvider
	tunnel infra.TunnelProvider
	dns    infra.DNSValidator
	auth   auth.Provider
	clock  func() time.Time
	logger *slog.Logger
	tracer trace.Tracer
	// issuer signs the certificates of edges; nil where no host can join.
	issuer Issuer
	// forgetKeys has the keys of callers be read anew.
	forgetKeys func()
	// owner names this process in leases.
	owner string
	// reached is told each failpoint that is passed; nil for none.
	reached failpoint.Reached

	// running, paces, pace, uses and streams are what this process knows of the calls at
	// work: paces are the requests per second that tenants are allowed.
	running running
	paces   *recent.Rows[id.Tenant, int64]
	pace    pace
	uses    uses
	streams streams
	tries   *tries
	events  *sequencer

	policy     site.Policy
	reconciler *reconcile.Reconciler
	loop       *worker.Loop
	stop       context.CancelFunc
	done       sync.WaitGroup
}

// Option sets one collaborator.
type Option func(*ControlPlane)

// WithConfig sets the configuration; without it, lifecycle.Defaults holds.
func WithConfig(cfg lifecycle.Config) Option { return func(c *ControlPlane) { c.cfg = cfg } }

// WithStore sets the database. Required.
func WithStore(s store.Store) Option { return func(c *ControlPlane) { c.store = s } }

// WithEdge sets what reaches the edges. Required.
func WithEdge(p infra.EdgeProvider) Option { return func(c *ControlPlane) { c.edges = p } }

// WithTunnel sets what knows the zones. Required.
func WithTunnel(p infra.TunnelProvider) Option { return func(c *ControlPlane) { c.tunnel = p } }

// WithDNS sets what looks at hostnames. Required.
func WithDNS(v infra.DNSValidator) Option { return func(c *ControlPlane) { c.dns = v } }

// WithAuth sets who may call; without it, API keys of the store do.
func WithAuth(p auth.Provider) Option { return func(c *ControlPlane) { c.auth = p } }

// WithClock sets the clock; without it, that of the database.
func WithClock(now func() time.Time) Option { return func(c *ControlPlane) { c.clock = now } }

// WithLogger sets the logger; without it, nothing is logged.
func WithLogger(l *slog.Logger) Option { return func(c *ControlPlane) { c.logger = l } }

// WithTracer sets the tracer; without it, nothing is traced.
func WithTracer(t trace.Tracer) Option { return func(c *ControlPlane) { c.tracer = t } }

// WithFailpoints sets what is told each failpoint that is passed; without it,
// nothing is.
func WithFailpoints(reached failpoint.Reached) Option {
	return func(c *ControlPlane) { c.reached = reached }
}

// New wires a control plane and reports every problem at once. It does nothing
// until Start.
func New(options ...Option) (*ControlPlane, error) {
	c := &ControlPlane{
		cfg: lifecycle.Defaults(), owner: newOwner(),
		logger: slog.New(slog.DiscardHandler), tracer: noop.NewTracerProvider().Tracer(""),
		tries: newTries(), events: newSequencer(),
	}
	for _, set := range options {
		set(c)
	}
	if err := c.validate(); err != nil {
		return nil, fmt.Errorf("wire control plane: %w", err)
	}
	c.store = newFairStore(c.store)
	if c.clock == nil {
		c.clock = c.store.Now
	}
	c.paces = recent.New[id.Tenant, int64](paceKept, c.clock)
	c.forgetKeys = func() {}
	if c.auth == nil {
		keys := auth.NewKeys(func(ctx context.Context, do func(tx auth.Store) error) error {
			return c.store.View(ctx, func(tx store.Tx) error { return do(tx) })
		}, c.clock)
		c.auth, c.forgetKeys = keys, keys.Forget
	}
	c.policy = site.Policy{AllowNetworks: c.cfg.OriginAllowNetworks, OwnListeners: c.cfg.OwnListeners}
	c.loop = worker.NewLoop(c.loopConfig())
	c.store.OnMark(c.loop.Wake)
	c.store.OnEvent(c.events.wake)
	return c, nil
}

func (c *ControlPlane) validate() error {
	problems := []error{c.cfg.Validate()}
	for name, missing := range map[string]bool{
		"store": c.store == nil, "edge provider": c.edges == nil,
		"tunnel provider": c.tunnel == nil, "DNS validator": c.dns == nil,
	} {
		if missing {
			problems = append(problems, fmt.Errorf("no %s was given", name))
		}
	}
	return errors.Join(problems...)
}

func (c *ControlPlane) loopConfig() worker.Config {
	c.reconciler = reconcile.New(reconcile.Config{
		Store: c.store, Edges: c.edges, Tunnel: c.tunnel, DNS: c.dns,
		ProbePolicy: infra.ProbePolicy(c.cfg.ProbePolicy),
		EdgeWindow:  c.cfg.EdgeWindow, ObserveEvery: c.cfg.ObserveEvery, ReserveFor: c.cfg.ReserveFor,
		TransferAfter: c.cfg.TransferAfter, ReconcileEvery: c.cfg.ReconcileEvery, RecheckEvery: c.cfg.RecheckEvery, Grace: c.cfg.Grace,
		CompensateWithin: c.cfg.CompensateWithin, Reached: c.reached,
		Clock: c.clock, Logger: c.logger, Tracer: c.tracer,
	})
	return worker.Config{
		Update: func(ctx context.Context, do func(tx worker.Store) error) error {
			return c.store.Update(ctx, func(tx store.Tx) error { return do(tx) })
		},
		Handlers: c.reconciler.Handlers(), Queue: c.store, Park: c.reconciler.Park, Owner: c.owner, Lease: c.cfg.Lease, Concurrency: c.cfg.Concurrency,
		Poll: time.Second, Clock: c.clock, Logger: c.logger, Tracer: c.tracer,
	}
}

// Auth returns who may call.
func (c *ControlPlane) Auth() auth.Provider { return c.auth }

// Source names the installation in its events.
func (c *ControlPlane) Source(ctx context.Context) (source string, err error) {
	err = c.store.View(ctx, func(tx store.Tx) error {
		installation, err := tx.InstallationID(ctx)
		source = "siteplane://" + installation
		return err
	})
	return source, err
}

// StepName returns the name of the step that an operation is at, or "" once it
// ended.
func (c *ControlPlane) StepName(op saga.Operation) string { return c.reconciler.StepName(op) }

// Logger returns the logger.
func (c *ControlPlane) Logger() *slog.Logger { return c.logger }

// newOwner names a process: the host for people, the rest for itself.
func newOwner() string {
	host, err := os.Hostname()
	if err != nil {
		host = "lifecycle"
	}
	return fmt.Sprintf("%s/%d/%s", host, os.Getpid(), rand.Text()[:8])
}

// Start makes every edge and tunnel due and begins to work. Where the database is not
// shared, leases are those of a process that is gone, and end.
func (c *ControlPlane) Start(ctx context.Context) error {
	err := c.store.Update(ctx, func(tx store.Tx) error {
		if !c.store.Shared() {
			if err := tx.ReleaseLeases(ctx, ""); err != nil {
				return err
			}
		}
		return c.markInfrastructure(ctx, tx)
	})
	if err != nil {
		return fmt.Errorf("start control plane: %w", err)
	}
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	c.stop = stop
	c.done.Go(func() {
		if err := c.loop.Run(running); err != nil {
			c.logger.ErrorContext(running, "work loop ended", "error", err)
		}
	})
	c.done.Go(func() { c.runSequencer(running) })
	return nil
}

// markInfrastructure makes every edge and every tunnel due.
func (c *ControlPlane) markInfrastructure(ctx context.Context, tx store.Tx) error {
	edges, err := tx.ListEdges(ctx)
	if err != nil {
		return err
	}
	tunnels, err := tx.ListTunnels(ctx)
	if err != nil {
		return err
	}
	var marks []worker.Mark
	for _, e := range edges {
		marks = append(marks, worker.Mark{Kind: worker.Edge, Key: string(e.ID), DueAt: c.clock()})
	}
	for _, t := range tunnels {
		marks = append(marks, worker.Mark{Kind: worker.Tunnel, Key: string(t.ID), DueAt: c.clock()})
	}
	for _, m := range marks {
		if err := tx.MarkWork(ctx, m); err != nil {
			return err
		}
	}
	return nil
}

// Stop ends the work and waits until what was begun has let go, or the context
// is done.
func (c *ControlPlane) Stop(ctx context.Context) error {
	if c.stop == nil {
		return nil
	}
	c.stop()
	stopped := make(chan struct{})
	go func() { c.done.Wait(); close(stopped) }()
	select {
	case <-stopped:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("stop control plane: %w", ctx.Err())
	}
}
