package storetest

import (
	"time"

	"github.com/siteplane/siteplane/services/lifecycle/admin"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/network"
	"github.com/siteplane/siteplane/services/lifecycle/site"
	"github.com/siteplane/siteplane/services/lifecycle/store"
)

var tenantTests = []test{
	{"a tenant is kept and found by its name and its id", tenantIsKept},
	{"tenants are listed by name, in pages", tenantsAreListed},
	{"a tenant's name is taken once", tenantNameIsTaken},
	{"an unknown tenant is not found by any method", unknownTenant},
	{"an update writes limits and suspension, and neither name nor creation", tenantUpdates},
	{"a limit of 0 is another thing than none", limitOfZero},
	{"the name of a deleted tenant is free, and is still its own", tenantNameIsFreed},
	{"a deleted tenant is found by its id only", deletedTenantIsHidden},
	{"a tenant is deleted once", tenantIsDeletedOnce},
	{"the usage counts live sites, domains that are not released and claims to prove", usageCounts},
	{"the usage is the tenant's own", usageIsOwn},
}

func (f *fixture) blankTenant(name string) admin.Tenant {
	return admin.Tenant{ID: id.NewTenant(), Name: name, CreatedAt: f.now}
}

// fullTenant is a tenant with every field set but its deletion.
func (f *fixture) fullTenant(name string) admin.Tenant {
	t := f.blankTenant(name)
	t.Limits = admin.Limits{Sites: new(int64(1)), Domains: new(int64(2)), PendingClaims: new(int64(3)), RequestsPerSecond: new(int64(4))}
	t.SuspendedAt, t.SuspendReason = f.now.Add(time.Minute), "unpaid"
	return t
}

func (f *fixture) insertTenant(t admin.Tenant) admin.Tenant {
	f.Helper()
	f.update(func(tx store.Tx) error { return tx.InsertTenant(f.ctx, t) })
	return t
}

func (f *fixture) getTenant(tenant id.Tenant) admin.Tenant {
	f.Helper()
	return read(f, func(tx store.Tx) (admin.Tenant, error) { return tx.GetTenant(f.ctx, tenant) })
}

func (f *fixture) tenantNamed(name string) admin.Tenant {
	f.Helper()
	return read(f, func(tx store.Tx) (admin.Tenant, error) { return tx.TenantByName(f.ctx, name) })
}

func (f *fixture) updateTenant(t admin.Tenant) {
	f.Helper()
	f.update(func(tx store.Tx) error { return tx.UpdateTenant(f.ctx, t) })
}

// deleteTenant makes a tenant a tombstone.
func (f *fixture) deleteTenant(t admin.Tenant) admin.Tenant {
	f.Helper()
	t.DeletedAt = f.after(time.Hour)
	f.updateTenant(t)
	return t
}

func (f *fixture) listTenants(page admin.Page) []admin.Tenant {
	f.Helper()
	return read(f, func(tx store.Tx) ([]admin.Tenant, error) { return tx.ListTenants(f.ctx, page) })
}

func tenantIsKept(f *fixture) {
	for _, want := range []admin.Tenant{f.blankTenant("acme"), f.fullTenant("full")} {
		f.insertTenant(want)
		equal(f, f.tenantNamed(want.Name), want)
		equal(f, f.getTenant(want.ID), want)
	}
}

func tenantsAreListed(f *fixture) {
	zebra, acme, fallback := f.insertTenant(f.fullTenant("zebra")), f.insertTenant(f.blankTenant("acme")), f.getTenant(f.tenant)
	equal(f, f.listTenants(admin.Page{Limit: 10}), []admin.Tenant{acme, fallback, zebra})
	equal(f, f.listTenants(admin.Page{Limit: 2}), []admin.Tenant{acme, fallback})
	equal(f, f.listTenants(admin.Page{Limit: 2, After: "default"}), []admin.Tenant{zebra})
	equal(f, f.listTenants(admin.Page{Limit: 2, After: "zebra"}), nil)
}

func tenantNameIsTaken(f *fixture) {
	again := f.blankTenant("default")
	f.taken(f.try(func(tx store.Tx) error { return tx.InsertTenant(f.ctx, again) }), "tenant", "default")
}

func unknownTenant(f *fixture) {
	f.notFound(f.try(func(tx store.Tx) error { _, err := tx.TenantByName(f.ctx, "nobody"); return err }), "tenant", "nobody")
	for _, call := range []func(tx store.Tx) error{
		func(tx store.Tx) error { _, err := tx.GetTenant(f.ctx, "ten_1"); return err },
		func(tx store.Tx) error { _, err := tx.Usage(f.ctx, "ten_1"); return err },
		func(tx store.Tx) error { return tx.UpdateTenant(f.ctx, admin.Tenant{ID: "ten_1", Name: "default"}) },
		func(tx store.Tx) error {
			return tx.AppendAudit(f.ctx, admin.Entry{TenantID: "ten_1", Actor: "key:1", Action: "UpdateSite", At: f.now})
		},
	} {
		f.notFound(f.try(call), "tenant", "ten_1")
	}
}

func tenantUpdates(f *fixture) {
	before := f.insertTenant(f.blankTenant("acme"))
	want := f.fullTenant("acme")
	want.ID = before.ID
	given := want
	given.Name, given.CreatedAt = "other", f.now.Add(time.Hour)
	f.updateTenant(given)
	equal(f, f.tenantNamed("acme"), want)
	f.updateTenant(before)
	equal(f, f.getTenant(before.ID), before)
	equal(f, f.getTenant(f.tenant), admin.Tenant{ID: f.tenant, Name: "default", CreatedAt: f.now})
}

func limitOfZero(f *fixture) {
	t := f.insertTenant(f.blankTenant("acme"))
	t.Limits = admin.Limits{Sites: new(int64(0)), PendingClaims: new(int64(0))}
	f.updateTenant(t)
	equal(f, f.getTenant(t.ID), t)
}

func tenantNameIsFreed(f *fixture) {
	var gone []admin.Tenant
	for range 2 {
		gone = append(gone, f.deleteTenant(f.insertTenant(f.fullTenant("acme"))))
	}
	now := f.insertTenant(f.blankTenant("acme"))
	equal(f, f.tenantNamed("acme"), now)
	for _, t := range gone {
		equal(f, f.getTenant(t.ID), t)
	}
	equal(f, f.listTenants(admin.Page{Limit: 10}), []admin.Tenant{now, f.getTenant(f.tenant)})
}

func deletedTenantIsHidden(f *fixture) {
	gone := f.deleteTenant(f.insertTenant(f.blankTenant("acme")))
	for _, name := range []string{"acme", "acme~" + string(gone.ID)} {
		f.notFound(f.try(func(tx store.Tx) error { _, err := tx.TenantByName(f.ctx, name); return err }), "tenant", name)
	}
	equal(f, f.listTenants(admin.Page{Limit: 10}), []admin.Tenant{f.getTenant(f.tenant)})
	equal(f, f.getTenant(gone.ID), gone)
}

func tenantIsDeletedOnce(f *fixture) {
	gone := f.deleteTenant(f.insertTenant(f.blankTenant("acme")))
	f.deleteTenant(gone)
	equal(f, f.getTenant(gone.ID), gone)
	alive := gone
	alive.DeletedAt = time.Time{}
	f.updateTenant(alive)
	equal(f, f.getTenant(gone.ID), gone)
}

func (f *fixture) usage(tenant id.Tenant) admin.Usage {
	f.Helper()
	return read(f, func(tx store.Tx) (admin.Usage, error) { return tx.Usage(f.ctx, tenant) })
}

func usageCounts(f *fixture) {
	equal(f, f.usage(f.tenant), admin.Usage{})
	s := f.newSite("shop")
	equal(f, f.usage(f.tenant), admin.Usage{Sites: 1})
	f.moveSite(f.newSite("going"), site.Deleting)
	f.moveSite(f.newSite("gone"), site.Deleting, site.Deleted)
	equal(f, f.usage(f.tenant), admin.Usage{Sites: 2})

	platform := f.blankDomain(s, "shop.platform.example")
	platform.Kind = network.Platform
	lost := f.blankDomain(s, "lost.example.com")
	lost.Lost = true
	f.update(func(tx store.Tx) error {
		f.must(tx.InsertDomain(f.ctx, platform, f.cause("asked for")))
		return tx.InsertDomain(f.ctx, lost, f.cause("asked for"))
	})
	equal(f, f.usage(f.tenant), admin.Usage{Sites: 2, Domains: 2})
	claimed := f.newDomain(s, "claimed.example.com")
	f.newDomain(s, "another.example.com")
	equal(f, f.usage(f.tenant), admin.Usage{Sites: 2, Domains: 4, PendingClaims: 2})
	claimed = f.moveDomain(claimed, network.Validated)
	equal(f, f.usage(f.tenant), admin.Usage{Sites: 2, Domains: 4, PendingClaims: 1})
	claimed = f.moveDomain(claimed, network.Releasing)
	equal(f, f.usage(f.tenant), admin.Usage{Sites: 2, Domains: 4, PendingClaims: 1})
	f.moveDomain(claimed, network.Released)
	equal(f, f.usage(f.tenant), admin.Usage{Sites: 2, Domains: 3, PendingClaims: 1})
}

func usageIsOwn(f *fixture) {
	f.rival("stranger", "shop.example.com")
	equal(f, f.usage(f.tenant), admin.Usage{})
	equal(f, f.usage(f.tenantNamed("stranger").ID), admin.Usage{Sites: 1, Domains: 1, PendingClaims: 1})
}
