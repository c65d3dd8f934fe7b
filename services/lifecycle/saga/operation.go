// Package saga owns operations: durable pieces of work on one object, whose
// steps are data, and the engine that walks them. It knows no site, no domain
// and no infrastructure; package reconcile defines the operations.
//
//	          +---------+   begin    +---------+  not ready, failed  +---------+
//	opened -> | PENDING | ---------> | RUNNING | ------------------> | WAITING |
//	          +---------+            +---------+ <------------------ +---------+
//	                                   |   |        looked at again
//	                     last step ok  |   |  permanent, attempts spent
//	                                   v   v
//	                        SUCCEEDED     COMPENSATING --> FAILED
//	                                           |
//	                                           +---------> CANCELLED, if it was
//	                                           |           taken back
//	                                           +---------> NEEDS_ATTENTION, if the
//	                                                       way back takes too long
//
// Any state but the last four may end in CANCELLED at once, when another operation
// takes the object, and in NEEDS_ATTENTION, when it cannot be walked. Whoever wants
// it can then go on: an ended operation blocks nothing.
package saga

import (
	"context"
	"time"

	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/worker"
)

// State is how far an operation is.
type State string

// The states of an operation. The last four are terminal.
const (
	Pending        State = "PENDING"
	Running        State = "RUNNING"
	Waiting        State = "WAITING"
	Compensating   State = "COMPENSATING"
	Succeeded      State = "SUCCEEDED"
	Failed         State = "FAILED"
	Cancelled      State = "CANCELLED"
	NeedsAttention State = "NEEDS_ATTENTION"
)

// Terminal reports whether an operation has ended.
func (s State) Terminal() bool {
	switch s {
	case Succeeded, Failed, Cancelled, NeedsAttention:
		return true
	}
	return false
}

// Operation is one durable piece of work on one object. At most one operation
// of an object is not terminal.
type Operation struct {
	ID       id.Operation
	TenantID id.Tenant
	// Kind names the definition.
	Kind string
	// ObjectKind and ObjectID are what it works on.
	ObjectKind worker.Kind
	ObjectID   string
	State      State
	// Step is the index of the present step in the definition.
	Step int
	// Intent says that the present step's intent is committed.
	Intent bool
	// StepStartedAt is when it was.
	StepStartedAt time.Time
	// FailedAttempts counts the failures of the present step.
	FailedAttempts int
	// Reason and Message say why it waits or how it ended.
	Reason  string
	Message string
	// CompensatingSince is when the way back began, zero before.
	CompensatingSince time.Time
	// WaitingFor is the outsider that the object waits for after success.
	WaitingFor string
	// Actor is who opened it.
	Actor string
	// TraceParent is the trace it was opened in, W3C.
	TraceParent string
	CreatedAt   time.Time
	UpdatedAt   time.Time
	// EndedAt is zero while it runs.
	EndedAt time.Time
}

// Phase says which half of a step a journal row is.
type Phase string

// The phases.
const (
	Intent       Phase = "intent"
	Outcome      Phase = "outcome"
	Compensation Phase = "compensation"
)

// Result is what came of a step.
type Result string

// The results.
const (
	OK     Result = "ok"
	Wait   Result = "waiting"
	Again  Result = "retry"
	Broken Result = "failed"
	// Made and Found are those of an intent: whether it wrote what is wanted, or
	// found that it was wanted already.
	Made  Result = "made"
	Found Result = "found"
)

// ReasonCancelled is the reason of an operation that was cancelled.
const ReasonCancelled = "CANCELLED"

// Entry is one row of an operation's journal.
type Entry struct {
	OperationID id.Operation
	// Seq orders the entries of all operations; assigned by the store.
	Seq  int64
	Step string
	// Attempt counts from 1.
	Attempt int
	Phase   Phase
	// Result is empty for the intent of a step that writes nothing.
	Result  Result
	Message string
	// ExternalResponse is what the other side answered, as redacted JSON.
	ExternalResponse string
	TraceID          string
	At               time.Time
	// Duration is the time since the step's intent, zero for an intent.
	Duration time.Duration
}

// Store keeps operations and journals inside the caller's transaction.
type Store interface {
	// InsertOperation writes a new operation. A second one of an object that is
	// not terminal is lifecycle.ErrLostRace.
	InsertOperation(ctx context.Context, o Operation) error
	// GetOperation returns an operation.
	GetOperation(ctx context.Context, op id.Operation) (Operation, error)
	// ActiveOperation returns the one operation of an object that is not
	// terminal; ok is false when there is none.
	ActiveOperation(ctx context.Context, objectID string) (o Operation, ok bool, err error)
	// OperationsOf returns all operations of the objects, oldest first.
	OperationsOf(ctx context.Context, objectIDs []string) ([]Operation, error)
	// UpdateOperation writes everything but the ids, kind and creation.
	UpdateOperation(ctx context.Context, o Operation) error
	// AppendJournal adds a row.
	AppendJournal(ctx context.Context, e Entry) error
	// JournalOf returns the rows of the operations, in order.
	JournalOf(ctx context.Context, ops []id.Operation) ([]Entry, error)
}
