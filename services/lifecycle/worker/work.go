// Package worker owns the one table of things that are due and the loop that
// claims them. Work is level-triggered and keyed: marking a key says "look at
// this object", never what to do. A mark during a lease makes the object due
// again, so nothing is lost between a look and its end.
//
//	            Mark                 Claim                Finish
//	(nothing) -------> dirty, due -----------> leased --------------> clean
//	                      ^                      |  |  marked again     |
//	                      +----------------------+  +--> dirty, due     |
//	                      |    later: not done yet                      |
//	                      +---------------------------------------------+
//	                                         Mark
//
// The epoch of a row fences: each claim raises it, each deletion of the object
// raises it, and whatever a worker writes about the object first checks it.
package worker

import (
	"context"
	"time"
)

// Kind names what a key is the key of.
type Kind string

// The kinds of work.
const (
	// Site drives the operations of a site; the key is its id.
	Site Kind = "site"
	// Domain brings a domain forward; the key is its id.
	Domain Kind = "domain"
	// Edge brings an edge to what is desired; the key is its id.
	Edge Kind = "edge"
	// Tunnel brings a tunnel to what is desired; the key is its id.
	Tunnel Kind = "tunnel"
)

// Mark says that an object is to be looked at.
type Mark struct {
	Kind     Kind
	Key      string
	TenantID string
	// DueAt is when; an earlier due time that is already noted stays.
	DueAt time.Time
	// TraceParent is the trace that the look belongs to, W3C; empty keeps the
	// noted one.
	TraceParent string
}

// Work is a claimed row.
type Work struct {
	Kind        Kind
	Key         string
	TenantID    string
	TraceParent string
	// WantedSeq is the mark that the claim answers.
	WantedSeq int64
	// Epoch fences the claim.
	Epoch uint64
	// Failures counts the claims before this one that failed, since the last that
	// did not.
	Failures int
	// Unended counts the claims, this one included, that never ended or ended in a
	// panic, since the last that ended otherwise: each may have killed its process.
	Unended int
}

// Store keeps work inside the caller's transaction.
type Store interface {
	// MarkWork makes an object due, inserting its row if there is none.
	MarkWork(ctx context.Context, m Mark) error
	// HoldWork returns lifecycle.ErrFenced unless the row's epoch is still that
	// of the claim.
	HoldWork(ctx context.Context, w Work) error
	// FailWork ends a claim that failed: the row stays dirty and is due then, or when
	// a mark during the claim said, if that is earlier. Failures grows; Unended is
	// 0 then unless the claim panicked. A row taken over or deleted is left alone.
	FailWork(ctx context.Context, w Work, next time.Time, panicked bool) error
	// FinishWork ends a claim; Failures and Unended are 0 then. With a zero next the row is clean unless it was
	// marked again; with a next it stays dirty and is due then. What was marked
	// during the claim is due when the mark said, if that is earlier. A row
	// taken over or deleted is left alone.
	FinishWork(ctx context.Context, w Work, next time.Time) error
	// FenceWork raises the epoch of an object's row, so that a running claim
	// can write no more, and ends its lease, so that the next need not wait.
	FenceWork(ctx context.Context, kind Kind, key string) error
	// NextDue returns when the next row is due or its lease ends; ok is false
	// when there is none.
	NextDue(ctx context.Context) (at time.Time, ok bool, err error)
	// DueAt returns when an object is due next; ok is false when it is clean.
	DueAt(ctx context.Context, kind Kind, key string) (at time.Time, ok bool, err error)
	// ReleaseLeases ends the leases of an owner; what it had claimed is due at once.
	// An empty owner stands for all of them, which only the process that has the
	// database alone may end.
	ReleaseLeases(ctx context.Context, owner string) error
}

// Queue hands out work. A claim is a transaction of its own, so that replicas that
// claim at the same time pass each other's rows by instead of waiting.
type Queue interface {
	// ClaimWork leases rows that are dirty, due and not leased, the longest due
	// first, and raises epoch and Unended of each; next is when the next row is due
	// or its lease ends, zero when there is none. Rows of full tenants count for
	// neither. The database's clock
	// says what is due and until when a lease holds. A noted trace is taken by the
	// claim: a later look does not belong to it.
	ClaimWork(ctx context.Context, c Claim) (claimed []Work, next time.Time, err error)
}

// Claim says what to claim.
type Claim struct {
	// Owner names the process that claims.
	Owner string
	// Lease is how long the claim holds.
	Lease time.Duration
	// Limit is how many rows at most.
	Limit int
	// Share is how many rows of one tenant at most; 0 stands for Limit. Rows that
	// belong to no tenant are not counted.
	Share int
	// Full are tenants that have their share already and get nothing.
	Full []string
}
