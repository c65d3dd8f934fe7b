// Package monitor owns what must hold of the rows in the database whatever happens,
// as a table that is checked in production and by tests alike. A monitor is a
// promise with a name; the faults are the ways in which it can be broken; a store
// looks for one fault at a time. docs/doctor.md says what to do about each.
//
// Checks only read, on the snapshot of the transaction that they are given, and what
// they return is bounded: they count everything and show the oldest. They know no
// infrastructure: what an edge or a tunnel really holds is observed elsewhere, and
// kept as drift.
package monitor

import (
	"context"
	"errors"
	"time"
)

// ID is that of the project's fault catalogue, for instance M1.
type ID string

// Severity says how bad a finding is.
type Severity string

// The severities.
const (
	// Warning: something waits too long; it may go on by itself.
	Warning Severity = "warning"
	// Critical: something is there that must never be: a defect, or a change by hand.
	Critical Severity = "critical"
)

// Monitor is one promise.
type Monitor struct {
	ID ID
	// Name is what to search for, such as duplicate-claims.
	Name string
	// Says is what must hold, in one sentence.
	Says     string
	Severity Severity
	// Remedy is what to do when it does not, in one sentence.
	Remedy string

	searches []search
}

// search is how one fault is looked for.
type search struct {
	fault Fault
	// detail makes a sentence of what was seen.
	detail string
	query  func(s Settings) Query
}

// Fault is one way in which a promise can be broken.
type Fault string

// The faults. Each comment says which objects are Suspects, what is Seen of them, and
// what Query.Before and Accept are; nothing about those means that they are not asked.
const (
	// TwiceVerified: domains whose hostname another domain holds, too. Seen is the
	// hostname.
	TwiceVerified Fault = "twice verified"
	// Unproved: ACTIVE domains for which no evidence of an accepted kind was ever
	// positive for their tenant. Seen is the hostname.
	Unproved Fault = "unproved"
	// Contradicted: ACTIVE domains of tenants that evidence of an accepted kind
	// contradicts since before a time. Seen is the hostname.
	Contradicted Fault = "contradicted"
	// Competing: operations of an object that has another one that has not ended. Seen
	// is the object.
	Competing Fault = "competing"
	// Unchained: rows of history that do not begin where the row before of their object
	// ended. Of these and the next two the object is Suspect, and Seen names the row.
	Unchained Fault = "unchained"
	// Forbidden: rows of history that no accepted transition is; see Transition.
	Forbidden Fault = "forbidden"
	// Uncaused: rows of history without actor, reason or trace.
	Uncaused Fault = "uncaused"
	// Unwritten: sites and domains whose status is not where their history ends. Seen
	// is the status.
	Unwritten Fault = "unwritten"
	// Abandoned: operations RUNNING or COMPENSATING whose work could be claimed since
	// before a time. Seen is the object.
	Abandoned Fault = "abandoned"
	// Forgotten: operations that have not ended, with no work to come, and have not
	// changed since before a time. Seen is the object.
	Forgotten Fault = "forgotten"
	// Unplaced: events from before a time that have no place in the order in which they
	// are read. Seen is the type.
	Unplaced Fault = "unplaced"
	// Ahead: edges and tunnels that have proved a generation which was never given.
	// Seen is their name.
	Ahead Fault = "ahead"
	// Behind: edges and tunnels that have not proved a change whose operation stands
	// still since before a time, or that have not proved their generation and were not
	// seen since. Seen is their name.
	Behind Fault = "behind"
	// Drifted: open drifts that are ours to repair, found before a time. Seen is the
	// kind with the target.
	Drifted Fault = "drifted"
	// Late: the work of each tenant that could be claimed for the longest time, since
	// before a time; that without a tenant is one more. Seen is its kind.
	Late Fault = "late"
	// Shared: tables without a tenant, none of those that are common. Seen is the
	// name.
	Shared Fault = "shared"
)

// Query asks for what has a fault.
type Query struct {
	// Before is the time from which on a thing is too young to be a fault.
	Before time.Time
	// Accept are values that are right.
	Accept []string
	// Newest is how many of the newest rows of history are read, 0 for all.
	Newest int
	// Limit is how many suspects are returned at most.
	Limit int
}

// Suspect is what a store found.
type Suspect struct {
	ObjectID string
	// TenantID is empty for what is the installation's.
	TenantID string
	// Seen is what the detail is made of.
	Seen string
	// Since is when it began, as far as that can be told.
	Since time.Time
}

// ErrDoesNotApply says that a store cannot have a fault.
var ErrDoesNotApply = errors.New("the store cannot have this fault")

// Store looks for faults inside the caller's transaction.
type Store interface {
	// Suspects returns what has a fault, the oldest first and then by id, up to the
	// limit, and how many there are. A fault that the store cannot have is
	// ErrDoesNotApply.
	Suspects(ctx context.Context, f Fault, q Query) (found []Suspect, total int, err error)
}
