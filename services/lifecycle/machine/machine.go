// Package machine turns a transition table into the one thing that may decide a
// status. A table is data: each row names the states it leaves, the event, and
// the state it enters. Machines know nothing of sites, domains or databases.
package machine

import (
	"slices"

	"github.com/siteplane/siteplane/services/lifecycle"
)

// Transition is one row of a table.
type Transition[S, E ~string] struct {
	// From lists the states that the event may leave.
	From []S
	// Event is what happened.
	Event E
	// To is the state that is entered.
	To S
	// When says what must hold; for people, it ends up in the docs.
	When string
}

// Machine is a named transition table.
type Machine[S, E ~string] struct {
	// Name is "site" or "domain".
	Name string
	// Initial is the state of a new object.
	Initial S
	// Table holds the rows; a pair of state and event occurs at most once.
	Table []Transition[S, E]
}

// Next returns the state that event leads to from a state. A pair without a row
// is an *lifecycle.IllegalTransitionError.
func (m Machine[S, E]) Next(from S, event E) (S, error) {
	for _, row := range m.Table {
		if row.Event == event && slices.Contains(row.From, from) {
			return row.To, nil
		}
	}
	return "", &lifecycle.IllegalTransitionError{Machine: m.Name, From: string(from), Event: string(event)}
}

// Allows reports whether a state takes an event.
func (m Machine[S, E]) Allows(from S, event E) bool {
	_, err := m.Next(from, event)
	return err == nil
}

// States returns every state of the table, the initial one first, the others in
// the order in which the table first names them.
func (m Machine[S, E]) States() []S {
	states := []S{m.Initial}
	add := func(s S) {
		if !slices.Contains(states, s) {
			states = append(states, s)
		}
	}
	for _, row := range m.Table {
		for _, s := range row.From {
			add(s)
		}
		add(row.To)
	}
	return states
}

// Events returns every event in the order of the table.
func (m Machine[S, E]) Events() []E {
	var events []E
	for _, row := range m.Table {
		if !slices.Contains(events, row.Event) {
			events = append(events, row.Event)
		}
	}
	return events
}
