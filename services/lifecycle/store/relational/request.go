package relational

import (
	"context"
	"time"

	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/store"
)

// GetRequest returns the request of an id.
func (t *Tx) GetRequest(ctx context.Context, tenant id.Tenant, requestID string) (store.Request, bool, error) {
	return one(ctx, t, "read the request", scanRequest, `
		SELECT tenant_id, id, hash, object_id, answer, created_at FROM request WHERE tenant_id = ? AND id = ?`, tenant, requestID)
}

func scanRequest(r Row) (v store.Request, err error) {
	var hash []byte
	err = r.Scan(&v.TenantID, &v.ID, &hash, &v.ObjectID, &v.Answer, moment{&v.CreatedAt})
	copy(v.Hash[:], hash)
	return v, err
}

// InsertRequest notes an answered request.
func (t *Tx) InsertRequest(ctx context.Context, r store.Request) error {
	err := t.later(ctx, "insert the request",
		`INSERT INTO request (tenant_id, id, hash, object_id, answer, created_at) VALUES (?, ?, ?, ?, ?, ?)`,
		r.TenantID, r.ID, r.Hash[:], r.ObjectID, r.Answer, stamp(r.CreatedAt))
	switch {
	case breaks(err, "request.id"):
		return lifecycle.ErrLostRace
	case breaks(err, ForeignKey):
		return missingTenant(r.TenantID)
	}
	return err
}

// PruneRequests deletes up to limit of the requests from before a time, the oldest
// first.
func (t *Tx) PruneRequests(ctx context.Context, before time.Time, limit int) error {
	err := t.later(ctx, "prune the requests", `
		DELETE FROM request WHERE (tenant_id, id) IN (
			SELECT tenant_id, id FROM request WHERE created_at < ? ORDER BY created_at LIMIT ? FOR UPDATE SKIP LOCKED)`, stamp(before), limit)
	return err
}
