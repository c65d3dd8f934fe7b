package app

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/siteplane/siteplane/internal/platform/tracecontext"
	"github.com/siteplane/siteplane/services/lifecycle/admin"
	"github.com/siteplane/siteplane/services/lifecycle/auth"
	"github.com/siteplane/siteplane/services/lifecycle/event"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/store"
)

// ask is what a caller asks to be changed.
type ask struct {
	by auth.Principal
	// action is the name of the RPC.
	action  string
	request RequestID
	// body is everything that was asked for; a repeated request must have the same.
	body any
	// prepare asks what only others know, before the transaction and not for a
	// request that is repeated; nil for nothing.
	prepare func(ctx context.Context) error
}

// record is what a change leaves behind: its audit entry, and its event where the
// store writes none by itself.
type record struct {
	// tenant is the one whose object it is, the caller's unless set otherwise.
	tenant id.Tenant
	object string
	// before and after are the object, nil where there was none.
	before, after any
	// event is empty where there is none to write.
	event event.Type
	// site is the one that the object is or belongs to, empty for others.
	site id.Site
	// data is that of the event.
	data any
}

// mutate is the one way in which callers change anything. In one transaction it
// checks that the caller's tenant may act, answers a repeated request as the first
// one was, or else makes the change, writes audit and event, and keeps the answer.
// Answer must survive JSON; what must not be kept is left out by its tags.
func mutate[Answer any](ctx context.Context, c *ControlPlane, a ask, do func(tx store.Tx, r *record) (Answer, error)) (answer Answer, err error) {
	req, err := newRequest(a)
	if err != nil {
		return answer, err
	}
	end, err := c.running.begin(req)
	if err != nil {
		return answer, err
	}
	defer end()
	if a.prepare != nil {
		replayed, err := c.replayed(ctx, a.by, req, &answer)
		if err != nil || replayed {
			return answer, err
		}
		if err := a.prepare(ctx); err != nil {
			return answer, err
		}
	}
	err = c.store.Update(ctx, func(tx store.Tx) (err error) {
		answer, err = change(ctx, c, tx, a, req, do)
		return err
	})
	if err != nil {
		var none Answer
		return none, err
	}
	return answer, nil
}

// replayed looks for the answer of an earlier request of a caller that may act,
// without changing anything.
func (c *ControlPlane) replayed(ctx context.Context, by auth.Principal, req request, answer any) (replayed bool, err error) {
	err = c.store.View(ctx, func(tx store.Tx) error {
		if err := mayAct(ctx, tx, by); err != nil {
			return err
		}
		replayed, err = req.replay(ctx, tx, answer)
		return err
	})
	return replayed, err
}

func change[Answer any](ctx context.Context, c *ControlPlane, tx store.Tx, a ask, req request, do func(store.Tx, *record) (Answer, error)) (answer Answer, err error) {
	if err := mayAct(ctx, tx, a.by); err != nil {
		return answer, err
	}
	if replayed, err := req.replay(ctx, tx, &answer); err != nil || replayed {
		return answer, err
	}
	r := record{tenant: a.by.TenantID}
	if answer, err = do(tx, &r); err != nil {
		return answer, err
	}
	if err := c.leave(ctx, tx, a, r); err != nil {
		return answer, err
	}
	now := c.clock()
	return answer, req.keep(ctx, tx, r.object, answer, now, now.Add(-c.cfg.KeepRequests))
}

// mayAct returns an *admin.SuspendedError when the caller's tenant may only read.
// The role was looked at when the call came in.
func mayAct(ctx context.Context, tx store.Tx, by auth.Principal) error {
	t, err := tx.GetTenant(ctx, by.TenantID)
	switch {
	case err != nil:
		return err
	case t.Deleted():
		return &auth.CredentialError{}
	case t.Suspended():
		return &admin.SuspendedError{Reason: t.SuspendReason}
	}
	return nil
}

// leave writes the audit entry of a change, and its event.
func (c *ControlPlane) leave(ctx context.Context, tx store.Tx, a ask, r record) error {
	before, err := object(r.before)
	if err != nil {
		return err
	}
	after, err := object(r.after)
	if err != nil {
		return err
	}
	if err := tx.AppendAudit(ctx, admin.Entry{
		TenantID: r.tenant, Actor: a.by.Subject, Address: a.by.Address, Action: a.action, ObjectID: r.object,
		Before: before, After: after, TraceID: tracecontext.ID(ctx), RequestID: string(a.request), At: c.clock(),
	}); err != nil || r.event == "" {
		return err
	}
	data, err := object(r.data)
	if err != nil {
		return err
	}
	return tx.Emit(ctx, event.Event{
		Type: r.event, TenantID: string(r.tenant), ObjectID: r.object, SiteID: string(r.site), Data: data, At: c.clock(),
	})
}

// object is something as a JSON object, empty for nil.
func object(v any) (string, error) {
	if v == nil {
		return "", nil
	}
	raw, err := json.Marshal(v)
	if err != nil {
		return "", fmt.Errorf("write down the change: %w", err)
	}
	return string(raw), nil
}
