package storetest

import (
	"crypto/sha256"
	"time"

	"github.com/siteplane/siteplane/services/lifecycle/auth"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/store"
)

var tenantTests = []test{
	{"a tenant is kept and found by its name and its id", tenantIsKept},
	{"tenants are listed by name", tenantsAreListed},
	{"a tenant's name is taken once", tenantNameIsTaken},
	{"an unknown tenant is not found", unknownTenant},
	{"a key is kept as it was written", keyIsKept},
	{"an unknown key is not found", unknownKey},
	{"a key of an unknown tenant is refused", keyOfUnknownTenant},
	{"a revoked key says since when, and stays so", keyIsRevoked},
}

func tenantIsKept(f *fixture) {
	want := auth.Tenant{ID: id.NewTenant(), Name: "acme", CreatedAt: f.now}
	f.update(func(tx store.Tx) error { return tx.InsertTenant(f.ctx, want) })
	equal(f, read(f, func(tx store.Tx) (auth.Tenant, error) { return tx.TenantByName(f.ctx, "acme") }), want)
	equal(f, read(f, func(tx store.Tx) (auth.Tenant, error) { return tx.GetTenant(f.ctx, want.ID) }), want)
}

func tenantsAreListed(f *fixture) {
	later := auth.Tenant{ID: id.NewTenant(), Name: "zebra", CreatedAt: f.now.Add(time.Hour)}
	first := auth.Tenant{ID: id.NewTenant(), Name: "acme", CreatedAt: f.now}
	f.update(func(tx store.Tx) error {
		f.must(tx.InsertTenant(f.ctx, later))
		return tx.InsertTenant(f.ctx, first)
	})
	want := []auth.Tenant{first, {ID: f.tenant, Name: "default", CreatedAt: f.now}, later}
	equal(f, read(f, func(tx store.Tx) ([]auth.Tenant, error) { return tx.ListTenants(f.ctx) }), want)
}

func tenantNameIsTaken(f *fixture) {
	again := auth.Tenant{ID: id.NewTenant(), Name: "default", CreatedAt: f.now}
	f.taken(f.try(func(tx store.Tx) error { return tx.InsertTenant(f.ctx, again) }), "tenant", "default")
}

func unknownTenant(f *fixture) {
	f.notFound(f.try(func(tx store.Tx) error {
		_, err := tx.TenantByName(f.ctx, "nobody")
		return err
	}), "tenant", "nobody")
	f.notFound(f.try(func(tx store.Tx) error {
		_, err := tx.GetTenant(f.ctx, "ten_1")
		return err
	}), "tenant", "ten_1")
}

func (f *fixture) newKey() auth.Key {
	f.Helper()
	k := auth.Key{
		ID: id.NewKey(), TenantID: f.tenant, Name: "laptop", Role: auth.Operator,
		Hash: sha256.Sum256([]byte("secret")), CreatedAt: f.now,
	}
	f.update(func(tx store.Tx) error { return tx.InsertKey(f.ctx, k) })
	return k
}

func (f *fixture) getKey(k auth.Key) auth.Key {
	f.Helper()
	return read(f, func(tx store.Tx) (auth.Key, error) { return tx.GetKey(f.ctx, k.ID) })
}

func keyIsKept(f *fixture) {
	k := f.newKey()
	equal(f, f.getKey(k), k)
}

func unknownKey(f *fixture) {
	f.notFound(f.try(func(tx store.Tx) error {
		_, err := tx.GetKey(f.ctx, "key_1")
		return err
	}), "key", "key_1")
	f.notFound(f.try(func(tx store.Tx) error { return tx.RevokeKey(f.ctx, "key_1", f.now) }), "key", "key_1")
}

func keyOfUnknownTenant(f *fixture) {
	k := auth.Key{ID: id.NewKey(), TenantID: "ten_1", Name: "laptop", Role: auth.Admin, CreatedAt: f.now}
	f.notFound(f.try(func(tx store.Tx) error { return tx.InsertKey(f.ctx, k) }), "tenant", "ten_1")
}

func keyIsRevoked(f *fixture) {
	k := f.newKey()
	for _, at := range []time.Time{f.now.Add(time.Minute), f.now.Add(time.Hour)} {
		f.update(func(tx store.Tx) error { return tx.RevokeKey(f.ctx, k.ID, at) })
	}
	k.RevokedAt = f.now.Add(time.Minute)
	equal(f, f.getKey(k), k)
}
