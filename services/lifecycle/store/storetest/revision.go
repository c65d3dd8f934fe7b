package storetest

import (
	"time"

	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/site"
	"github.com/siteplane/siteplane/services/lifecycle/store"
)

var revisionTests = []test{
	{"a revision keeps every part of its spec", revisionIsKept},
	{"a redirect has no origin", redirectIsKept},
	{"an unknown revision is not found", unknownRevision},
	{"a revision that is added has the number after the highest", revisionIsAdded},
	{"revisions that are added at once have numbers of their own", revisionsRace},
	{"a revision says who made it and what it repeats", revisionTells},
	{"revisions are listed newest first, in pages, with every part of their specs", revisionsAreListed},
	{"the revisions of an unknown site, or another tenant's, are not found", revisionsOfUnknown},
	{"a revision of an unknown site, or another tenant's, is refused", revisionOfUnknown},
}

// keepsSpec checks that a spec comes back as it was written.
func (f *fixture) keepsSpec(spec site.Spec) {
	f.Helper()
	s, r := f.blankSite("shop")
	r.Spec = spec
	f.update(func(tx store.Tx) error { return tx.InsertSite(f.ctx, s, r, f.cause("asked for")) })
	equal(f, f.getRevision(s, 1), r)
}

func (f *fixture) getRevision(s site.Site, number int64) site.Revision {
	f.Helper()
	return read(f, func(tx store.Tx) (site.Revision, error) { return tx.GetRevision(f.ctx, s.TenantID, s.ID, number) })
}

// revise adds a revision of a site's spec; the number that it asks for is wrong.
func (f *fixture) revise(s site.Site, spec site.Spec) (added site.Revision, err error) {
	r := site.Revision{SiteID: s.ID, Number: 1, Spec: spec, CreatedAt: f.after(time.Second)}
	err = f.try(func(tx store.Tx) (err error) {
		added, err = tx.AddRevision(f.ctx, s.TenantID, r)
		return err
	})
	return added, err
}

func revisionIsKept(f *fixture) { f.keepsSpec(fullSpec()) }

func redirectIsKept(f *fixture) {
	f.keepsSpec(site.Spec{Redirect: &site.Redirect{BaseURL: "https://www.example.com", StatusCode: 301}})
}

func unknownRevision(f *fixture) {
	s := f.newSite("shop")
	f.notFound(f.try(func(tx store.Tx) error {
		_, err := tx.GetRevision(f.ctx, f.tenant, s.ID, 2)
		return err
	}), "revision", "2 of "+string(s.ID))
}

func revisionIsAdded(f *fixture) {
	s, other := f.newSite("shop"), f.newSite("other")
	first := f.getRevision(s, 1)
	for number := int64(2); number < 13; number++ { // as a text 10 would come before 9
		added, err := f.revise(s, fullSpec())
		f.must(err)
		equal(f, added, site.Revision{SiteID: s.ID, Number: number, Spec: fullSpec(), CreatedAt: f.now})
		equal(f, f.getRevision(s, number), added)
	}
	equal(f, f.getRevision(s, 1), first)
	added, err := f.revise(other, fullSpec())
	f.must(err)
	equal(f, added.Number, 2)
	equal(f, f.getSite(s), s) // what is wanted is another matter
}

func revisionsRace(f *fixture) {
	s := f.newSite("shop")
	numbers := make(chan int64)
	for range 2 {
		go func() {
			var added site.Revision
			if err := f.try(func(tx store.Tx) (err error) {
				added, err = tx.AddRevision(f.ctx, s.TenantID, site.Revision{SiteID: s.ID, Spec: fullSpec(), CreatedAt: f.now})
				return err
			}); err != nil {
				f.Error(err)
			}
			numbers <- added.Number
		}()
	}
	equal(f, map[int64]bool{<-numbers: true, <-numbers: true}, map[int64]bool{2: true, 3: true})
}

func revisionOfUnknown(f *fixture) {
	s := f.newSite("shop")
	stranger := f.newTenant("stranger")
	for _, unknown := range []site.Site{{ID: "site_1", TenantID: f.tenant}, {ID: s.ID, TenantID: stranger}, {ID: s.ID, TenantID: id.Tenant("ten_1")}} {
		_, err := f.revise(unknown, fullSpec())
		f.notFound(err, "site", string(unknown.ID))
	}
}

func revisionTells(f *fixture) {
	s, r := f.blankSite("shop")
	r.Actor = "key:key_1"
	f.update(func(tx store.Tx) error { return tx.InsertSite(f.ctx, s, r, f.cause("asked for")) })
	equal(f, f.getRevision(s, 1), r)
	back := site.Revision{SiteID: s.ID, Spec: fullSpec(), RollbackOf: 1, Actor: "key:key_2", CreatedAt: f.now}
	f.update(func(tx store.Tx) (err error) {
		back, err = tx.AddRevision(f.ctx, s.TenantID, back)
		return err
	})
	equal(f, f.getRevision(s, 2), back)
}

func (f *fixture) revisions(s site.Site, before int64, limit int) []site.Revision {
	f.Helper()
	return read(f, func(tx store.Tx) ([]site.Revision, error) {
		return tx.ListRevisions(f.ctx, s.TenantID, s.ID, before, limit)
	})
}

func revisionsAreListed(f *fixture) {
	s, other := f.newSite("shop"), f.newSite("other")
	all := f.revisions(s, 0, 20)
	equal(f, all, []site.Revision{f.getRevision(s, 1)})
	for number := range 11 { // as a text 10 would come before 9
		spec := fullSpec()
		if number%3 == 0 {
			spec = site.Spec{Redirect: &site.Redirect{BaseURL: "https://www.example.com", StatusCode: 301}}
		}
		spec.Options.MaxBodyBytes = int64(number)
		added, err := f.revise(s, spec)
		f.must(err)
		all = append([]site.Revision{added}, all...)
		_, err = f.revise(other, fullSpec())
		f.must(err)
	}
	equal(f, f.revisions(s, 0, 20), all)
	equal(f, f.revisions(s, 0, 5), all[:5])
	equal(f, f.revisions(s, all[4].Number, 5), all[5:10])
	equal(f, f.revisions(s, all[9].Number, 5), all[10:])
	equal(f, f.revisions(s, 1, 5), nil)
}

func revisionsOfUnknown(f *fixture) {
	s := f.newSite("shop")
	for _, unknown := range []site.Site{{ID: "site_1", TenantID: f.tenant}, {ID: s.ID, TenantID: f.newTenant("stranger")}} {
		f.notFound(f.try(func(tx store.Tx) error {
			_, err := tx.ListRevisions(f.ctx, unknown.TenantID, unknown.ID, 0, 10)
			return err
		}), "site", string(unknown.ID))
	}
}
