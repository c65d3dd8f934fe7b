package relational

import (
	"context"
	"fmt"
	"time"

	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/auth"
	"github.com/siteplane/siteplane/services/lifecycle/id"
)

const keyColumns = `id, tenant_id, name, role, hash, site_ids, created_at, expires_at, revoked_at, used_at`

func scanKey(r Row) (k auth.Key, err error) {
	var hash []byte
	err = r.Scan(&k.ID, &k.TenantID, &k.Name, &k.Role, &hash, scope{&k.Sites},
		moment{&k.CreatedAt}, moment{&k.ExpiresAt}, moment{&k.RevokedAt}, moment{&k.UsedAt})
	copy(k.Hash[:], hash)
	return k, err
}

// scope scans the sites of a key. NULL is nil, which is every site of the tenant; an
// empty list is none of them and must never become nil.
type scope struct{ to *[]id.Site }

func (s scope) Scan(stored any) error {
	switch v := stored.(type) {
	case nil:
		*s.to = nil
		return nil
	case string:
		return decode("list of sites", v, s.to)
	}
	return fmt.Errorf("a list of sites is stored as %T", stored)
}

// scoped is how the sites of a key are stored.
func scoped(sites []id.Site) any {
	if sites == nil {
		return nil
	}
	return list(sites)
}

// InsertKey writes a key.
func (t *Tx) InsertKey(ctx context.Context, k auth.Key) error {
	err := t.later(ctx, "insert the key", `
		INSERT INTO api_key (`+keyColumns+`) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		k.ID, k.TenantID, k.Name, k.Role, k.Hash[:], scoped(k.Sites),
		stamp(k.CreatedAt), stamp(k.ExpiresAt), stamp(k.RevokedAt), stamp(k.UsedAt))
	if breaks(err, ForeignKey) {
		return missingTenant(k.TenantID)
	}
	return err
}

// GetKey returns a key, revoked or not.
func (t *Tx) GetKey(ctx context.Context, key id.Key) (auth.Key, error) {
	k, ok, err := one(ctx, t, "read the key", scanKey, `SELECT `+keyColumns+` FROM api_key WHERE id = ?`, key)
	if err == nil && !ok {
		err = missingKey(key)
	}
	return k, err
}

func missingKey(key id.Key) error { return &lifecycle.NotFoundError{Kind: "key", ID: string(key)} }

// ListKeys returns a page of a tenant's keys, newest first.
func (t *Tx) ListKeys(ctx context.Context, tenant id.Tenant, page auth.Page) ([]auth.Key, error) {
	q := where(`SELECT `+keyColumns+` FROM api_key WHERE tenant_id = ?`, tenant)
	if !page.All {
		q.and(`revoked_at IS NULL AND (expires_at IS NULL OR expires_at > ?)`, stamp(page.At))
	}
	return all(ctx, t, "list the keys", scanKey, q.page(string(page.Before), false, page.Limit), q.args...)
}

// RevokeKey ends a key at a time; a key that has ended stays as it is.
func (t *Tx) RevokeKey(ctx context.Context, key id.Key, at time.Time) error {
	n, err := t.exec(ctx, "revoke the key",
		`UPDATE api_key SET revoked_at = coalesce(revoked_at, ?) WHERE id = ?`, stamp(at), key)
	if err == nil && n == 0 {
		return missingKey(key)
	}
	return err
}

// UseKey writes down when a key was last used; it never goes back.
func (t *Tx) UseKey(ctx context.Context, key id.Key, at time.Time) error {
	n, err := t.exec(ctx, "write down the use of the key",
		`UPDATE api_key SET used_at = greatest(coalesce(used_at, ?), ?) WHERE id = ?`, stamp(at), stamp(at), key)
	if err == nil && n == 0 {
		return missingKey(key)
	}
	return err
}
