package app

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"time"

	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/store"
)

// RequestID makes a mutation safe to repeat; empty for one that is not.
type RequestID string

// hash is over the method and everything that the caller asked for.
func (r RequestID) hash(method string, body any) ([32]byte, error) {
	raw, err := json.Marshal(body)
	if err != nil {
		return [32]byte{}, fmt.Errorf("hash the request: %w", err)
	}
	return sha256.Sum256(append([]byte(method+"\n"), raw...)), nil
}

// once creates an object, unless the request was answered before: then it is the
// object that the first one made.
func (r RequestID) once(ctx context.Context, tx store.RequestStore, tenant id.Tenant, hash [32]byte, at time.Time, create func() (objectID string, err error)) (string, error) {
	objectID, replayed, err := r.replay(ctx, tx, tenant, hash)
	if err != nil || replayed {
		return objectID, err
	}
	if objectID, err = create(); err != nil {
		return "", err
	}
	return objectID, r.keep(ctx, tx, tenant, hash, objectID, at)
}

// replay returns the object that the first request of this id made. The same id
// with another body is a *lifecycle.TakenError.
func (r RequestID) replay(ctx context.Context, tx store.RequestStore, tenant id.Tenant, hash [32]byte) (objectID string, replayed bool, err error) {
	if r == "" {
		return "", false, nil
	}
	first, ok, err := tx.GetRequest(ctx, tenant, string(r))
	if err != nil || !ok {
		return "", false, err
	}
	if first.Hash != hash {
		return "", false, &lifecycle.TakenError{Kind: "request id", Name: string(r)}
	}
	return first.ObjectID, true, nil
}

// keep notes that the request was answered with an object.
func (r RequestID) keep(ctx context.Context, tx store.RequestStore, tenant id.Tenant, hash [32]byte, objectID string, at time.Time) error {
	if r == "" {
		return nil
	}
	return tx.InsertRequest(ctx, store.Request{TenantID: tenant, ID: string(r), Hash: hash, ObjectID: objectID, CreatedAt: at})
}
