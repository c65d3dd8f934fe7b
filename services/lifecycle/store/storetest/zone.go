package storetest

import (
	"time"

	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/network"
	"github.com/siteplane/siteplane/services/lifecycle/store"
)

var zoneTests = []test{
	{"grants are kept, ordered by zone and tenant", grantsAreKept},
	{"a grant that is there stays as it is", grantStays},
	{"a grant is for one zone and one tenant", grantIsForOne},
	{"a grant is taken away from one tenant for one zone", grantIsTaken},
	{"a grant to an unknown tenant is refused", grantToUnknown},
}

func (f *fixture) grant(zoneName string, tenant id.Tenant) network.ZoneGrant {
	f.Helper()
	g := network.ZoneGrant{ZoneName: zoneName, TenantID: tenant, CreatedAt: f.now}
	f.update(func(tx store.Tx) error { return tx.PutZoneGrant(f.ctx, g) })
	return g
}

func (f *fixture) grants() []network.ZoneGrant {
	f.Helper()
	return read(f, func(tx store.Tx) ([]network.ZoneGrant, error) { return tx.ZoneGrants(f.ctx) })
}

func grantsAreKept(f *fixture) {
	equal(f, f.grants(), nil)
	later := f.newTenant("stranger")
	want := []network.ZoneGrant{
		2: f.grant("b.example", f.tenant),
		1: f.grant("a.example", later),
		0: f.grant("a.example", f.tenant),
	}
	equal(f, f.grants(), want)
}

func grantStays(f *fixture) {
	first := f.grant("example.com", f.tenant)
	f.after(time.Hour)
	f.grant("example.com", f.tenant)
	equal(f, f.grants(), []network.ZoneGrant{first})
}

func grantIsForOne(f *fixture) {
	f.grant("example.com", f.tenant)
	granted := func(zoneName string, tenant id.Tenant) bool {
		return read(f, func(tx store.Tx) (bool, error) { return tx.ZoneGrantedTo(f.ctx, zoneName, tenant) })
	}
	equal(f, granted("example.com", f.tenant), true)
	equal(f, granted("sub.example.com", f.tenant), false)
	equal(f, granted("com", f.tenant), false)
	equal(f, granted("example.com", f.newTenant("stranger")), false)
	equal(f, granted("example.com", ""), false)
}

func grantIsTaken(f *fixture) {
	stranger := f.newTenant("stranger")
	sub, theirs := f.grant("sub.example.com", f.tenant), f.grant("example.com", stranger)
	f.grant("example.com", f.tenant)
	take := func() (was bool) {
		f.update(func(tx store.Tx) (err error) {
			was, err = tx.DeleteZoneGrant(f.ctx, "example.com", f.tenant)
			return err
		})
		return was
	}
	equal(f, take(), true)
	equal(f, f.grants(), []network.ZoneGrant{theirs, sub})
	equal(f, take(), false)
}

func grantToUnknown(f *fixture) {
	g := network.ZoneGrant{ZoneName: "example.com", TenantID: "ten_1", CreatedAt: f.now}
	f.notFound(f.try(func(tx store.Tx) error { return tx.PutZoneGrant(f.ctx, g) }), "tenant", "ten_1")
	equal(f, f.grants(), nil)
}
