package storetest

import (
	"crypto/sha256"
	"time"

	"github.com/siteplane/siteplane/services/lifecycle/auth"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/store"
)

var keyTests = []test{
	{"a key is kept as it was written", keyIsKept},
	{"a key for no site is no key for every site", keyForNoSite},
	{"an unknown key is not found by any method", unknownKey},
	{"a key of an unknown tenant is refused", keyOfUnknownTenant},
	{"a revoked key says since when, and stays so", keyIsRevoked},
	{"a key says when it was used last", keyIsUsed},
	{"a tenant's keys are listed newest first, in pages", keysAreListed},
	{"the list may leave out the keys that are not valid any more", validKeysAreListed},
}

func (f *fixture) blankKey(tenant id.Tenant) auth.Key {
	return auth.Key{
		ID: id.NewKey(), TenantID: tenant, Name: "laptop", Role: auth.Operator,
		Hash: sha256.Sum256([]byte("secret")), CreatedAt: f.now,
	}
}

func (f *fixture) insertKey(k auth.Key) auth.Key {
	f.Helper()
	f.update(func(tx store.Tx) error { return tx.InsertKey(f.ctx, k) })
	return k
}

func (f *fixture) getKey(k auth.Key) auth.Key {
	f.Helper()
	return read(f, func(tx store.Tx) (auth.Key, error) { return tx.GetKey(f.ctx, k.ID) })
}

func (f *fixture) listKeys(page auth.Page) (ids []id.Key) {
	f.Helper()
	for _, k := range read(f, func(tx store.Tx) ([]auth.Key, error) { return tx.ListKeys(f.ctx, f.tenant, page) }) {
		ids = append(ids, k.ID)
	}
	return ids
}

func keyIsKept(f *fixture) {
	k := f.insertKey(f.blankKey(f.tenant))
	equal(f, f.getKey(k), k)
	full := f.blankKey(f.tenant)
	full.Sites = []id.Site{"site_2", "site_1"}
	full.ExpiresAt, full.RevokedAt, full.UsedAt = f.now.Add(time.Hour), f.now.Add(time.Minute), f.now.Add(time.Second)
	f.insertKey(full)
	equal(f, f.getKey(full), full)
}

func keyForNoSite(f *fixture) {
	k := f.blankKey(f.tenant)
	k.Sites = []id.Site{}
	f.insertKey(k)
	equal(f, f.getKey(k), k)
	listed := read(f, func(tx store.Tx) ([]auth.Key, error) {
		return tx.ListKeys(f.ctx, f.tenant, auth.Page{All: true, Limit: 10})
	})
	equal(f, listed, []auth.Key{k})
}

func unknownKey(f *fixture) {
	for _, call := range []func(tx store.Tx) error{
		func(tx store.Tx) error { _, err := tx.GetKey(f.ctx, "key_1"); return err },
		func(tx store.Tx) error { return tx.RevokeKey(f.ctx, "key_1", f.now) },
		func(tx store.Tx) error { return tx.UseKey(f.ctx, "key_1", f.now) },
	} {
		f.notFound(f.try(call), "key", "key_1")
	}
}

func keyOfUnknownTenant(f *fixture) {
	k := f.blankKey("ten_1")
	f.notFound(f.try(func(tx store.Tx) error { return tx.InsertKey(f.ctx, k) }), "tenant", "ten_1")
}

func keyIsRevoked(f *fixture) {
	k, other := f.insertKey(f.blankKey(f.tenant)), f.insertKey(f.blankKey(f.tenant))
	for _, at := range []time.Time{f.now.Add(time.Minute), f.now.Add(time.Hour)} {
		f.update(func(tx store.Tx) error { return tx.RevokeKey(f.ctx, k.ID, at) })
	}
	k.RevokedAt = f.now.Add(time.Minute)
	equal(f, f.getKey(k), k)
	equal(f, f.getKey(other), other)
}

func keyIsUsed(f *fixture) {
	k, other := f.insertKey(f.blankKey(f.tenant)), f.insertKey(f.blankKey(f.tenant))
	// Calls that were made at once may be written down in any order.
	for _, use := range []struct{ at, want time.Duration }{{time.Minute, time.Minute}, {time.Hour, time.Hour}, {time.Minute, time.Hour}} {
		f.update(func(tx store.Tx) error { return tx.UseKey(f.ctx, k.ID, f.now.Add(use.at)) })
		k.UsedAt = f.now.Add(use.want)
		equal(f, f.getKey(k), k)
	}
	equal(f, f.getKey(other), other)
}

func keysAreListed(f *fixture) {
	first, second, third := f.insertKey(f.blankKey(f.tenant)), f.insertKey(f.blankKey(f.tenant)), f.insertKey(f.blankKey(f.tenant))
	f.insertKey(f.blankKey(f.newTenant("stranger")))
	page := auth.Page{All: true, At: f.now, Limit: 2}
	equal(f, f.listKeys(page), []id.Key{third.ID, second.ID})
	page.Before = second.ID
	equal(f, f.listKeys(page), []id.Key{first.ID})
	page.Before = first.ID
	equal(f, f.listKeys(page), nil)
}

func validKeysAreListed(f *fixture) {
	lasting := f.insertKey(f.blankKey(f.tenant))
	ending, revoked := f.blankKey(f.tenant), f.blankKey(f.tenant)
	ending.ExpiresAt, revoked.RevokedAt = f.now.Add(time.Minute), f.now
	f.insertKey(ending)
	f.insertKey(revoked)
	for after, want := range map[time.Duration][]id.Key{
		0:                              {ending.ID, lasting.ID},
		time.Minute - time.Microsecond: {ending.ID, lasting.ID},
		time.Minute - time.Nanosecond:  {ending.ID, lasting.ID},
		time.Minute:                    {lasting.ID},
		time.Hour:                      {lasting.ID},
	} {
		at := f.now.Add(after)
		equal(f, f.listKeys(auth.Page{At: at, Limit: 10}), want)
		equal(f, ending.Valid(at), len(want) == 2)
	}
	equal(f, f.listKeys(auth.Page{At: f.now, Limit: 10, Before: ending.ID}), []id.Key{lasting.ID})
	equal(f, f.listKeys(auth.Page{All: true, At: f.now, Limit: 10}), []id.Key{revoked.ID, ending.ID, lasting.ID})
}
