// Package reconcile brings each object nearer to what is wanted: one handler per
// kind of work, and the operations that they walk, as data. It decides when to
// ask infrastructure and what the answers mean; it knows infrastructure only by
// the three interfaces of package infra, and the database only by store.Tx.
//
// Where things go: site.go, domain.go, edge.go and tunnel.go are the handlers; one
// file per operation (create_site.go, ...) holds its steps. What is sent is made in
// parcel.go and tunnel_parcel.go, and shown without being sent in preview.go; gate.go
// keeps what canaries have not proved, canary.go watches them, evict.go ends the part of an edge; observe.go and
// tunnel_observe.go name drift, pin.go keeps what edges refuse, shrink.go and
// lost_guard.go hold back what goes unexplained. What a domain's status needs is looked
// at in ownership.go (whose is it), look.go (where does it lead, who answers) and route.go
// (does the tunnel have it); contest.go settles between tenants; condition.go turns
// findings into conditions.
//
// Order of effects: publish last, unpublish first. Upwards infrastructure goes
// before status, downwards status goes before infrastructure.
package reconcile

import (
	"context"
	"log/slog"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/siteplane/siteplane/internal/platform/tracecontext"
	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/backoff"
	"github.com/siteplane/siteplane/services/lifecycle/failpoint"
	"github.com/siteplane/siteplane/services/lifecycle/infra"
	"github.com/siteplane/siteplane/services/lifecycle/infra/marked"
	"github.com/siteplane/siteplane/services/lifecycle/saga"
	"github.com/siteplane/siteplane/services/lifecycle/store"
	"github.com/siteplane/siteplane/services/lifecycle/worker"
)

// Config is what a reconciler needs.
type Config struct {
	Store  store.Store
	Edges  infra.EdgeProvider
	Tunnel infra.TunnelProvider
	DNS    infra.DNSValidator
	// ProbePolicy says how the nonce is fetched.
	ProbePolicy infra.ProbePolicy
	// EdgeWindow is how long ago an edge may have been seen to be required.
	EdgeWindow time.Duration
	// ObserveEvery is how often each edge is asked what it runs.
	ObserveEvery time.Duration
	// ReserveFor is how long a released name is kept for its last owner.
	ReserveFor time.Duration
	// TransferAfter is how long the holder of a contested hostname has to prove it
	// again.
	TransferAfter time.Duration
	// ReconcileEvery is how often each tunnel is sent what it shall hold although
	// nothing changed.
	ReconcileEvery time.Duration
	// RecheckEvery is how often an ACTIVE domain is looked at.
	RecheckEvery time.Duration
	// Grace is how long evidence may be contradicted before a domain is lost.
	Grace time.Duration
	// CompensateWithin is how long an operation may take to undo what it did.
	CompensateWithin time.Duration
	// Reached is told each failpoint that is passed; nil for none.
	Reached failpoint.Reached
	Clock   func() time.Time
	Logger  *slog.Logger
	Tracer  trace.Tracer
}

// Reconciler holds the handlers. All state is in the database but the digests
// of what edges proved, which are a cache.
type Reconciler struct {
	Config
	engine  *saga.Engine[store.Tx]
	digests *digestCache
	wholes  turns
	retry   backoff.Policy
}

// New returns a reconciler.
func New(cfg Config) *Reconciler {
	if cfg.Reached != nil {
		cfg.Edges, cfg.Tunnel, cfg.DNS = marked.Edges(cfg.Edges, cfg.Reached), marked.Tunnel(cfg.Tunnel, cfg.Reached), marked.DNS(cfg.DNS, cfg.Reached)
	}
	r := &Reconciler{
		Config:  cfg,
		digests: newDigestCache(),
		wholes:  newTurns(),
		retry:   backoff.Policy{First: time.Second, Cap: 30 * time.Minute},
	}
	r.engine = saga.NewEngine(saga.Config[store.Tx]{
		Update: cfg.Store.Update, View: cfg.Store.View,
		Definitions: r.definitions(), CompensateWithin: cfg.CompensateWithin, Reached: cfg.Reached,
		Clock: cfg.Clock, Logger: cfg.Logger, Tracer: cfg.Tracer,
	})
	return r
}

// The operations.
const (
	CreateSite     = "create_site"
	UpdateSite     = "update_site"
	ActivateDomain = "activate_domain"
	LowerDomain    = "lower_domain"
	ReleaseDomain  = "release_domain"
	DeleteSite     = "delete_site"
)

func (r *Reconciler) definitions() []saga.Definition[store.Tx] {
	return []saga.Definition[store.Tx]{
		r.createSite(), r.updateSite(), r.activateDomain(), r.lowerDomain(), r.releaseDomain(), r.deleteSite(),
	}
}

// Handlers returns the handler of each kind of work.
func (r *Reconciler) Handlers() map[worker.Kind]worker.Handler {
	return map[worker.Kind]worker.Handler{
		worker.Site:   r.handleSite,
		worker.Domain: r.handleDomain,
		worker.Edge:   r.handleEdge,
		worker.Tunnel: r.handleTunnel,
	}
}

// StepName returns the name of the step that an operation is at.
func (r *Reconciler) StepName(op saga.Operation) string { return r.engine.StepName(op) }

// Shorter names for the types that every definition spells.
type (
	step         = saga.Step[store.Tx]
	confirmation = saga.Confirmation[store.Tx]
)

// cause says that an operation did something.
func (r *Reconciler) cause(ctx context.Context, op saga.Operation, reason string) lifecycle.Cause {
	return lifecycle.Cause{
		Actor: op.Actor, Reason: reason, OperationID: string(op.ID),
		TraceID: tracecontext.ID(ctx), At: r.Clock(),
	}
}

// update runs a transaction that writes only while the claim holds.
func (r *Reconciler) update(ctx context.Context, w worker.Work, do func(tx store.Tx) error) error {
	return r.Store.Update(ctx, func(tx store.Tx) error {
		if err := tx.HoldWork(ctx, w); err != nil {
			return err
		}
		return do(tx)
	})
}
