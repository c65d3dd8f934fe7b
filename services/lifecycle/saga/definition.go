package saga

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/siteplane/siteplane/services/lifecycle/worker"
)

// Tx is what the engine itself needs inside a transaction; definitions may need
// more.
type Tx interface {
	Store
	worker.Store
}

// Definition is an operation as data: its steps in order, and what its failure
// means for the object.
type Definition[T Tx] struct {
	// Kind names the operation, for instance "create_site".
	Kind string
	// Steps are walked in order and undone in reverse.
	Steps []Step[T]
	// MaxAttempts bounds the failures of one step; then the operation
	// compensates.
	MaxAttempts int
	// Fail moves the object when the operation has failed and is undone. It
	// runs in the transaction that ends the operation.
	Fail func(ctx context.Context, tx T, op Operation) error
}

// Step is one step of an operation. All functions but Confirm and Undone run
// inside a transaction and must not leave the process; those two must not write.
// Any may be nil.
type Step[T Tx] struct {
	// Name is a verb phrase such as "publish".
	Name string
	// Skip says that there is nothing to do; nothing is journaled then.
	Skip func(ctx context.Context, tx T, op Operation) (bool, error)
	// Apply writes wanted columns and change rows, with the intent, and says whether
	// there was anything to write. What was there before is not undone: this
	// operation did not make it.
	Apply func(ctx context.Context, tx T, op Operation) (made bool, err error)
	// Confirm reads what infrastructure shows. Nil confirms at once.
	Confirm func(ctx context.Context, op Operation) (Confirmation[T], error)
	// Commit moves the object's status, with the outcome.
	Commit func(ctx context.Context, tx T, op Operation) error
	// Compensate sets back what Apply wrote. It is called only if Apply made
	// something, or is nil.
	Compensate func(ctx context.Context, tx T, op Operation) error
	// Undone reads whether the compensation has arrived. Nil says at once.
	Undone func(ctx context.Context, op Operation) (Confirmation[T], error)
}

// Confirmation is what a look at infrastructure gave.
type Confirmation[T Tx] struct {
	// Done says that it is as wanted.
	Done bool
	// Response is what the other side answered; it is journaled and logged as
	// JSON, so it must hold no secret.
	Response any
	// Reason and Message say what is missing while Done is false.
	Reason  string
	Message string
	// RetryAfter is when to look again while Done is false; a mark may come
	// first.
	RetryAfter time.Duration
	// WaitingFor names the outsider that must act first. The operation then
	// ends, SUCCEEDED: no operation waits for an outsider.
	WaitingFor string
	// Record writes what was seen, in the transaction that notes the look,
	// whatever came of it.
	Record func(ctx context.Context, tx T) error
}

// PermanentError says that trying again is of no use.
type PermanentError struct {
	// Reason is a diagnosis code.
	Reason string
	// Err is the cause.
	Err error
}

func (e *PermanentError) Error() string { return fmt.Sprintf("%s: %v", e.Reason, e.Err) }

// Unwrap returns the cause.
func (e *PermanentError) Unwrap() error { return e.Err }

// permanent returns the permanent error in a chain.
func permanent(err error) (*PermanentError, bool) {
	var p *PermanentError
	ok := errors.As(err, &p)
	return p, ok
}
