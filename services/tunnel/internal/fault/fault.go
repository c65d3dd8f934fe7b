// Package fault owns the ways in which a backend fails, as far as its callers
// must tell them apart.
//
// It must not know any backend, nor what a fault is called on the wire.
//
// Invariant: no text of a fault holds a credential; all of it may be shown to
// the operator.
package fault

import "time"

// Invalid is a field of a request that cannot be used.
type Invalid struct{ Field, Problem string }

// Error names the field.
func (e *Invalid) Error() string { return e.Field + " " + e.Problem }

// Unavailable says that the provider did not answer, answered what cannot be
// believed, or must not be asked now. What it holds is unknown.
type Unavailable struct {
	Message string
	// RetryAfter is how long to wait; zero: the caller's choice.
	RetryAfter time.Duration
}

// Error returns the message.
func (e *Unavailable) Error() string { return e.Message }

// Permission says that the provider refuses the token, or something that it
// needs to be allowed.
type Permission struct {
	// Needed is the permission as the provider spells it.
	Needed  string
	Message string
}

// Error returns the message.
func (e *Permission) Error() string { return e.Message }

// Unsupported says that the backend cannot do this at all.
type Unsupported struct{ Message string }

// Error returns the message.
func (e *Unsupported) Error() string { return e.Message }
