package app_test

import (
	"database/sql"
	"slices"
	"strings"
	"testing"

	"github.com/siteplane/siteplane/services/lifecycle/admin"
	"github.com/siteplane/siteplane/services/lifecycle/auth"
)

// audit returns what a caller reads, as "action object".
func (s scene) audit(by auth.Principal, page admin.AuditPage, installation bool) (out []string) {
	s.t.Helper()
	page.Limit = 100
	entries, err := s.App.ListAudit(s.t.Context(), by, page, installation)
	must(s.t, err)
	for _, e := range entries {
		out = append(out, e.Action+" "+e.ObjectID)
	}
	return out
}

func TestListAudit(t *testing.T) {
	s := withTunnel(t)
	acme := s.NewTenant("acme")
	boss := s.PlatformAdmin()
	shop, theirs := s.Create("Shop"), s.CreateFor(acme, "Else")
	_, err := s.update(shop, renamed("The Shop"), "request-1")
	must(t, err)
	edgeID := string(s.EdgeIDs()[0])
	must(t, s.App.SyncTarget(t.Context(), boss, edgeID, ""))
	_, err = s.App.SuspendTenant(t.Context(), boss, acme.TenantID, "unpaid", "")
	must(t, err)
	ours := []string{"UpdateSite " + string(shop.ID), "CreateSite " + string(shop.ID), "EnsureTenant " + string(s.Caller.TenantID)}
	elses := []string{"SuspendTenant " + string(acme.TenantID), "CreateSite " + string(theirs.ID), "EnsureTenant " + string(acme.TenantID)}
	for name, tt := range map[string]struct {
		by           auth.Principal
		page         admin.AuditPage
		installation bool
		want         []string
	}{
		"its own":                            {s.Caller, admin.AuditPage{}, false, ours},
		"a suspended one's own":              {acme, admin.AuditPage{}, false, elses},
		"only its own, whatever it asks for": {acme, admin.AuditPage{TenantID: s.Caller.TenantID}, false, elses},
		"of an object":                       {s.Caller, admin.AuditPage{ObjectID: string(shop.ID)}, false, ours[:2]},
		"by an actor":                        {s.Caller, admin.AuditPage{Actor: "installer"}, false, ours[2:]},
		"of the installation": {boss, admin.AuditPage{}, true, []string{
			elses[0], "SyncTarget " + edgeID, ours[0], elses[1], ours[1], elses[2], ours[2],
		}},
		"of one tenant in the installation": {boss, admin.AuditPage{TenantID: acme.TenantID}, true, elses},
		"what a platform admin did":         {boss, admin.AuditPage{Actor: boss.Subject}, true, []string{elses[0], "SyncTarget " + edgeID}},
	} {
		t.Run(name, func(t *testing.T) {
			if got := s.audit(tt.by, tt.page, tt.installation); !slices.Equal(got, tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
	t.Run("comes in pages, newest first", func(t *testing.T) {
		want := s.audit(boss, admin.AuditPage{}, true)
		for _, limit := range []int{1, 3, 7, 8} {
			var got []string
			for page := (admin.AuditPage{Limit: limit}); len(got) < 20; {
				entries, err := s.App.ListAudit(t.Context(), boss, page, true)
				must(t, err)
				for _, e := range entries {
					got, page.Before = append(got, e.Action+" "+e.ObjectID), e.Seq
				}
				if len(entries) < limit {
					break
				}
			}
			if !slices.Equal(got, want) {
				t.Errorf("pages of %d give %q", limit, got)
			}
		}
	})
	t.Run("of the installation is for platform admins", func(t *testing.T) {
		_, err := s.App.ListAudit(t.Context(), s.As(acme.TenantID, auth.Admin), admin.AuditPage{Limit: 10}, true)
		wantDenied(t, err)
	})
	t.Run("says what changed", func(t *testing.T) {
		entries, err := s.App.ListAudit(t.Context(), s.Caller, admin.AuditPage{ObjectID: string(shop.ID), Limit: 1}, false)
		must(t, err)
		if e := entries[0]; !strings.Contains(e.Before, `"name":"Shop"`) || !strings.Contains(e.After, `"name":"The Shop"`) || e.RequestID != "request-1" {
			t.Errorf("the entry is %+v", e)
		}
	})
	t.Run("is never changed and never deleted", func(t *testing.T) {
		before := s.Dump()["audit"]
		db, err := sql.Open("sqlite", "file:"+s.Path())
		must(t, err)
		defer func() { must(t, db.Close()) }()
		for _, statement := range []string{`UPDATE audit SET actor = 'nobody'`, `DELETE FROM audit`} {
			if _, err := db.ExecContext(t.Context(), statement); err == nil {
				t.Errorf("%s goes through", statement)
			}
		}
		if !slices.Equal(s.Dump()["audit"], before) {
			t.Error("the audit is another")
		}
	})
}
