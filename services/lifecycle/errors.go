package lifecycle

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// ErrLostRace says that somebody else changed the object in between; reading
// it again and repeating is right.
var ErrLostRace = errors.New("the object changed in between")

// ErrFenced says that the caller's lease on an object was taken over; whatever
// it was about to write must not be written.
var ErrFenced = errors.New("the lease was taken over")

// NotFoundError says that an object does not exist, or is not the caller's; the
// two are never told apart.
type NotFoundError struct {
	// Kind is "site", "domain", "edge", ...
	Kind string
	// ID is what was asked for.
	ID string
}

func (e *NotFoundError) Error() string { return fmt.Sprintf("%s %q not found", e.Kind, e.ID) }

// TakenError says that a name belongs to a live object already.
type TakenError struct {
	// Kind is "slug", "hostname", "tenant" or "request id".
	Kind string
	// Name is the name.
	Name string
}

func (e *TakenError) Error() string { return fmt.Sprintf("%s %q is taken", e.Kind, e.Name) }

// IllegalTransitionError says that a transition table has no row for a status
// and an event.
type IllegalTransitionError struct {
	// Machine is "site" or "domain".
	Machine string
	// From is the present status.
	From string
	// Event is what was asked for.
	Event string
}

func (e *IllegalTransitionError) Error() string {
	return fmt.Sprintf("a %s in %s does not take the event %q", e.Machine, e.From, e.Event)
}

// PreconditionError says that something else must be done before what was asked.
type PreconditionError struct {
	// Message says what, for a person.
	Message string
}

func (e *PreconditionError) Error() string { return e.Message }

// UndecodableError says that what is stored makes no sense to this version.
// Reading it again is of no use.
type UndecodableError struct {
	// What is the thing, for instance "spec".
	What string
	// Err is the cause.
	Err error
}

func (e *UndecodableError) Error() string { return fmt.Sprintf("undecodable %s: %v", e.What, e.Err) }

// Unwrap returns the cause.
func (e *UndecodableError) Unwrap() error { return e.Err }

// UnavailableError says that something we need does not answer.
type UnavailableError struct {
	// What is the thing, for instance "database".
	What string
	// RetryAfter is when it is worth another try.
	RetryAfter time.Duration
	// Err is the cause.
	Err error
}

func (e *UnavailableError) Error() string { return fmt.Sprintf("%s unavailable: %v", e.What, e.Err) }

// Unwrap returns the cause.
func (e *UnavailableError) Unwrap() error { return e.Err }

// Uncounted says that no operation comes nearer to failure by this.
func (e *UnavailableError) Uncounted() bool { return true }

// Violation is one wrong field of a request.
type Violation struct {
	// Field is its path, for instance "site.spec.origin.targets[0].address".
	Field string
	// Description says what is wrong and what would be right.
	Description string
	// Reason is a diagnosis code, for instance NAME_INVALID; may be empty.
	Reason string
}

// InvalidError lists every wrong field of a request.
type InvalidError struct {
	// Violations is never empty.
	Violations []Violation
}

func (e *InvalidError) Error() string {
	parts := make([]string, len(e.Violations))
	for i, v := range e.Violations {
		parts[i] = v.Field + ": " + v.Description
	}
	return "invalid: " + strings.Join(parts, "; ")
}

// Violations collects what is wrong with a request.
type Violations []Violation

// Add notes one wrong field.
func (v *Violations) Add(field, format string, args ...any) {
	*v = append(*v, Violation{Field: field, Description: fmt.Sprintf(format, args...)})
}

// AddReason notes one wrong field with a diagnosis code.
func (v *Violations) AddReason(field, reason, format string, args ...any) {
	*v = append(*v, Violation{Field: field, Description: fmt.Sprintf(format, args...), Reason: reason})
}

// Err returns an InvalidError, or nil when nothing was noted.
func (v Violations) Err() error {
	if len(v) == 0 {
		return nil
	}
	return &InvalidError{Violations: v}
}
