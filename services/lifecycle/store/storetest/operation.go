package storetest

import (
	"time"

	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/saga"
	"github.com/siteplane/siteplane/services/lifecycle/store"
)

var operationTests = []test{
	{"an operation is kept as it was written", operationIsKept},
	{"an unknown operation is not found", unknownOperation},
	{"an operation of an unknown tenant is refused", operationOfUnknownTenant},
	{"an object has one active operation, whatever its state", oneActiveOperation},
	{"of two operations opened at once exactly one wins", operationsRace},
	{"an object is free for the next operation once the last ended", operationEnds},
	{"an ended operation cannot be reopened beside an active one", operationStaysEnded},
	{"the active operation of an object is found", activeOperation},
	{"an update writes all but the ids, the kind and the creation", operationUpdates},
	{"the operations of several objects are listed oldest first", operationsAreListed},
	{"a journal is kept in order", journalIsKept},
	{"journals of several operations are joined in order", journalsAreJoined},
	{"a journal row of an unknown operation is refused", journalOfUnknown},
}

var (
	activeStates   = []saga.State{saga.Pending, saga.Running, saga.Waiting, saga.Compensating}
	terminalStates = []saga.State{saga.Succeeded, saga.Failed, saga.Cancelled, saga.NeedsAttention}
)

func (f *fixture) getOperation(o saga.Operation) saga.Operation {
	f.Helper()
	return read(f, func(tx store.Tx) (saga.Operation, error) { return tx.GetOperation(f.ctx, o.ID) })
}

// setState writes an operation's state.
func (f *fixture) setState(o saga.Operation, state saga.State) error {
	o.State = state
	return f.try(func(tx store.Tx) error { return tx.UpdateOperation(f.ctx, o) })
}

func operationIsKept(f *fixture) {
	o := f.newOperation("site_1")
	equal(f, f.getOperation(o), o)
	back := f.blankOperation("site_2")
	back.State, back.CompensatingSince = saga.Compensating, f.now
	f.update(func(tx store.Tx) error { return tx.InsertOperation(f.ctx, back) })
	equal(f, f.getOperation(back), back)
}

func unknownOperation(f *fixture) {
	o := f.blankOperation("site_1")
	f.notFound(f.try(func(tx store.Tx) error { _, err := tx.GetOperation(f.ctx, o.ID); return err }), "operation", string(o.ID))
	f.notFound(f.try(func(tx store.Tx) error { return tx.UpdateOperation(f.ctx, o) }), "operation", string(o.ID))
}

func operationOfUnknownTenant(f *fixture) {
	o := f.blankOperation("site_1")
	o.TenantID = "ten_1"
	f.notFound(f.try(func(tx store.Tx) error { return tx.InsertOperation(f.ctx, o) }), "tenant", "ten_1")
}

func oneActiveOperation(f *fixture) {
	o := f.newOperation("site_1")
	for _, state := range activeStates {
		f.must(f.setState(o, state))
		second := f.blankOperation("site_1")
		f.is(f.try(func(tx store.Tx) error { return tx.InsertOperation(f.ctx, second) }), lifecycle.ErrLostRace)
	}
	f.newOperation("site_2")
}

func operationsRace(f *fixture) {
	f.oneWins(func(tx store.Tx) error { return tx.InsertOperation(f.ctx, f.blankOperation("site_1")) })
}

func operationEnds(f *fixture) {
	for _, state := range terminalStates {
		f.must(f.setState(f.newOperation("site_1"), state))
	}
	f.newOperation("site_1")
}

func operationStaysEnded(f *fixture) {
	ended := f.newOperation("site_1")
	f.must(f.setState(ended, saga.Cancelled))
	f.newOperation("site_1")
	f.is(f.setState(ended, saga.Running), lifecycle.ErrLostRace)
}

func activeOperation(f *fixture) {
	f.must(f.setState(f.newOperation("site_1"), saga.Succeeded))
	find := func(want saga.Operation, wantOK bool) {
		f.Helper()
		f.update(func(tx store.Tx) error {
			got, ok, err := tx.ActiveOperation(f.ctx, "site_1")
			equal(f, ok, wantOK)
			equal(f, got, want)
			return err
		})
	}
	find(saga.Operation{}, false)
	find(f.newOperation("site_1"), true)
}

func operationUpdates(f *fixture) {
	o := f.newOperation("site_1")
	want := o
	want.State, want.Step, want.Intent, want.StepStartedAt, want.FailedAttempts = saga.Failed, 2, true, f.now, 3
	want.Reason, want.Message, want.WaitingFor, want.Actor = "CONFIG_REJECTED", "no", "tenant", "key:2"
	want.CompensatingSince = f.now.Add(-time.Minute)
	want.TraceParent, want.UpdatedAt, want.EndedAt = "00-b-c-01", f.now.Add(time.Second), f.now.Add(time.Minute)
	given := want
	given.TenantID, given.Kind, given.ObjectKind, given.ObjectID = "ten_1", "other", "other", "site_2"
	given.CreatedAt = f.now.Add(time.Hour)
	f.update(func(tx store.Tx) error { return tx.UpdateOperation(f.ctx, given) })
	equal(f, f.getOperation(o), want)
}

func operationsAreListed(f *fixture) {
	first := f.newOperation("site_1")
	f.now = f.now.Add(time.Second)
	second := f.newOperation("dom_1")
	f.newOperation("site_2")
	list := func(objects ...string) []saga.Operation {
		return read(f, func(tx store.Tx) ([]saga.Operation, error) { return tx.OperationsOf(f.ctx, objects) })
	}
	equal(f, list("dom_1", "site_1"), []saga.Operation{first, second})
	f.now = f.now.Add(-time.Hour) // another clock
	oldest := f.blankOperation("site_1")
	oldest.State = saga.Failed
	f.update(func(tx store.Tx) error { return tx.InsertOperation(f.ctx, oldest) })
	equal(f, list("dom_1", "site_1"), []saga.Operation{oldest, first, second})
	equal(f, list(), nil)
}

// journal appends a row and returns it as it was given.
func (f *fixture) journal(o saga.Operation, step string) saga.Entry {
	f.Helper()
	e := saga.Entry{
		OperationID: o.ID, Step: step, Attempt: 2, Phase: saga.Outcome, Result: saga.OK, Message: "done",
		ExternalResponse: `{"generation":7}`, TraceID: "t1", At: f.now, Duration: 1500 * time.Microsecond,
	}
	f.update(func(tx store.Tx) error { return tx.AppendJournal(f.ctx, e) })
	return e
}

func (f *fixture) journalOf(ops ...id.Operation) []saga.Entry {
	f.Helper()
	entries := read(f, func(tx store.Tx) ([]saga.Entry, error) { return tx.JournalOf(f.ctx, ops) })
	for i := range entries {
		if i > 0 && entries[i].Seq <= entries[i-1].Seq {
			f.Errorf("entry %d has the number %d after %d", i, entries[i].Seq, entries[i-1].Seq)
		}
	}
	for i := range entries {
		entries[i].Seq = 0
	}
	return entries
}

func journalIsKept(f *fixture) {
	o := f.newOperation("site_1")
	want := []saga.Entry{f.journal(o, "publish"), f.journal(o, "prove")}
	f.journal(f.newOperation("site_2"), "publish")
	equal(f, f.journalOf(o.ID), want)
	equal(f, f.journalOf(), nil)
}

func journalsAreJoined(f *fixture) {
	one, other := f.newOperation("site_1"), f.newOperation("dom_1")
	want := []saga.Entry{f.journal(one, "publish"), f.journal(other, "look"), f.journal(one, "prove")}
	equal(f, f.journalOf(other.ID, one.ID), want)
}

func journalOfUnknown(f *fixture) {
	f.notFound(f.try(func(tx store.Tx) error {
		return tx.AppendJournal(f.ctx, saga.Entry{OperationID: "op_1", Step: "publish", Phase: saga.Intent, At: f.now})
	}), "operation", "op_1")
}
