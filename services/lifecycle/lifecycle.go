// Package lifecycle is the foundation that every other package of this module
// stands on: who caused a change, and the typed errors. It knows no site, no
// domain, no database and no wire format.
//
// The module is a library and a service. As a library:
//
//	cp, err := app.New(app.WithStore(s), app.WithEdge(e), app.WithTunnel(t), app.WithDNS(d))
//	cp.Start(ctx)
//	handler := api.New(cp).Handler()
//
// Any implementation of the three interfaces in package infra will do.
package lifecycle

import "time"

// Cause says who made a change, why, and where its trace is. Every history row
// and every condition carries one.
type Cause struct {
	// Actor is who caused it: "key:<id>" for a caller, "worker:<kind>" for our
	// own work.
	Actor string
	// Reason is one short sentence for a person.
	Reason string
	// OperationID is the operation that did it, empty when none did.
	OperationID string
	// TraceID is the trace it happened in, 32 hex digits.
	TraceID string
	// At is when it happened.
	At time.Time
}

// Change is one row of an object's history: an event that the transition table
// of its machine allows. History is one unbroken chain per object; the first
// row has an empty From.
type Change struct {
	// ObjectID is the site or domain.
	ObjectID string
	// TenantID owns the object.
	TenantID string
	// From is the status before, empty for the first row.
	From string
	// Event is the event of the transition table, "create" for the first row.
	Event string
	// To is the status after.
	To string
	Cause
}
