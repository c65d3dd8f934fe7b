// Package store composes what the domain packages need from a database into one
// interface. Implementations live below it; the suite in storetest is what they
// must pass. Driver types and driver errors never leave an implementation.
package store

import (
	"context"
	"time"

	"github.com/siteplane/siteplane/services/lifecycle/admin"
	"github.com/siteplane/siteplane/services/lifecycle/auth"
	"github.com/siteplane/siteplane/services/lifecycle/condition"
	"github.com/siteplane/siteplane/services/lifecycle/desired"
	"github.com/siteplane/siteplane/services/lifecycle/drift"
	"github.com/siteplane/siteplane/services/lifecycle/edge"
	"github.com/siteplane/siteplane/services/lifecycle/event"
	"github.com/siteplane/siteplane/services/lifecycle/hold"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/monitor"
	"github.com/siteplane/siteplane/services/lifecycle/network"
	"github.com/siteplane/siteplane/services/lifecycle/saga"
	"github.com/siteplane/siteplane/services/lifecycle/site"
	"github.com/siteplane/siteplane/services/lifecycle/tunnel"
	"github.com/siteplane/siteplane/services/lifecycle/worker"
)

// Store is a database.
type Store interface {
	// Update runs the closure in a transaction and commits it. It is the only
	// write door. The closure may run more than once, so it must have no effect
	// outside of tx; no call that leaves the process belongs in it. A database
	// that does not answer is *lifecycle.UnavailableError.
	Update(ctx context.Context, do func(tx Tx) error) error
	// View runs the closure on one consistent snapshot; writing fails.
	View(ctx context.Context, do func(tx Tx) error) error
	worker.Queue
	event.Sequencer

	// OnMark sets what is called after each commit that marked work, of this process
	// and, as a hint that may be lost, of others. Set once, before the first Update.
	OnMark(notify func())
	// OnEvent sets what is called after each commit that appended to the outbox, in
	// the same way.
	OnEvent(notify func())
	// Now returns the time by the database's clock, as far as this process knows it:
	// replicas agree on it although their own clocks may not.
	Now() time.Time
	// Shared reports whether other processes may work on the database at the same
	// time.
	Shared() bool
	// Close releases the database.
	Close() error
}

// Tx is everything that can be done inside a transaction.
type Tx interface {
	site.Store
	network.Store
	edge.Store
	tunnel.Store
	condition.Store
	desired.Store
	saga.Store
	worker.Store
	event.Store
	drift.Store
	hold.Store
	monitor.Store
	admin.Store
	auth.Store
	RequestStore
	ManyStore

	// Era returns the installation's restore counter, from 1.
	Era(ctx context.Context) (uint64, error)
	// InstallationID returns what marks the installation's things in places that
	// others write to: 16 hexadecimal digits, made with the database.
	InstallationID(ctx context.Context) (string, error)
}

// Request is a mutation that a caller may repeat.
type Request struct {
	TenantID id.Tenant
	// ID is the caller's request id.
	ID string
	// Hash is over the method and the body.
	Hash [32]byte
	// ObjectID is the object that the first one made or changed, empty for none.
	ObjectID string
	// Answer is what the first one was answered, as JSON; empty where a version
	// before this one wrote the row.
	Answer    string
	CreatedAt time.Time
}

// RequestStore keeps answered requests.
type RequestStore interface {
	// GetRequest returns the request of an id; ok is false when there is none.
	GetRequest(ctx context.Context, tenant id.Tenant, requestID string) (r Request, ok bool, err error)
	// InsertRequest notes an answered request; a second one of the same id is
	// lifecycle.ErrLostRace.
	InsertRequest(ctx context.Context, r Request) error
	// PruneRequests deletes up to limit of the requests from before a time.
	PruneRequests(ctx context.Context, before time.Time, limit int) error
}
