package storetest

import (
	"time"

	"github.com/siteplane/siteplane/services/lifecycle/admin"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/store"
)

var auditTests = []test{
	{"an entry is kept as it was written and numbered", entryIsKept},
	{"an entry of the installation has no tenant", entryOfInstallation},
	{"entries are listed newest first, in pages", entriesAreListed},
	{"entries are found by tenant, object and actor, and by all of them", entriesAreFound},
	{"an entry goes when its change does", entryIsOne},
}

func (f *fixture) blankEntry(object string) admin.Entry {
	return admin.Entry{
		TenantID: f.tenant, Actor: "key:key_1", Address: "192.0.2.1:5000", Action: "UpdateSite", ObjectID: object,
		Before: `{"name":"a"}`, After: `{"name":"b"}`, TraceID: "0af7651916cd43dd8448eb211c80319c", RequestID: "r1", At: f.now,
	}
}

// audit appends an entry and returns it with its number.
func (f *fixture) audit(e admin.Entry) admin.Entry {
	f.Helper()
	f.update(func(tx store.Tx) error { return tx.AppendAudit(f.ctx, e) })
	e.Seq = f.entries(admin.AuditPage{Limit: 1})[0].Seq
	return e
}

func (f *fixture) entries(page admin.AuditPage) []admin.Entry {
	f.Helper()
	return read(f, func(tx store.Tx) ([]admin.Entry, error) { return tx.ListAudit(f.ctx, page) })
}

func entryIsKept(f *fixture) {
	e := f.audit(f.blankEntry("site_1"))
	equal(f, f.entries(admin.AuditPage{Limit: 10}), []admin.Entry{e})
	if e.Seq < 1 {
		f.Errorf("the entry has the number %d", e.Seq)
	}
}

func entryOfInstallation(f *fixture) {
	e := f.audit(admin.Entry{Actor: "worker:bootstrap", Action: "CreateTenant", At: f.now})
	equal(f, f.entries(admin.AuditPage{Limit: 10}), []admin.Entry{e})
	equal(f, f.entries(admin.AuditPage{TenantID: f.tenant, Limit: 10}), nil)
}

func entriesAreListed(f *fixture) {
	equal(f, f.entries(admin.AuditPage{Limit: 10}), nil)
	first, second := f.audit(f.blankEntry("site_1")), f.audit(f.blankEntry("site_2"))
	f.after(-time.Hour) // it is the order of the changes, not of the clocks
	third := f.audit(f.blankEntry("site_3"))
	equal(f, f.entries(admin.AuditPage{Limit: 2}), []admin.Entry{third, second})
	equal(f, f.entries(admin.AuditPage{Limit: 2, Before: second.Seq}), []admin.Entry{first})
	equal(f, f.entries(admin.AuditPage{Limit: 2, Before: first.Seq}), nil)
}

func entriesAreFound(f *fixture) {
	var every []admin.Entry
	for _, tenant := range []id.Tenant{f.tenant, f.newTenant("other")} {
		for _, object := range []string{"site_1", "site_2"} {
			for _, actor := range []string{"key:key_1", "key:key_2"} {
				e := f.blankEntry(object)
				e.TenantID, e.Actor = tenant, actor
				every = append([]admin.Entry{f.audit(e)}, every...)
			}
		}
	}
	for _, tenant := range []id.Tenant{"", f.tenant} {
		for _, object := range []string{"", "site_1", "site_3"} {
			for _, actor := range []string{"", "key:key_2", "key:key_3"} {
				page := admin.AuditPage{TenantID: tenant, ObjectID: object, Actor: actor, Limit: 10}
				var want []admin.Entry
				for _, e := range every {
					if (tenant == "" || e.TenantID == tenant) && (object == "" || e.ObjectID == object) && (actor == "" || e.Actor == actor) {
						want = append(want, e)
					}
				}
				equal(f, f.entries(page), want)
			}
		}
	}
	equal(f, f.entries(admin.AuditPage{TenantID: f.tenant, ObjectID: "site_1", Limit: 1, Before: every[6].Seq}), every[7:])
}

func entryIsOne(f *fixture) {
	f.is(f.try(func(tx store.Tx) error {
		f.must(tx.AppendAudit(f.ctx, f.blankEntry("site_1")))
		return errStop
	}), errStop)
	equal(f, f.entries(admin.AuditPage{Limit: 10}), nil)
}
