package storetest

import (
	"testing"
	"time"

	"github.com/siteplane/siteplane/services/lifecycle/admin"
	"github.com/siteplane/siteplane/services/lifecycle/auth"
	"github.com/siteplane/siteplane/services/lifecycle/condition"
	"github.com/siteplane/siteplane/services/lifecycle/edge"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/network"
	"github.com/siteplane/siteplane/services/lifecycle/saga"
	"github.com/siteplane/siteplane/services/lifecycle/site"
	"github.com/siteplane/siteplane/services/lifecycle/store"
	"github.com/siteplane/siteplane/services/lifecycle/worker"
)

var purgeTests = []test{
	{"a purge leaves the tombstones and what is history", purgeKeepsHistory},
	{"a purge removes all else of the site and its domains", purgeRemoves},
	{"a purge leaves other sites alone", purgeSparesOthers},
	{"a purge leaves the claims", purgeKeepsClaims},
	{"a purge leaves answers, the audit and the keys", purgeKeepsRecords},
	{"a purge may be repeated", purgeRepeats},
}

// Everything fills a store with a site and a domain of it that have at least one
// row of every kind that bears an id.
func Everything(t *testing.T, s store.Store) (site.Site, network.Domain) {
	f := setup(t, func(testing.TB, func() time.Time) store.Store { return s })
	return f.everything(f.newEdge("one"), "shop", "r1")
}

func (f *fixture) everything(e edge.Edge, slug, requestID string) (site.Site, network.Domain) {
	f.Helper()
	s, r := f.blankSite(slug)
	r.Spec = fullSpec()
	f.update(func(tx store.Tx) error { return tx.InsertSite(f.ctx, s, r, f.cause("asked for")) })
	d := f.newDomain(s, slug+".example.com")
	s.PrimaryDomainID = d.ID
	f.update(func(tx store.Tx) error { return tx.UpdateSite(f.ctx, s) })
	s, d = f.moveSite(f.getSite(s), site.Provisioning), f.moveDomain(d, network.Validated)
	f.change(e, s, "op_1")
	f.pin(e, s, 1)
	f.tunnelChange(f.newTunnel("one"), d, "op_1")
	f.contests(d, slug)
	f.ensureClaim(f.blankClaim(d.Hostname, "token"))
	f.putInstructions(d, network.OwnershipRecord(d.Hostname, "token"))
	for _, object := range []string{string(s.ID), string(d.ID)} {
		f.journal(f.newOperation(object), "publish")
		f.putCondition(f.blankCondition(object, condition.EdgeSynced))
	}
	f.update(func(tx store.Tx) error {
		f.must(tx.PutEvidence(f.ctx, network.Evidence{DomainID: d.ID, TenantID: d.TenantID, Kind: network.EvidenceNonce, Detail: d.Hostname}))
		f.must(tx.MarkWork(f.ctx, worker.Mark{Kind: worker.Site, Key: string(s.ID), TenantID: string(s.TenantID), DueAt: f.now}))
		f.must(tx.MarkWork(f.ctx, worker.Mark{Kind: worker.Domain, Key: string(d.ID), TenantID: string(s.TenantID), DueAt: f.now}))
		f.must(tx.AppendAudit(f.ctx, f.blankEntry(string(s.ID))))
		key := f.blankKey(f.tenant)
		key.Sites = []id.Site{s.ID}
		f.must(tx.InsertKey(f.ctx, key))
		return tx.InsertRequest(f.ctx, store.Request{
			TenantID: f.tenant, ID: requestID, ObjectID: string(s.ID), Answer: `{}`, CreatedAt: f.now,
		})
	})
	return s, d
}

// contests opens a contest in which a domain is the holder and one in which it
// is the contender.
func (f *fixture) contests(d network.Domain, slug string) {
	f.Helper()
	f.putContest(f.newContest(slug+"-rival", d))
	held := f.rival(slug+"-holder", slug+"-held.example.com")
	f.putContest(blankContest(d, held, f.now))
}

func (f *fixture) purge(s site.Site) {
	f.Helper()
	f.update(func(tx store.Tx) error { return tx.PurgeSite(f.ctx, s.TenantID, s.ID) })
}

func purgeKeepsHistory(f *fixture) {
	s, d := f.everything(f.newEdge("one"), "shop", "r1")
	ids := []string{string(s.ID), string(d.ID)}
	operations := func() []saga.Operation {
		return read(f, func(tx store.Tx) ([]saga.Operation, error) { return tx.OperationsOf(f.ctx, ids) })
	}
	history, events, ops := f.historyOf(ids...), f.eventsAfter(0, 100), operations()
	journal := f.journalOf(ops[0].ID, ops[1].ID)
	f.purge(s)
	equal(f, f.getSite(s), s)
	equal(f, f.getDomain(d), d)
	equal(f, f.historyOf(ids...), history)
	equal(f, f.eventsAfter(0, 100), events)
	equal(f, operations(), ops)
	equal(f, f.journalOf(ops[0].ID, ops[1].ID), journal)
}

func purgeRemoves(f *fixture) {
	e := f.newEdge("one")
	s, d := f.everything(e, "shop", "r1")
	f.purge(s)
	equal(f, f.changes(e), nil)
	equal(f, f.pinsOfSite(s), nil)
	equal(f, f.conditions(string(s.ID)), nil)
	equal(f, f.conditions(string(d.ID)), nil)
	equal(f, f.evidence(d, network.EvidenceNonce), network.Evidence{})
	equal(f, f.tunnelChangesOf(d), nil)
	equal(f, f.instructions(d), nil)
	equal(f, f.contestsOn(d.Hostname), nil)
	equal(f, f.contestsOn("shop-held.example.com"), nil)
	f.notFound(f.try(func(tx store.Tx) error {
		_, err := tx.GetRevision(f.ctx, f.tenant, s.ID, 1)
		return err
	}), "revision", "1 of "+string(s.ID))
	equal(f, f.claim(10), nil)
}

func purgeSparesOthers(f *fixture) {
	e := f.newEdge("one")
	s, _ := f.everything(e, "shop", "r1")
	other, d := f.everything(e, "other", "r2")
	f.purge(s)
	equal(f, len(f.changes(e)), 1)
	equal(f, len(f.pinsOfEdge(e)), 1)
	equal(f, len(f.conditions(string(other.ID))), 1)
	equal(f, len(f.conditions(string(d.ID))), 1)
	equal(f, f.evidence(d, network.EvidenceNonce).DomainID, d.ID)
	equal(f, len(f.tunnelChangesOf(d)), 1)
	equal(f, len(f.instructions(d)), 1)
	equal(f, len(f.contestsOn(d.Hostname)), 1)
	equal(f, len(f.contestsOn("other-held.example.com")), 1)
	equal(f, f.desired([]id.Site{other.ID})[0].Spec, fullSpec())
	equal(f, len(f.claim(10)), 2)
}

func purgeKeepsClaims(f *fixture) {
	s, d := f.everything(f.newEdge("one"), "shop", "r1")
	before := f.getClaim(f.tenant, d.Hostname)
	f.purge(s)
	equal(f, f.getClaim(f.tenant, d.Hostname), before)
}

// purgeKeepsRecords says that an answer is kept for its time whatever becomes of the
// object: a repeated call is answered as the first one was.
func purgeKeepsRecords(f *fixture) {
	s, _ := f.everything(f.newEdge("one"), "shop", "r1")
	entries, keys := f.entries(admin.AuditPage{Limit: 10}), f.listKeys(auth.Page{Limit: 10})
	f.purge(s)
	f.finds(f.tenant, "r1", store.Request{TenantID: f.tenant, ID: "r1", ObjectID: string(s.ID), Answer: `{}`, CreatedAt: f.now})
	equal(f, f.entries(admin.AuditPage{Limit: 10}), entries)
	equal(f, f.listKeys(auth.Page{Limit: 10}), keys)
	equal(f, len(entries)+len(keys), 2)
}

func purgeRepeats(f *fixture) {
	s, _ := f.everything(f.newEdge("one"), "shop", "r1")
	f.purge(s)
	f.purge(s)
}
