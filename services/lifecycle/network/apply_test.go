package network_test

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/admin"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/network"
	"github.com/siteplane/siteplane/services/lifecycle/site"
	"github.com/siteplane/siteplane/services/lifecycle/store"
	"github.com/siteplane/siteplane/services/lifecycle/store/sqlite"
)

// shown is what a site past PROVISIONING shows of its primary domain.
var shown = map[network.Status]site.Status{
	network.PendingDNS: site.DomainPendingDNS, network.Validated: site.DomainValidated,
	network.Routed: site.DomainRouted, network.Active: site.Active, network.Error: site.Error,
	network.Releasing: site.DomainPendingDNS, network.Released: site.DomainPendingDNS,
}

var past = []site.Status{site.DomainPendingDNS, site.DomainValidated, site.DomainRouted, site.Active}

// bench is a store with one tenant.
type bench struct {
	*testing.T
	store  *sqlite.Store
	tenant id.Tenant
	cause  lifecycle.Cause
}

func setup(t *testing.T) *bench {
	t.Helper()
	db, err := sqlite.Open(t.Context(), sqlite.Config{Path: filepath.Join(t.TempDir(), "siteplane.db")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	at := time.Date(2026, 5, 4, 3, 2, 1, 0, time.UTC)
	b := &bench{T: t, store: db, tenant: id.NewTenant(), cause: lifecycle.Cause{
		Actor: "worker:domain", Reason: "because", OperationID: "op_1", TraceID: "0af7651916cd43dd8448eb211c80319c", At: at,
	}}
	b.must(db.Update(t.Context(), func(tx store.Tx) error {
		return tx.InsertTenant(t.Context(), admin.Tenant{ID: b.tenant, Name: "default", CreatedAt: at})
	}))
	return b
}

func (b *bench) must(err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

// try runs a change of a site and its domain, which are put into these statuses
// past their tables, in a transaction that is taken back. It returns the rows that
// the change added to the site's history, as "event status".
func (b *bench) try(s site.Status, d network.Status, primary bool, change func(ctx context.Context, tx store.Tx, s site.Site, d network.Domain) error) (rows []string, err error) {
	b.Helper()
	ctx := b.Context()
	undo := errors.New("undo")
	var failed error
	err = b.store.Update(ctx, func(tx store.Tx) error {
		theSite, theDomain := b.insert(ctx, tx, s, d, primary)
		before, err := tx.HistoryOf(ctx, []string{string(theSite.ID)})
		if err != nil {
			return err
		}
		failed = change(ctx, tx, theSite, theDomain)
		after, err := tx.HistoryOf(ctx, []string{string(theSite.ID)})
		if err != nil {
			return err
		}
		for _, c := range after[len(before):] {
			rows = append(rows, c.Event+" "+c.To)
			if want, err := site.Machine.Next(site.Status(c.From), site.Event(c.Event)); err != nil || want != site.Status(c.To) || c.Cause != b.cause {
				b.Errorf("the row %+v is not one of the table, or has another cause", c)
			}
		}
		return undo
	})
	if !errors.Is(err, undo) {
		b.Fatal(err)
	}
	return rows, failed
}

func (b *bench) insert(ctx context.Context, tx store.Tx, s site.Status, d network.Status, primary bool) (site.Site, network.Domain) {
	b.Helper()
	theSite := site.Site{ID: id.NewSite(), TenantID: b.tenant, Name: "Shop", Slug: "shop", Status: site.Created, Wanted: site.Present, WantedRevision: 1, CreatedAt: b.cause.At, UpdatedAt: b.cause.At}
	spec := site.Spec{Redirect: &site.Redirect{BaseURL: "https://a.example", StatusCode: 308}}
	b.must(tx.InsertSite(ctx, theSite, site.Revision{SiteID: theSite.ID, Number: 1, Spec: spec, CreatedAt: b.cause.At}, b.cause))
	theDomain := network.Domain{
		ID: id.NewDomain(), TenantID: b.tenant, SiteID: theSite.ID, Hostname: "shop.example", Kind: network.Platform,
		Status: network.PendingDNS, Wanted: network.Hidden, CreatedAt: b.cause.At, UpdatedAt: b.cause.At,
	}
	b.must(tx.InsertDomain(ctx, theDomain, b.cause))
	theSite, err := tx.GetSite(ctx, b.tenant, theSite.ID)
	b.must(err)
	if primary {
		theSite.PrimaryDomainID = theDomain.ID
		b.must(tx.UpdateSite(ctx, theSite))
	}
	move := func(object string, from, to string) lifecycle.Change {
		return lifecycle.Change{ObjectID: object, TenantID: string(b.tenant), From: from, Event: "put", To: to, Cause: b.cause}
	}
	if s != theSite.Status {
		b.must(tx.TransitionSite(ctx, move(string(theSite.ID), string(theSite.Status), string(s))))
	}
	if d != theDomain.Status {
		b.must(tx.TransitionDomain(ctx, move(string(theDomain.ID), string(theDomain.Status), string(d))))
	}
	theSite, err = tx.GetSite(ctx, b.tenant, theSite.ID)
	b.must(err)
	theDomain, err = tx.GetDomain(ctx, b.tenant, theDomain.ID)
	b.must(err)
	return theSite, theDomain
}

// What a site walks through from each status to show each status of its primary.
func TestProject(t *testing.T) {
	up := []string{"dns_validated DOMAIN_VALIDATED", "routed DOMAIN_ROUTED", "serving ACTIVE"}
	lost := []string{"dns_lost DOMAIN_PENDING_DNS"}
	fail := []string{"fail ERROR"}
	paths := map[site.Status]map[site.Status][]string{
		site.DomainPendingDNS: {site.DomainPendingDNS: nil, site.DomainValidated: up[:1], site.DomainRouted: up[:2], site.Active: up},
		site.DomainValidated:  {site.DomainPendingDNS: lost, site.DomainValidated: nil, site.DomainRouted: up[1:2], site.Active: up[1:], site.Error: fail},
		site.DomainRouted:     {site.DomainPendingDNS: lost, site.DomainValidated: slices.Concat(lost, up[:1]), site.DomainRouted: nil, site.Active: up[2:], site.Error: fail},
		site.Active:           {site.DomainPendingDNS: lost, site.DomainValidated: slices.Concat(lost, up[:1]), site.DomainRouted: slices.Concat(lost, up[:2]), site.Active: nil},
	}
	b := setup(t)
	for _, from := range site.Machine.States() {
		for status, want := range shown {
			path, possible := paths[from][want]
			var got site.Site
			rows, err := b.try(from, status, true, func(ctx context.Context, tx store.Tx, s site.Site, d network.Domain) (err error) {
				got, err = network.Project(ctx, tx, s, &d, b.cause)
				return err
			})
			switch {
			case !slices.Contains(past, from):
				if err != nil || rows != nil || got.Status != from {
					t.Errorf("a site that is %s with a primary that is %s moved: %v, %v", from, status, rows, err)
				}
			case !possible:
				var illegal *lifecycle.IllegalTransitionError
				if !errors.As(err, &illegal) || rows != nil {
					t.Errorf("from %s to %s: %v, %v; the table has no such way", from, want, rows, err)
				}
			case err != nil || got.Status != want || !slices.Equal(rows, path):
				t.Errorf("from %s to %s: walked %v (%v) and is %s, want %v", from, want, rows, err, got.Status, path)
			}
		}
	}
}

func TestProject_without_primary(t *testing.T) {
	b := setup(t)
	for _, from := range past {
		rows, err := b.try(from, network.PendingDNS, false, func(ctx context.Context, tx store.Tx, s site.Site, _ network.Domain) error {
			s, err := network.Project(ctx, tx, s, nil, b.cause)
			if s.Status != site.DomainPendingDNS {
				t.Errorf("from %s it is %s", from, s.Status)
			}
			return err
		})
		if want := from != site.DomainPendingDNS; err != nil || len(rows) > 1 || want != (len(rows) == 1) {
			t.Errorf("from %s: %v, %v", from, rows, err)
		}
	}
}

// Every event of the domain's table, with the site wherever it can be then.
func TestApply(t *testing.T) {
	b := setup(t)
	t.Run("the site shows what became of its primary, by rows of its table", func(t *testing.T) {
		for _, status := range network.Machine.States() {
			for _, event := range network.Machine.Events() {
				to, err := network.Machine.Next(status, event)
				if err != nil {
					continue
				}
				rows, err := b.try(shown[status], status, true, applying(b, event, to))
				if err != nil {
					t.Errorf("%s of a domain that is %s: %v", event, status, err)
				}
				if shown[status] == site.Error { // a retry of the site moves it
					if rows != nil {
						t.Errorf("%s of a domain in %s moved its site: %v", event, status, rows)
					}
					continue
				}
				if moved := shown[status] != shown[to]; moved != (len(rows) == 1) || len(rows) > 1 {
					t.Errorf("%s of a domain that is %s: the site walked %v", event, status, rows)
				}
			}
		}
	})
	t.Run("a domain that is not the primary does not move the site", func(t *testing.T) {
		if rows, err := b.try(site.DomainPendingDNS, network.PendingDNS, false, applying(b, network.Validate, network.Validated)); err != nil || rows != nil {
			t.Errorf("the site walked %v, %v", rows, err)
		}
	})
	t.Run("a site that is not past PROVISIONING, or goes, stays", func(t *testing.T) {
		for _, status := range []site.Status{site.Created, site.Provisioning, site.Error, site.Deleting, site.Deleted} {
			if rows, err := b.try(status, network.PendingDNS, true, applying(b, network.Validate, network.Validated)); err != nil || rows != nil {
				t.Errorf("a site that is %s walked %v, %v", status, rows, err)
			}
		}
	})
	t.Run("an event without a row moves nothing", func(t *testing.T) {
		rows, err := b.try(site.DomainPendingDNS, network.PendingDNS, true, func(ctx context.Context, tx store.Tx, _ site.Site, d network.Domain) error {
			_, err := network.Apply(ctx, tx, d, network.Serve, b.cause)
			return err
		})
		var illegal *lifecycle.IllegalTransitionError
		if !errors.As(err, &illegal) || rows != nil {
			t.Errorf("got %v, the site walked %v", err, rows)
		}
	})
	t.Run("a status that was left in between is a lost race", func(t *testing.T) {
		rows, err := b.try(site.DomainValidated, network.Validated, true, func(ctx context.Context, tx store.Tx, _ site.Site, d network.Domain) error {
			d.Status = network.PendingDNS // as it was read before
			_, err := network.Apply(ctx, tx, d, network.Validate, b.cause)
			return err
		})
		if !errors.Is(err, lifecycle.ErrLostRace) || rows != nil {
			t.Errorf("got %v, the site walked %v", err, rows)
		}
	})
}

func applying(b *bench, event network.Event, to network.Status) func(context.Context, store.Tx, site.Site, network.Domain) error {
	return func(ctx context.Context, tx store.Tx, _ site.Site, d network.Domain) error {
		got, err := network.Apply(ctx, tx, d, event, b.cause)
		if err == nil && got.Status != to {
			b.Errorf("%s leads to %s, want %s", event, got.Status, to)
		}
		return err
	}
}
