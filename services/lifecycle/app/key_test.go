package app_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/siteplane/siteplane/internal/platform/secret"
	"github.com/siteplane/siteplane/services/lifecycle/admin"
	"github.com/siteplane/siteplane/services/lifecycle/app"
	"github.com/siteplane/siteplane/services/lifecycle/auth"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/network"
	"github.com/siteplane/siteplane/services/lifecycle/site"
)

func wantDenied(t *testing.T, err error) {
	t.Helper()
	var denied *auth.DeniedError
	if !errors.As(err, &denied) {
		t.Errorf("got %v, want a *auth.DeniedError", err)
	}
}

func wantScope(t *testing.T, err error) {
	t.Helper()
	var scope *auth.ScopeError
	if !errors.As(err, &scope) {
		t.Errorf("got %v, want a *auth.ScopeError", err)
	}
}

func TestCreateKey(t *testing.T) {
	roles := []auth.Role{auth.Viewer, auth.Operator, auth.Admin, auth.PlatformAdmin}
	t.Run("may do at most what its maker may", func(t *testing.T) {
		s := stage(t)
		for i, maker := range roles {
			by := s.As(s.Caller.TenantID, maker)
			for j, role := range roles {
				_, err := s.App.CreateKey(t.Context(), by, app.KeyAsked{Name: "ci", Role: role}, "")
				if j > i {
					wantDenied(t, err)
				} else if err != nil {
					t.Errorf("a %s makes no %s: %v", maker, role, err)
				}
			}
			_, err := s.App.CreateKey(t.Context(), by, app.KeyAsked{Name: "ci", Role: "root"}, "")
			wantDenied(t, err)
		}
	})
	t.Run("opens what it was made for", func(t *testing.T) {
		s := stage(t)
		shop := s.Create("Shop")
		in := app.KeyAsked{Name: "ci", Role: auth.Operator, Sites: []id.Site{shop.ID}, ExpiresAt: s.Clock.Now().Add(time.Hour)}
		made, err := s.App.CreateKey(t.Context(), s.As(s.Caller.TenantID, auth.Admin), in, "")
		must(t, err)
		by, err := s.App.Auth().Authenticate(t.Context(), made.Text.Reveal())
		if err != nil || by.KeyID != made.Key.ID || by.TenantID != s.Caller.TenantID || by.Role != auth.Operator || len(by.Sites) != 1 || by.Sites[0] != shop.ID {
			t.Errorf("the caller is %+v, %v", by, err)
		}
		key, tenant, err := s.App.Caller(t.Context(), by)
		if err != nil || key.Name != "ci" || !key.ExpiresAt.Equal(in.ExpiresAt) || tenant.Tenant.Name != "default" {
			t.Errorf("its key is %+v of %+v, %v", key, tenant, err)
		}
	})
	t.Run("without sites knows all of the tenant", func(t *testing.T) {
		s := stage(t)
		shop := s.Create("Shop")
		by := s.Key(app.KeyAsked{Role: auth.Viewer, Sites: []id.Site{}})
		if _, err := s.App.GetSite(t.Context(), by, shop.ID); err != nil || by.Sites != nil {
			t.Errorf("it sees %v, %v", by.Sites, err)
		}
	})
	t.Run("in another tenant is for platform admins", func(t *testing.T) {
		s := stage(t)
		acme := s.NewTenant("acme").TenantID
		_, err := s.App.CreateKey(t.Context(), s.As(s.Caller.TenantID, auth.Admin), app.KeyAsked{TenantID: acme, Role: auth.Viewer}, "")
		wantNotFound(t, err)
		if by := s.As(acme, auth.Admin); by.TenantID != acme {
			t.Errorf("the key is of %s", by.TenantID)
		}
		_, err = s.App.CreateKey(t.Context(), s.PlatformAdmin(), app.KeyAsked{TenantID: id.NewTenant(), Role: auth.Viewer}, "")
		wantNotFound(t, err)
	})
	t.Run("refuses what makes no sense, and makes nothing", func(t *testing.T) {
		s := stage(t)
		shop, theirs := s.Create("Shop"), s.CreateFor(s.NewTenant("acme"), "Shop")
		before := len(s.Dump()["api_key"])
		for name, tt := range map[string]struct {
			in    app.KeyAsked
			field string // empty for not found
		}{
			"an admin for single sites":  {app.KeyAsked{Role: auth.Admin, Sites: []id.Site{shop.ID}}, "role"},
			"one that has expired":       {app.KeyAsked{Role: auth.Viewer, ExpiresAt: s.Clock.Now()}, "expire_time"},
			"for a site that is not":     {app.KeyAsked{Role: auth.Viewer, Sites: []id.Site{shop.ID, id.NewSite()}}, ""},
			"for a site of another's":    {app.KeyAsked{Role: auth.Viewer, Sites: []id.Site{theirs.ID}}, ""},
			"a platform admin for sites": {app.KeyAsked{Role: auth.PlatformAdmin, Sites: []id.Site{shop.ID}}, "role"},
		} {
			t.Run(name, func(t *testing.T) {
				_, err := s.App.CreateKey(t.Context(), s.PlatformAdmin(), tt.in, "")
				if tt.field == "" {
					wantNotFound(t, err)
				} else {
					wantViolation(t, err, tt.field, "")
				}
			})
		}
		if got := len(s.Dump()["api_key"]); got != before {
			t.Errorf("%d keys more", got-before)
		}
	})
	t.Run("repeated does not show its text again", func(t *testing.T) {
		s := stage(t)
		for _, shown := range []bool{true, false} {
			key, err := s.App.CreateKey(t.Context(), s.PlatformAdmin(), app.KeyAsked{Role: auth.Viewer}, "request-1")
			if err != nil || (key.Text != "") != shown || key.Key.ID == "" {
				t.Errorf("got %+v, %v", key, err)
			}
			tenant, err := s.App.CreateTenant(t.Context(), s.PlatformAdmin(), "acme", admin.Limits{}, "request-2")
			if err != nil || (tenant.Key != "") != shown || tenant.Tenant.ID == "" {
				t.Errorf("got %+v, %v", tenant, err)
			}
		}
	})
}

func TestKeys_open_nothing_once_they_have_ended(t *testing.T) {
	s := stage(t)
	refused := func(text secret.Secret) bool {
		var refused *auth.CredentialError
		_, err := s.App.Auth().Authenticate(t.Context(), text.Reveal())
		return errors.As(err, &refused)
	}
	t.Run("by their time", func(t *testing.T) {
		made, err := s.App.CreateKey(t.Context(), s.PlatformAdmin(), app.KeyAsked{Role: auth.Viewer, ExpiresAt: s.Clock.Now().Add(time.Hour)}, "")
		must(t, err)
		s.Clock.Advance(time.Hour - time.Microsecond)
		if refused(made.Text) {
			t.Error("it ends too early")
		}
		s.Clock.Advance(time.Microsecond)
		if !refused(made.Text) {
			t.Error("it does not end")
		}
	})
	t.Run("by being revoked, at once and for good", func(t *testing.T) {
		made, err := s.App.CreateKey(t.Context(), s.PlatformAdmin(), app.KeyAsked{Role: auth.Viewer}, "")
		must(t, err)
		if refused(made.Text) {
			t.Error("it opens nothing before")
		}
		first, err := s.App.RevokeKey(t.Context(), s.PlatformAdmin(), made.Key.ID, "")
		if err != nil || !first.RevokedAt.Equal(s.Clock.Now()) || !refused(made.Text) {
			t.Errorf("it is %+v, %v", first, err)
		}
		s.Clock.Advance(time.Hour)
		before := s.Dump()
		again, err := s.App.RevokeKey(t.Context(), s.PlatformAdmin(), made.Key.ID, "")
		if err != nil || !again.RevokedAt.Equal(first.RevokedAt) || s.Dump().Added(before)["outbox"] != 0 {
			t.Errorf("the second time it is %+v, %v", again, err)
		}
	})
}

func TestRevokeKey(t *testing.T) {
	revoke := func(s scene, by, key auth.Principal) error {
		_, err := s.App.RevokeKey(s.t.Context(), by, key.KeyID, "")
		return err
	}
	acme := func(s scene) id.Tenant { return s.NewTenant("acme").TenantID }
	t.Run("not a tenant's last admin that does not expire", func(t *testing.T) {
		s := stage(t)
		tenant := acme(s)
		admin := s.As(tenant, auth.Admin)
		operator := s.As(tenant, auth.Operator)
		s.Key(app.KeyAsked{TenantID: tenant, Role: auth.Admin, ExpiresAt: s.Clock.Now().Add(time.Hour)})
		wantPrecondition(t, revoke(s, admin, admin))
		must(t, revoke(s, admin, operator))
		second := s.As(tenant, auth.Admin)
		must(t, revoke(s, second, admin))
		wantPrecondition(t, revoke(s, second, second))
		must(t, revoke(s, s.PlatformAdmin(), second)) // who can make another
	})
	t.Run("not a platform admin's own last one, whatever admins there are", func(t *testing.T) {
		s := stage(t)
		boss := s.As(s.Caller.TenantID, auth.PlatformAdmin)
		s.As(s.Caller.TenantID, auth.Admin)
		wantPrecondition(t, revoke(s, boss, boss))
		s.As(s.Caller.TenantID, auth.PlatformAdmin)
		must(t, revoke(s, boss, boss))
	})
	t.Run("nor another tenant's, which is not there", func(t *testing.T) {
		s := stage(t)
		key := s.As(acme(s), auth.Viewer)
		by := s.As(s.Caller.TenantID, auth.Admin)
		wantNotFound(t, revoke(s, by, key))
		wantNotFound(t, revoke(s, by, auth.Principal{KeyID: id.NewKey()}))
	})
}

func TestListKeys(t *testing.T) {
	s := stage(t)
	acme := s.NewTenant("acme").TenantID
	by := s.As(acme, auth.Admin)
	ended := s.As(acme, auth.Viewer)
	_, err := s.App.RevokeKey(t.Context(), by, ended.KeyID, "")
	must(t, err)
	s.Key(app.KeyAsked{TenantID: acme, Role: auth.Viewer, ExpiresAt: s.Clock.Now().Add(time.Minute)})
	for _, tt := range []struct {
		name   string
		by     auth.Principal
		tenant id.Tenant
		all    bool
		want   int
	}{
		{"valid ones", by, "", false, 2},
		{"all", by, acme, true, 3},
		{"by a platform admin", s.PlatformAdmin(), acme, false, 2},
	} {
		keys, err := s.App.ListKeys(t.Context(), tt.by, tt.tenant, auth.Page{All: tt.all, Limit: 10})
		if err != nil || len(keys) != tt.want {
			t.Errorf("%s: got %+v, %v", tt.name, keys, err)
		}
	}
	s.Clock.Advance(time.Minute)
	if keys, err := s.App.ListKeys(t.Context(), by, "", auth.Page{Limit: 10}); err != nil || len(keys) != 1 || keys[0].ID != by.KeyID {
		t.Errorf("later: got %+v, %v", keys, err)
	}
	_, err = s.App.ListKeys(t.Context(), s.As(s.Caller.TenantID, auth.Admin), acme, auth.Page{Limit: 10})
	wantNotFound(t, err)
	_, err = s.App.ListKeys(t.Context(), s.PlatformAdmin(), id.NewTenant(), auth.Page{Limit: 10})
	wantNotFound(t, err)
}

// A key for single sites knows nothing else, whatever it asks for.
func TestScopedKey(t *testing.T) {
	s := stage(t)
	shop, rest := s.serving(), s.Create("Else")
	s.Settle()
	other := s.Get(rest)
	ours, theirs := s.add(shop, "ours.test").Domain, s.add(rest, "theirs.test").Domain
	op := s.Operation(rest, "create_site").ID
	by := s.As(s.Caller.TenantID, auth.Operator, shop.ID)
	ctx := t.Context()
	t.Run("sees its own", func(t *testing.T) {
		if _, err := s.App.GetSite(ctx, by, shop.ID); err != nil {
			t.Error(err)
		}
		if _, err := s.App.GetDomain(ctx, by, ours.ID); err != nil {
			t.Error(err)
		}
		if _, err := s.App.GetOperation(ctx, by, s.Operation(shop, "create_site").ID); err != nil {
			t.Error(err)
		}
		if _, err := s.App.GetOperation(ctx, by, s.Operation(shop, "activate_domain").ID); err != nil {
			t.Error(err)
		}
		sites, err := s.App.ListSites(ctx, by, site.Page{Limit: 10})
		if err != nil || len(sites) != 1 || sites[0].Site.ID != shop.ID {
			t.Errorf("sites %+v, %v", sites, err)
		}
		domains, err := s.App.ListDomains(ctx, by, network.Page{Limit: 10})
		if err != nil || len(domains) != 2 || domains[0].Domain.SiteID != shop.ID || domains[1].Domain.SiteID != shop.ID {
			t.Errorf("domains %+v, %v", domains, err)
		}
	})
	t.Run("changes its own", func(t *testing.T) {
		_, err := s.App.UpdateSite(ctx, by, shop.ID, renamed("Mine"), "")
		must(t, err)
		_, err = s.App.AddDomain(ctx, by, shop.ID, app.NewDomain{Hostname: "more.test"}, "")
		must(t, err)
	})
	for name, call := range map[string]func() error{
		"GetSite":       func() error { _, err := s.App.GetSite(ctx, by, rest.ID); return err },
		"Timeline":      func() error { _, err := s.App.Timeline(ctx, by, rest.ID); return err },
		"ListRevisions": func() error { _, err := s.App.ListRevisions(ctx, by, rest.ID, 0, 10); return err },
		"GetDomain":     func() error { _, err := s.App.GetDomain(ctx, by, theirs.ID); return err },
		"GetOperation":  func() error { _, err := s.App.GetOperation(ctx, by, op); return err },
		"GetOperation of a domain": func() error {
			_, err := s.App.GetOperation(ctx, by, s.Operation(rest, "activate_domain").ID)
			return err
		},
		"UpdateSite":       func() error { _, err := s.App.UpdateSite(ctx, by, rest.ID, renamed("Mine"), ""); return err },
		"RollbackSite":     func() error { _, err := s.App.RollbackSite(ctx, by, rest.ID, 1, 0, ""); return err },
		"DeleteSite":       func() error { _, err := s.App.DeleteSite(ctx, by, rest.ID, ""); return err },
		"RetrySite":        func() error { _, err := s.App.RetrySite(ctx, by, rest.ID, ""); return err },
		"SetPrimaryDomain": func() error { _, err := s.App.SetPrimaryDomain(ctx, by, rest.ID, theirs.ID, ""); return err },
		"SetPrimaryDomain to a foreign one": func() error {
			_, err := s.App.SetPrimaryDomain(ctx, by, shop.ID, theirs.ID, "")
			return err
		},
		"AddDomain": func() error {
			_, err := s.App.AddDomain(ctx, by, rest.ID, app.NewDomain{Hostname: "mine.test"}, "")
			return err
		},
		"CheckDomain":     func() error { _, err := s.App.CheckDomain(ctx, by, theirs.ID, ""); return err },
		"RemoveDomain":    func() error { _, err := s.App.RemoveDomain(ctx, by, theirs.ID, "", ""); return err },
		"CancelOperation": func() error { _, err := s.App.CancelOperation(ctx, by, op, ""); return err },
	} {
		t.Run("finds nothing of another site by "+name, func(t *testing.T) { wantNotFound(t, call()) })
	}
	for name, call := range map[string]func() error{
		"CreateSite": func() error { _, err := s.App.CreateSite(ctx, by, named("Next"), ""); return err },
		"CreateKey": func() error {
			_, err := s.App.CreateKey(ctx, by, app.KeyAsked{Role: auth.Viewer}, "")
			return err
		},
		"RevokeKey": func() error { _, err := s.App.RevokeKey(ctx, by, by.KeyID, ""); return err },
		"ListAudit": func() error { _, err := s.App.ListAudit(ctx, by, admin.AuditPage{Limit: 10}, false); return err },
	} {
		t.Run("does nothing to the tenant by "+name, func(t *testing.T) { wantScope(t, call()) })
	}
	if got := s.Get(rest); got.Site.Version != other.Site.Version {
		t.Errorf("the other site is %+v", got.Site)
	}
}

// The text of a key is nowhere in the database, not even in what is kept to be
// answered again.
func TestKeys_are_kept_nowhere(t *testing.T) {
	s := stage(t)
	boss := s.PlatformAdmin()
	tenant, err := s.App.CreateTenant(t.Context(), boss, "acme", admin.Limits{}, "request-1")
	must(t, err)
	key, err := s.App.CreateKey(t.Context(), boss, app.KeyAsked{Name: "ci", Role: auth.Viewer}, "request-2")
	must(t, err)
	issued, err := app.IssueKey(context.Background(), s.Store, s.Caller.TenantID, "first", auth.Admin, s.Clock.Now())
	must(t, err)
	files := s.Files()
	if !bytes.Contains(files, []byte(key.Key.ID)) {
		t.Fatal("these are not the database's files")
	}
	for name, text := range map[string]secret.Secret{"a tenant's first": tenant.Key, "a made": key.Text, "an issued": issued} {
		parts := strings.Split(text.Reveal(), "_")
		for _, part := range []string{text.Reveal(), parts[2], parts[3]} {
			if bytes.Contains(files, []byte(part)) {
				t.Errorf("%s key is in the database", name)
			}
		}
	}
}
