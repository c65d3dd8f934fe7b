package storetest

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/siteplane/siteplane/services/lifecycle/event"
	"github.com/siteplane/siteplane/services/lifecycle/site"
	"github.com/siteplane/siteplane/services/lifecycle/store"
	"github.com/siteplane/siteplane/services/lifecycle/worker"
)

var txTests = []test{
	{"an update whose closure errs leaves nothing", updateRollsBack},
	{"an update whose closure panics leaves nothing and the store usable", panicRollsBack},
	{"an update sees what it wrote", updateSeesItself},
	{"concurrent updates lose nothing", updatesSerialize},
	{"a view cannot write", viewCannotWrite},
	{"a view returns the error of its closure", viewReturnsError},
	{"a cancelled context ends an update before it commits", cancelEndsUpdate},
	{"a cancelled context begins nothing", cancelBeginsNothing},
	{"a commit that marked work is announced after it happened", marksAreAnnounced},
	{"nothing is announced when no work became due", othersAreSilent},
	{"a commit that emitted events is announced once after it happened", eventsAreAnnounced},
	{"nothing is announced when no event was committed", withoutEventsIsSilent},
	{"the era of a new store is 1", eraIsOne},
	{"the installation id is 16 hexadecimal digits that stay", installationIDStays},
}

var errStop = errors.New("stop here")

func updateRollsBack(f *fixture) {
	s, r := f.blankSite("shop")
	err := f.try(func(tx store.Tx) error {
		f.must(tx.InsertSite(f.ctx, s, r, f.cause("asked for")))
		f.must(tx.MarkWork(f.ctx, worker.Mark{Kind: worker.Site, Key: string(s.ID), DueAt: f.now}))
		return errStop
	})
	f.is(err, errStop)
	f.isEmpty(s)
}

// isEmpty checks that nothing of a site is in the store.
func (f *fixture) isEmpty(s site.Site) {
	f.Helper()
	f.must(f.store.View(f.ctx, func(tx store.Tx) error {
		_, err := tx.GetSite(f.ctx, s.TenantID, s.ID)
		f.notFound(err, "site", string(s.ID))
		history, err := tx.HistoryOf(f.ctx, []string{string(s.ID)})
		equal(f, len(history), 0)
		f.must(err)
		events, err := tx.Events(f.ctx, event.Query{Limit: 10})
		equal(f, len(events), 0)
		f.must(err)
		_, ok, err := tx.NextDue(f.ctx)
		equal(f, ok, false)
		return err
	}))
}

func panicRollsBack(f *fixture) {
	s, r := f.blankSite("shop")
	func() {
		defer func() { equal(f, recover(), any("broken")) }()
		_ = f.try(func(tx store.Tx) error {
			f.must(tx.InsertSite(f.ctx, s, r, f.cause("asked for")))
			panic("broken")
		})
	}()
	f.isEmpty(s)
	f.newSite("shop")
}

func updateSeesItself(f *fixture) {
	s, r := f.blankSite("shop")
	f.update(func(tx store.Tx) error {
		f.must(tx.InsertSite(f.ctx, s, r, f.cause("asked for")))
		got, err := tx.GetSite(f.ctx, f.tenant, s.ID)
		equal(f, got, s)
		return err
	})
}

func updatesSerialize(f *fixture) {
	s := f.newSite("shop")
	s.Name = ""
	f.update(func(tx store.Tx) error { return tx.UpdateSite(f.ctx, s) })
	var all sync.WaitGroup
	errs := make(chan error, 20)
	for range cap(errs) {
		all.Go(func() {
			errs <- f.try(func(tx store.Tx) error {
				now, err := tx.GetSite(f.ctx, s.TenantID, s.ID)
				if err != nil {
					return err
				}
				now.Name += "x"
				return tx.UpdateSite(f.ctx, now)
			})
		})
	}
	all.Wait()
	close(errs)
	for err := range errs {
		f.must(err)
	}
	equal(f, f.getSite(s).Name, strings.Repeat("x", cap(errs)))
}

func viewCannotWrite(f *fixture) {
	s := f.newSite("shop")
	writes := map[string]func(tx store.Tx) error{
		"insert": func(tx store.Tx) error {
			blank, r := f.blankSite("other")
			return tx.InsertSite(f.ctx, blank, r, f.cause("asked for"))
		},
		"update":     func(tx store.Tx) error { return tx.UpdateSite(f.ctx, s) },
		"transition": func(tx store.Tx) error { return tx.TransitionSite(f.ctx, f.siteChange(s, site.Active)) },
		"mark": func(tx store.Tx) error {
			return tx.MarkWork(f.ctx, worker.Mark{Kind: worker.Site, Key: "k", DueAt: f.now})
		},
		"purge": func(tx store.Tx) error { return tx.PurgeSite(f.ctx, f.tenant, s.ID) },
	}
	for name, write := range writes {
		if err := f.store.View(f.ctx, write); err == nil {
			f.Errorf("a view may %s", name)
		}
	}
	equal(f, f.getSite(s), s)
}

func viewReturnsError(f *fixture) {
	err := f.store.View(f.ctx, func(store.Tx) error { return fmt.Errorf("look: %w", errStop) })
	f.is(err, errStop)
}

func cancelEndsUpdate(f *fixture) {
	s, r := f.blankSite("shop")
	ctx, cancel := context.WithCancel(f.ctx)
	err := f.store.Update(ctx, func(tx store.Tx) error {
		f.must(tx.InsertSite(ctx, s, r, f.cause("asked for")))
		cancel()
		return nil
	})
	f.is(err, context.Canceled)
	f.isEmpty(s)
}

func cancelBeginsNothing(f *fixture) {
	ctx, cancel := context.WithCancel(f.ctx)
	cancel()
	never := func(store.Tx) error {
		f.Error("the closure ran")
		return nil
	}
	f.is(f.store.Update(ctx, never), context.Canceled)
	f.is(f.store.View(ctx, never), context.Canceled)
}

func marksAreAnnounced(f *fixture) {
	var due []time.Time
	f.store.OnMark(func() {
		due = append(due, read(f, func(tx store.Tx) (time.Time, error) {
			at, _, err := tx.NextDue(f.ctx)
			return at, err
		}))
	})
	f.mark("k", f.now, "")
	equal(f, due, []time.Time{f.now})
	w := f.claimOne()
	f.mark("k", f.now.Add(time.Second), "")
	equal(f, f.claim(10), nil) // as who is told does
	f.finish(w, time.Time{})
	equal(f, len(due), 3) // a look that ends dirty may be due now
}

func othersAreSilent(f *fixture) {
	f.store.OnMark(func() { f.Error("announced") })
	f.newSite("shop")
	_ = f.try(func(tx store.Tx) error {
		f.must(tx.MarkWork(f.ctx, worker.Mark{Kind: worker.Site, Key: "k", DueAt: f.now}))
		return errStop
	})
	f.must(f.store.View(f.ctx, func(store.Tx) error { return nil }))
}

func eventsAreAnnounced(f *fixture) {
	var seen []int
	f.store.OnEvent(func() { seen = append(seen, len(f.eventsAfter(0, 10))) })
	f.newSite("one")
	equal(f, seen, []int{1})
	f.update(func(tx store.Tx) error {
		for _, slug := range []string{"other", "third"} {
			s, r := f.blankSite(slug)
			f.must(tx.InsertSite(f.ctx, s, r, f.cause("asked for")))
		}
		return nil
	})
	equal(f, seen, []int{1, 3})
	f.emit(event.Event{Type: event.DriftPolicySet, ObjectID: "edge_1", Data: "{}", At: f.now})
	equal(f, seen, []int{1, 3, 4})
}

func withoutEventsIsSilent(f *fixture) {
	s := f.newSite("shop")
	f.store.OnEvent(func() { f.Error("announced") })
	f.mark("k", f.now, "")
	f.update(func(tx store.Tx) error { return tx.UpdateSite(f.ctx, s) })
	_ = f.try(func(tx store.Tx) error {
		f.must(tx.TransitionSite(f.ctx, f.siteChange(s, site.Provisioning)))
		return errStop
	})
	f.eventsAfter(0, 10)
}

func eraIsOne(f *fixture) {
	equal(f, read(f, func(tx store.Tx) (uint64, error) { return tx.Era(f.ctx) }), 1)
}

func installationIDStays(f *fixture) {
	get := func() string {
		return read(f, func(tx store.Tx) (string, error) { return tx.InstallationID(f.ctx) })
	}
	installation := get()
	if !regexp.MustCompile(`^[0-9a-f]{16}$`).MatchString(installation) {
		f.Fatalf("the installation id is %q", installation)
	}
	f.newSite("shop")
	equal(f, get(), installation)
}
