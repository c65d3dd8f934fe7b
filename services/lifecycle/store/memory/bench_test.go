package memory_test

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/admin"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/network"
	"github.com/siteplane/siteplane/services/lifecycle/saga"
	"github.com/siteplane/siteplane/services/lifecycle/site"
	"github.com/siteplane/siteplane/services/lifecycle/store"
	"github.com/siteplane/siteplane/services/lifecycle/store/memory"
	"github.com/siteplane/siteplane/services/lifecycle/store/sqlite"
	"github.com/siteplane/siteplane/services/lifecycle/worker"
)

// BenchmarkStore compares what simulations do most with the same on a file.
func BenchmarkStore(b *testing.B) {
	b.Run("memory", func(b *testing.B) { benchmark(b, memory.New(memory.Config{})) })
	b.Run("sqlite", func(b *testing.B) {
		s, err := sqlite.Open(b.Context(), sqlite.Config{Path: filepath.Join(b.TempDir(), "siteplane.db")})
		must(b, err)
		benchmark(b, s)
		must(b, s.Close())
	})
}

func benchmark(b *testing.B, s store.Store) {
	must(b, s.Update(b.Context(), func(tx store.Tx) error { return putTenant(b, tx, "ten_1") }))
	made := 0
	b.Run("create", func(b *testing.B) {
		for b.Loop() {
			made++
			must(b, s.Update(b.Context(), func(tx store.Tx) error { return create(b, tx, made) }))
		}
	})
	b.Run("claim and finish", func(b *testing.B) {
		for b.Loop() {
			claimed, _, err := s.ClaimWork(b.Context(), worker.Claim{Owner: "me", Lease: time.Minute, Limit: 1})
			must(b, err)
			must(b, s.Update(b.Context(), func(tx store.Tx) error {
				return tx.FinishWork(b.Context(), claimed[0], time.Now())
			}))
		}
	})
	b.Run("read", func(b *testing.B) {
		for b.Loop() {
			must(b, s.View(b.Context(), func(tx store.Tx) error {
				_, err := tx.ListSites(b.Context(), "ten_1", site.Page{Limit: 10})
				return err
			}))
		}
	})
}

// create writes what a call that makes a site with a domain writes.
func create(b *testing.B, tx store.Tx, n int) error {
	now, ctx := time.Now(), b.Context()
	cause := lifecycle.Cause{Actor: "key:1", Reason: "asked for", TraceID: "t1", At: now}
	s := site.Site{
		ID: id.NewSite(), TenantID: "ten_1", Name: "Shop", Slug: fmt.Sprintf("shop%d", n), Status: site.Created,
		Wanted: site.Absent, WantedRevision: 1, Version: 1, CreatedAt: now, UpdatedAt: now,
	}
	spec := site.Spec{Origin: &site.Origin{Targets: []site.Target{{Address: "192.0.2.1:80", Weight: 1}}}}
	d := network.Domain{
		ID: id.NewDomain(), TenantID: s.TenantID, SiteID: s.ID, Hostname: s.Slug + ".example.com", Kind: network.Custom,
		Status: network.PendingDNS, Wanted: network.Hidden, Version: 1, CreatedAt: now, UpdatedAt: now,
	}
	o := saga.Operation{
		ID: id.NewOperation(), TenantID: s.TenantID, Kind: "create_site", ObjectKind: worker.Site, ObjectID: string(s.ID),
		State: saga.Pending, CreatedAt: now, UpdatedAt: now,
	}
	must(b, tx.InsertSite(ctx, s, site.Revision{SiteID: s.ID, Number: 1, Spec: spec, CreatedAt: now}, cause))
	must(b, tx.InsertDomain(ctx, d, cause))
	must(b, tx.InsertOperation(ctx, o))
	must(b, tx.MarkWork(ctx, worker.Mark{Kind: worker.Site, Key: string(s.ID), TenantID: string(s.TenantID), DueAt: now}))
	must(b, tx.AppendAudit(ctx, admin.Entry{TenantID: s.TenantID, Actor: "key:1", Action: "CreateSite", ObjectID: string(s.ID), At: now}))
	return tx.InsertRequest(ctx, store.Request{TenantID: s.TenantID, ID: string(o.ID), ObjectID: string(s.ID), CreatedAt: now})
}
