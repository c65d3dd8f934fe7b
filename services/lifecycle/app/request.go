package app

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/store"
)

// RequestID makes a mutation safe to repeat; empty for one that is not.
type RequestID string

// InProgressError says that the first request of an id is still at work.
type InProgressError struct{ ID RequestID }

func (e *InProgressError) Error() string {
	return fmt.Sprintf("the first request with the id %q is still at work", string(e.ID))
}

// pruned bounds how many old answers each kept one takes along, so that they go
// without a worker of their own.
const pruned = 20

// request is one call that may be repeated: its id, whose it is, and what it asked
// for.
type request struct {
	id     RequestID
	tenant id.Tenant
	hash   [32]byte
}

// newRequest names a call by its action and everything that was asked for; that of a
// key for single sites by these, too: what another key was answered may be about sites
// that it does not know.
func newRequest(a ask) (request, error) {
	raw, err := json.Marshal(a.body)
	if err != nil {
		return request{}, fmt.Errorf("hash the request: %w", err)
	}
	whole := append([]byte(a.action+"\n"), raw...)
	for _, site := range a.by.Sites {
		whole = append(whole, "\n"+site...)
	}
	return request{id: a.request, tenant: a.by.TenantID, hash: sha256.Sum256(whole)}, nil
}

// replay puts what the first request of this id was answered into answer. The same
// id with another body is a *lifecycle.TakenError.
func (r request) replay(ctx context.Context, tx store.RequestStore, answer any) (replayed bool, err error) {
	if r.id == "" {
		return false, nil
	}
	first, ok, err := tx.GetRequest(ctx, r.tenant, string(r.id))
	switch {
	case err != nil || !ok:
		return false, err
	case first.Hash != r.hash:
		return false, &lifecycle.TakenError{Kind: "request id", Name: string(r.id)}
	case first.Answer == "":
		return false, &lifecycle.PreconditionError{
			Message: "the request was answered by an earlier version, which kept no answer; read " + first.ObjectID,
		}
	}
	if err := json.Unmarshal([]byte(first.Answer), answer); err != nil {
		return false, &lifecycle.UndecodableError{What: "answer", Err: err}
	}
	return true, nil
}

// keep notes what the request was answered, and lets go of answers from before a
// time, whosever they are: who calls no more takes none of its own along.
func (r request) keep(ctx context.Context, tx store.RequestStore, objectID string, answer any, at, before time.Time) error {
	if r.id == "" {
		return nil
	}
	raw, err := json.Marshal(answer)
	if err != nil {
		return fmt.Errorf("keep the answer: %w", err)
	}
	if err := tx.PruneRequests(store.AcrossTenants(ctx), before, pruned); err != nil {
		return err
	}
	return tx.InsertRequest(ctx, store.Request{
		TenantID: r.tenant, ID: string(r.id), Hash: r.hash, ObjectID: objectID, Answer: string(raw), CreatedAt: at,
	})
}

// running are the requests with an id that are at work in this process. Those of
// another process are met at the database, by lifecycle.ErrLostRace.
type running struct {
	mu  sync.Mutex
	ids map[[2]string]bool
}

// begin marks a request as at work until end is called. One that is at work already
// is an *InProgressError.
func (r *running) begin(req request) (end func(), err error) {
	if req.id == "" {
		return func() {}, nil
	}
	key := [2]string{string(req.tenant), string(req.id)}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ids[key] {
		return nil, &InProgressError{ID: req.id}
	}
	if r.ids == nil {
		r.ids = map[[2]string]bool{}
	}
	r.ids[key] = true
	return func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		delete(r.ids, key)
	}, nil
}
