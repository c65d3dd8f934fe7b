package memory

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/auth"
	"github.com/siteplane/siteplane/services/lifecycle/id"
)

var keyOfTenant = &index[auth.Key]{
	by: func(a, b *auth.Key) int { return cmp.Compare(a.TenantID, b.TenantID) },
}

var keySchema = &schema[auth.Key]{
	key: &index[auth.Key]{
		unique: "api_key.id",
		by:     func(a, b *auth.Key) int { return cmp.Compare(a.ID, b.ID) },
	},
	others: []*index[auth.Key]{keyOfTenant},
	keep: func(k *auth.Key) {
		micro(&k.CreatedAt, &k.ExpiresAt, &k.RevokedAt, &k.UsedAt)
		k.Sites = slices.Clone(k.Sites) // an empty list is no site, and nil is every one
	},
	rules: []rule[auth.Key]{
		{"api_key.created_at", func(k *auth.Key) bool { return set(k.CreatedAt) }},
		{"api_key.role", func(k *auth.Key) bool { return k.Role.Includes(auth.Viewer) }},
	},
	refers: func(t *tx, k *auth.Key) error { return t.knows(k.TenantID) },
}

// InsertKey writes a key.
func (t *tx) InsertKey(_ context.Context, k auth.Key) error { return t.keys.insert(t, k) }

// GetKey returns a key, revoked or not.
func (t *tx) GetKey(_ context.Context, key id.Key) (auth.Key, error) {
	k, ok := t.keys.get(auth.Key{ID: key})
	if !ok {
		return k, &lifecycle.NotFoundError{Kind: "key", ID: string(key)}
	}
	return k, nil
}

// ListKeys returns a page of a tenant's keys, newest first.
func (t *tx) ListKeys(_ context.Context, tenant id.Tenant, page auth.Page) ([]auth.Key, error) {
	rows := t.keys.back(keyOfTenant, auth.Key{TenantID: tenant, ID: cmp.Or(page.Before, afterAll)})
	return t.keys.list(rows, page.Limit, func(k *auth.Key) bool {
		return k.ID != page.Before && (page.All || k.Valid(page.At))
	}), nil
}

// RevokeKey ends a key at a time; a key that has ended stays as it is.
func (t *tx) RevokeKey(ctx context.Context, key id.Key, at time.Time) error {
	k, err := t.GetKey(ctx, key)
	if err != nil {
		return err
	}
	if k.RevokedAt.IsZero() {
		k.RevokedAt = at
	}
	return t.keys.put(t, k)
}

// UseKey writes down when a key was last used; it never goes back.
func (t *tx) UseKey(ctx context.Context, key id.Key, at time.Time) error {
	k, err := t.GetKey(ctx, key)
	if err != nil {
		return err
	}
	k.UsedAt = later(k.UsedAt, at)
	return t.keys.put(t, k)
}
