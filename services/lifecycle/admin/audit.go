package admin

import (
	"time"

	"github.com/siteplane/siteplane/services/lifecycle/id"
)

// Entry is one change that a caller asked for, written in the transaction that made
// it. Entries are never changed and never deleted.
type Entry struct {
	// Seq orders the entries; assigned by the store.
	Seq int64
	// TenantID is the tenant whose object it was, empty for the installation's.
	TenantID id.Tenant
	// Actor is the caller, Address the network address of the call; empty where no
	// call was made.
	Actor, Address string
	// Action is the name of the RPC, for instance "UpdateSite".
	Action   string
	ObjectID string
	// Before and After are the object as JSON objects, empty where there was none.
	Before, After string
	TraceID       string
	RequestID     string
	At            time.Time
}

// AuditPage asks for a part of the audit, newest first.
type AuditPage struct {
	// TenantID limits it to one tenant, empty for all and the installation.
	TenantID id.Tenant
	// ObjectID and Actor limit it further, unless they are empty.
	ObjectID, Actor string
	// Before is the last number of the page before, 0 for the first page.
	Before int64
	// Limit is the largest number of rows.
	Limit int
}
