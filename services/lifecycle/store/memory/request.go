package memory

import (
	"cmp"
	"context"
	"time"

	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/store"
)

var requestCreated = &index[store.Request]{
	then: func(a, b *store.Request) int { return a.CreatedAt.Compare(b.CreatedAt) },
}

var requestSchema = &schema[store.Request]{
	key: &index[store.Request]{
		unique: "request.id",
		by: func(a, b *store.Request) int {
			return cmp.Or(cmp.Compare(a.TenantID, b.TenantID), cmp.Compare(a.ID, b.ID))
		},
	},
	others: []*index[store.Request]{requestCreated},
	keep:   func(r *store.Request) { micro(&r.CreatedAt) },
	rules: []rule[store.Request]{
		{"request.created_at", func(r *store.Request) bool { return set(r.CreatedAt) }},
	},
	refers: func(t *tx, r *store.Request) error { return t.knows(r.TenantID) },
}

// GetRequest returns the request of an id.
func (t *tx) GetRequest(_ context.Context, tenant id.Tenant, requestID string) (store.Request, bool, error) {
	r, ok := t.requests.get(store.Request{TenantID: tenant, ID: requestID})
	return r, ok, nil
}

// InsertRequest notes an answered request.
func (t *tx) InsertRequest(_ context.Context, r store.Request) error {
	err := t.requests.insert(t, r)
	if breaks(err, requestSchema.key.unique) {
		return lifecycle.ErrLostRace
	}
	return err
}

// PruneRequests deletes up to limit of the requests from before a time, the oldest
// first.
func (t *tx) PruneRequests(_ context.Context, before time.Time, limit int) error {
	oldest := t.requests.in(requestCreated, store.Request{})
	for _, r := range t.requests.list(oldest, limit, func(r *store.Request) bool { return r.CreatedAt.Before(before) }) {
		if _, err := t.requests.remove(t, r); err != nil {
			return err
		}
	}
	return t.requests.own(t)
}
