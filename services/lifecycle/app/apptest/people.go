package apptest

import (
	"context"
	"time"

	"github.com/siteplane/siteplane/services/lifecycle/app"
	"github.com/siteplane/siteplane/services/lifecycle/auth"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/store"
)

// PlatformAdmin is a caller of the first tenant that may do everything. It has no key.
func (w *World) PlatformAdmin() auth.Principal {
	return auth.Principal{TenantID: w.Caller.TenantID, Subject: "key:boss", Role: auth.PlatformAdmin, Address: "203.0.113.9"}
}

// As makes a key and returns its caller; with sites, one that knows only those.
func (w *World) As(tenant id.Tenant, role auth.Role, sites ...id.Site) auth.Principal {
	w.tb.Helper()
	return w.Key(app.KeyAsked{TenantID: tenant, Name: string(role), Role: role, Sites: sites})
}

// Key makes a key as a platform admin does, and returns its caller.
func (w *World) Key(in app.KeyAsked) auth.Principal {
	w.tb.Helper()
	made, err := w.App.CreateKey(w.tb.Context(), w.PlatformAdmin(), in, "")
	w.must(err)
	by, err := w.App.Auth().Authenticate(w.tb.Context(), made.Text.Reveal())
	w.must(err)
	return by
}

// Suspend lets a tenant do nothing any more, whoever it is. Like Resume it leaves
// nothing but the tenant's row.
func (w *World) Suspend(tenant id.Tenant) { w.suspend(tenant, w.Clock.Now(), "unpaid") }

// Resume takes Suspend back.
func (w *World) Resume(tenant id.Tenant) { w.suspend(tenant, time.Time{}, "") }

func (w *World) suspend(tenant id.Tenant, at time.Time, reason string) {
	w.tb.Helper()
	w.Update(func(ctx context.Context, tx store.Tx) error {
		t, err := tx.GetTenant(ctx, tenant)
		if err != nil {
			return err
		}
		t.SuspendedAt, t.SuspendReason = at, reason
		return tx.UpdateTenant(ctx, t)
	})
}

// Sequence puts what has happened in order and tells those who watch, as the running
// sequencer does.
func (w *World) Sequence() {
	w.tb.Helper()
	_, err := w.App.Events(w.tb.Context(), w.PlatformAdmin(), "", app.EventFilter{Installation: true}, 1)
	w.must(err)
}
