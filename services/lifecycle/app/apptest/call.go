package apptest

import (
	"context"
	"errors"
	"slices"

	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/app"
	"github.com/siteplane/siteplane/services/lifecycle/auth"
	"github.com/siteplane/siteplane/services/lifecycle/condition"
	"github.com/siteplane/siteplane/services/lifecycle/event"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/saga"
	"github.com/siteplane/siteplane/services/lifecycle/site"
	"github.com/siteplane/siteplane/services/lifecycle/store"
)

// Spec is a valid spec.
func Spec() site.Spec {
	return site.Spec{Origin: &site.Origin{Targets: []site.Target{{Address: "1.1.1.1:8080"}}}}
}

// Create creates a site of the first tenant.
func (w *World) Create(name string) site.Site {
	w.tb.Helper()
	s, err := w.TryCreate(w.Caller, app.NewSite{Name: name, Spec: Spec()}, "")
	w.must(err)
	return s
}

// CreateFor creates a site of a caller's tenant.
func (w *World) CreateFor(by auth.Principal, name string) site.Site {
	w.tb.Helper()
	s, err := w.TryCreate(by, app.NewSite{Name: name, Spec: Spec()}, "")
	w.must(err)
	return s
}

// TryCreate creates a site and returns what the caller was told.
func (w *World) TryCreate(by auth.Principal, in app.NewSite, request app.RequestID) (site.Site, error) {
	ctx, span := w.tracer.Start(w.tb.Context(), "call")
	defer span.End()
	view, err := w.App.CreateSite(ctx, by, in, request)
	r := ref{by.TenantID, view.Site.ID}
	if err == nil && !slices.Contains(w.sites, r) {
		w.sites = append(w.sites, r)
	}
	return view.Site, err
}

// Delete begins to delete a site.
func (w *World) Delete(s site.Site) {
	w.tb.Helper()
	w.must(w.TryDelete(s))
}

// TryDelete begins to delete a site and returns what the caller was told.
func (w *World) TryDelete(s site.Site) error {
	ctx, span := w.tracer.Start(w.tb.Context(), "call")
	defer span.End()
	_, err := w.App.DeleteSite(ctx, w.owner(s), s.ID, "")
	return err
}

// TryRetry retries a site and returns what the caller was told.
func (w *World) TryRetry(s site.Site) error {
	ctx, span := w.tracer.Start(w.tb.Context(), "call")
	defer span.End()
	_, err := w.App.RetrySite(ctx, w.owner(s), s.ID, "")
	return err
}

// Retry retries a site.
func (w *World) Retry(s site.Site) {
	w.tb.Helper()
	w.must(w.TryRetry(s))
}

func (w *World) owner(s site.Site) auth.Principal {
	return auth.Principal{TenantID: s.TenantID, Subject: w.Caller.Subject, Role: auth.Operator}
}

// Get returns a site as its owner sees it.
func (w *World) Get(s site.Site) app.SiteView {
	w.tb.Helper()
	view, err := w.App.GetSite(w.tb.Context(), w.owner(s), s.ID)
	w.must(err)
	return view
}

// Condition returns a condition of a site, or else of its primary domain; the
// zero value when neither has it.
func (w *World) Condition(s site.Site, t condition.Type) condition.Condition {
	w.tb.Helper()
	view := w.Get(s)
	c, ok := condition.Find(view.Conditions, t)
	if !ok && view.Primary != nil {
		c, _ = condition.Find(view.Primary.Conditions, t)
	}
	return c
}

// objects returns the ids of a site and its domains.
func (w *World) objects(ctx context.Context, tx store.Tx, s site.Site) ([]string, error) {
	domains, err := tx.DomainsOfSite(ctx, s.TenantID, s.ID)
	ids := []string{string(s.ID)}
	for _, d := range domains {
		ids = append(ids, string(d.ID))
	}
	return ids, err
}

// Operations returns the operations of a site and its domains, oldest first.
func (w *World) Operations(s site.Site) (ops []saga.Operation) {
	w.tb.Helper()
	w.View(func(ctx context.Context, tx store.Tx) error {
		ids, err := w.objects(ctx, tx, s)
		if err != nil {
			return err
		}
		ops, err = tx.OperationsOf(ctx, ids)
		return err
	})
	return ops
}

// Operation returns the last operation of a kind on a site or its domains.
func (w *World) Operation(s site.Site, kind string) saga.Operation {
	w.tb.Helper()
	ops := w.Operations(s)
	for i := len(ops) - 1; i >= 0; i-- {
		if ops[i].Kind == kind {
			return ops[i]
		}
	}
	w.tb.Fatalf("the site has no operation %s", kind)
	return saga.Operation{}
}

// Journal returns the journal of a site and its domains.
func (w *World) Journal(s site.Site) (entries []saga.Entry) {
	w.tb.Helper()
	var ids []id.Operation
	for _, op := range w.Operations(s) {
		ids = append(ids, op.ID)
	}
	w.View(func(ctx context.Context, tx store.Tx) (err error) {
		entries, err = tx.JournalOf(ctx, ids)
		return err
	})
	return entries
}

// History returns the history of one object.
func (w *World) History(object string) (changes []lifecycle.Change) {
	w.tb.Helper()
	w.View(func(ctx context.Context, tx store.Tx) (err error) {
		changes, err = tx.HistoryOf(ctx, []string{object})
		return err
	})
	return changes
}

// Written counts the rows that only ever grow: history, journal and outbox.
type Written struct {
	History, Journal, Outbox int
}

// Written counts what was written about all sites.
func (w *World) Written() (n Written) {
	w.tb.Helper()
	for _, r := range w.sites {
		s := site.Site{ID: r.site, TenantID: r.tenant}
		n.Journal += len(w.Journal(s))
		w.View(func(ctx context.Context, tx store.Tx) error {
			ids, err := w.objects(ctx, tx, s)
			if err != nil {
				return err
			}
			history, err := tx.HistoryOf(ctx, ids)
			n.History += len(history)
			return err
		})
	}
	w.View(func(ctx context.Context, tx store.Tx) error {
		events, err := tx.Events(ctx, event.Query{Limit: 1 << 20})
		n.Outbox = len(events)
		return err
	})
	return n
}

// Crash reports whether an error says that the process died under a call.
func Crash(err error) bool { return errors.Is(err, ErrDead) }

// TryUpdate gives a site another spec and returns what the caller was told.
func (w *World) TryUpdate(s site.Site, spec site.Spec) (site.Site, error) {
	ctx, span := w.tracer.Start(w.tb.Context(), "call")
	defer span.End()
	view, err := w.App.UpdateSite(ctx, w.Caller, s.ID, app.SiteChange{Spec: &spec}, "")
	return view.Site, err
}

// Deploy gives a site a spec that answers with a header, so that each is another.
func (w *World) Deploy(s site.Site, header string) site.Site {
	w.tb.Helper()
	s, err := w.TryUpdate(s, SpecWith(header))
	w.must(err)
	return s
}

// SpecWith is a valid spec that sends a header of that name.
func SpecWith(header string) site.Spec {
	spec := Spec()
	spec.Options.RequestHeaders = []site.Header{{Name: header, Value: "v"}}
	return spec
}

// TryCancel cancels the operation of a kind that works on a site and returns what
// the caller was told.
func (w *World) TryCancel(s site.Site, kind string) error {
	w.tb.Helper()
	ctx, span := w.tracer.Start(w.tb.Context(), "call")
	defer span.End()
	_, err := w.App.CancelOperation(ctx, w.Caller, w.Operation(s, kind).ID, "")
	return err
}
