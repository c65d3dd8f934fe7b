package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/siteplane/siteplane/internal/platform/pgtest"
	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/network"
	"github.com/siteplane/siteplane/services/lifecycle/site"
	"github.com/siteplane/siteplane/services/lifecycle/store"
)

// spoil makes the server refuse a share of the statements that write into some tables:
// every nth raises the code, or, where that is 57P01, ends the session. A sequence counts
// them, which no rollback turns back.
func (l *ledger) spoil(code string, nth int, tables ...string) {
	l.Helper()
	raise := fmt.Sprintf("RAISE EXCEPTION 'spoiled' USING ERRCODE = '%s'", code)
	if code == "57P01" {
		raise = "PERFORM pg_terminate_backend(pg_backend_pid())"
	}
	name := "spoil_" + strings.ToLower(code)
	l.run("CREATE SEQUENCE "+name+"_count", fmt.Sprintf(`
		CREATE FUNCTION %[1]s() RETURNS trigger LANGUAGE plpgsql AS $$
		BEGIN
			IF nextval('%[1]s_count') %% %[2]d = 0 THEN %[3]s; END IF;
			RETURN NULL;
		END $$`, name, nth, raise))
	for _, table := range tables {
		l.run(fmt.Sprintf("CREATE TRIGGER %[1]s_%[2]s AFTER INSERT OR UPDATE ON %[2]s FOR EACH STATEMENT EXECUTE FUNCTION %[1]s()", name, table))
	}
}

// The server says again and again that others were in the way (F23).
func TestUpdate_in_the_way(t *testing.T) {
	t.Parallel()
	const writers, each = 3, 10
	l := newLedger(t, pgtest.New(t, Migrate))
	l.spoil("40001", 5, "site", "outbox")
	l.spoil("40P01", 7, "site", "outbox")
	var answers told
	var all sync.WaitGroup
	for replica := range 2 {
		s := l.open(Config{})
		for writer := range writers {
			all.Go(func() {
				for n := range each {
					if err := answers.add(t.Context(), l, s, fmt.Sprintf("%d-%d-%d", replica, writer, n)); err != nil {
						t.Error(err)
					}
				}
			})
		}
	}
	all.Wait()
	answers.check(l)
	if got := l.runs.Load(); got < 2*writers*each*3/2 {
		t.Errorf("closures ran %d times: too few were in the way", got)
	}
}

// What never ends is given up, and says so.
func TestUpdate_in_the_way_for_ever(t *testing.T) {
	for _, code := range []string{"40001", "40P01"} {
		t.Run(code, func(t *testing.T) {
			t.Parallel()
			l := newLedger(t, pgtest.New(t, Migrate))
			s := l.open(Config{})
			l.spoil(code, 1, "outbox")
			began := time.Now()
			unavailableIn(t, answeredWithin, began, l.add(t.Context(), s, "word"))
			l.has("word", 0)
			if got := l.runs.Load(); got != maxRuns {
				t.Errorf("the closure ran %d times", got)
			}
		})
	}
}

// What the server refuses for want of something is no matter of another run.
func TestUpdate_refused(t *testing.T) {
	for _, code := range []string{"53300", "53100", "57P03", "58030"} {
		t.Run(code, func(t *testing.T) {
			t.Parallel()
			l := newLedger(t, pgtest.New(t, Migrate))
			s := l.open(Config{})
			l.spoil(code, 2, "outbox")
			must(t, l.add(t.Context(), s, "first"))
			unavailableIn(t, time.Second, time.Now(), l.add(t.Context(), s, "second"))
			must(t, l.add(t.Context(), s, "third"))
			for word, times := range map[string]int{"first": 1, "second": 0, "third": 1} {
				l.has(word, times)
			}
		})
	}
}

// An operator ends sessions while they write and while they read. What was about to be
// committed is run again; what was not is answered.
func TestUpdate_whose_session_is_ended(t *testing.T) {
	t.Parallel()
	l := newLedger(t, pgtest.New(t, Migrate))
	s := l.open(Config{})
	l.spoil("57P01", 2, "outbox")
	for _, word := range []string{"first", "second", "third"} {
		must(t, l.add(t.Context(), s, word))
		l.has(word, 1)
	}
	if got := s.lost.Load(); got == 0 {
		t.Error("no session was ended")
	}
	err := s.Update(t.Context(), func(tx store.Tx) error {
		_, err := tx.GetSite(t.Context(), l.tenant, l.site)
		must(t, err)
		l.run(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity
			WHERE datname = current_database() AND application_name = 'siteplane' AND state = 'idle in transaction'`)
		began := time.Now()
		_, err = tx.GetSite(t.Context(), l.tenant, l.site)
		unavailableIn(t, time.Second, began, err)
		return err
	})
	unavailableIn(t, answeredWithin, time.Now(), err)
	must(t, l.add(t.Context(), s, "fifth"))
}

// Two replicas take two rows in the opposite order, again and again.
func TestUpdate_deadlock(t *testing.T) {
	t.Parallel()
	const each = 8
	l := newLedger(t, pgtest.New(t, Migrate))
	other := *l
	other.site = id.NewSite()
	must(t, l.open(Config{}).Update(t.Context(), func(tx store.Tx) error { return l.insert(t.Context(), tx, other.site, "other") }))
	order := [][2]*ledger{{l, &other}, {&other, l}}
	met := make(chan struct{})
	var all sync.WaitGroup
	var stores [2]*Store
	for replica := range 2 {
		s := l.open(Config{DSN: l.dsn + "&deadlock_timeout=20ms"})
		stores[replica] = s
		all.Go(func() {
			for n := range each {
				first := true
				err := s.Update(t.Context(), func(tx store.Tx) error {
					if err := order[replica][0].append(t.Context(), tx, fmt.Sprintf("%d-%d", replica, n)); err != nil {
						return err
					}
					if first {
						meet(met)
					}
					first = false
					return order[replica][1].append(t.Context(), tx, fmt.Sprintf("%d-%d", replica, n))
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	for _, of := range order[0] {
		name, _ := of.counts()
		if len(name) != 2*each {
			t.Errorf("%d words are there: %v", len(name), name)
		}
		for word, times := range name {
			if times != 1 {
				t.Errorf("%s is %d times there", word, times)
			}
		}
	}
	if stores[0].Conflicts()+stores[1].Conflicts() < each/2 {
		t.Error("nobody was in anybody's way")
	}
}

// append adds a word within a transaction.
func (l *ledger) append(ctx context.Context, tx store.Tx, word string) error {
	has, err := tx.GetSite(ctx, l.tenant, l.site)
	if err != nil {
		return err
	}
	has.Name += word + " "
	return tx.UpdateSite(ctx, has)
}

// meet waits for somebody else who does, but not for long: the other may be kept from
// it by us.
func meet(at chan struct{}) {
	select {
	case at <- struct{}{}:
	case <-at:
	case <-time.After(200 * time.Millisecond):
	}
}

// A reader and somebody who locks tables wait for each other.
func TestView_deadlock(t *testing.T) {
	t.Parallel()
	l := newLedger(t, pgtest.New(t, Migrate))
	s := l.open(Config{DSN: l.dsn + "&deadlock_timeout=20ms"})
	locker := l.session()
	_, err := locker.Exec(t.Context(), "BEGIN; LOCK TABLE domain")
	must(t, err)
	runs := 0
	locked := make(chan error, 1)
	must(t, s.View(t.Context(), func(tx store.Tx) error {
		runs++
		if _, err := tx.GetSite(t.Context(), l.tenant, l.site); err != nil {
			return err
		}
		if runs == 1 {
			go func() {
				_, err := locker.Exec(t.Context(), "LOCK TABLE site; COMMIT")
				locked <- err
			}()
			l.awaitWaiter("site")
		}
		_, err := tx.DomainsOfSite(t.Context(), l.tenant, l.site)
		return err
	}))
	must(t, <-locked)
	if runs < 2 {
		t.Error("the two were not in each other's way")
	}
}

// awaitWaiter returns once somebody waits for a lock on a table.
func (l *ledger) awaitWaiter(table string) {
	l.Helper()
	conn := l.session()
	eventually(l.T, 5*time.Second, func() (err error) {
		var waits bool
		err = conn.QueryRow(l.Context(), `
			SELECT EXISTS (SELECT 1 FROM pg_locks JOIN pg_database ON pg_database.oid = database
			WHERE datname = current_database() AND relation = $1::text::regclass AND NOT granted)`, table).Scan(&waits)
		if err == nil && !waits {
			err = errors.New("nobody waits for the lock")
		}
		return err
	})
}

// Two replicas decide at the same time by what they read, each on what the other is
// about to change.
func TestUpdate_decides_by_what_is_so(t *testing.T) {
	errFull := errors.New("no more")
	decisions := map[string]func(ctx context.Context, l *ledger, tx store.Tx, n int) error{
		"a tenant has no more sites than its limit": func(ctx context.Context, l *ledger, tx store.Tx, n int) error {
			tenant, err := tx.GetTenant(ctx, l.tenant)
			if err != nil {
				return err
			}
			has, err := tx.Usage(ctx, tenant.ID)
			if err != nil {
				return err
			}
			if has.Sites >= 4 {
				return errFull
			}
			return l.insert(ctx, tx, id.NewSite(), fmt.Sprintf("shop-%d", n))
		},
		"a site has no more domains than three": func(ctx context.Context, l *ledger, tx store.Tx, n int) error {
			has, err := tx.DomainsOfSite(ctx, l.tenant, l.site)
			if err != nil {
				return err
			}
			if len(has) >= 3 {
				return errFull
			}
			return l.domain(ctx, tx, fmt.Sprintf("shop-%d.example.com", n))
		},
		"a site that is being deleted gets no domain": func(ctx context.Context, l *ledger, tx store.Tx, n int) error {
			has, err := tx.GetSite(ctx, l.tenant, l.site)
			if err != nil {
				return err
			}
			domains, err := tx.DomainsOfSite(ctx, l.tenant, l.site)
			if err != nil {
				return err
			}
			switch {
			case has.Status != site.Created:
				return errFull
			case len(domains) == 3:
				return tx.TransitionSite(ctx, lifecycle.Change{
					ObjectID: string(l.site), TenantID: string(l.tenant), From: string(has.Status), Event: "delete", To: string(site.Deleting),
					Cause: lifecycle.Cause{Actor: "test", Reason: "asked for", At: time.Now()},
				})
			}
			return l.domain(ctx, tx, fmt.Sprintf("shop-%d.example.com", n))
		},
	}
	for name, decide := range decisions {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLedger(t, pgtest.New(t, Migrate))
			stores := []*Store{l.open(Config{}), l.open(Config{})}
			var all sync.WaitGroup
			for n := range 16 {
				all.Go(func() {
					err := stores[n%2].Update(t.Context(), func(tx store.Tx) error { return decide(t.Context(), l, tx, n) })
					if err != nil && !errors.Is(err, errFull) {
						t.Error(err)
					}
				})
			}
			all.Wait()
			if got := l.column("SELECT count(*)::text FROM site")[0] + l.column("SELECT count(*)::text FROM domain")[0]; got != "40" && got != "13" {
				t.Errorf("sites and domains: %s", got)
			}
		})
	}
}

func (l *ledger) domain(ctx context.Context, tx store.Tx, hostname string) error {
	now := time.Now()
	d := network.Domain{
		ID: id.NewDomain(), TenantID: l.tenant, SiteID: l.site, Hostname: hostname, Kind: network.Custom,
		Status: network.PendingDNS, Wanted: network.Hidden, Version: 1, CreatedAt: now, UpdatedAt: now,
	}
	return tx.InsertDomain(ctx, d, lifecycle.Cause{Actor: "test", Reason: "asked for", At: now})
}

// A closure goes on after a broken rule as it likes.
func TestUpdate_goes_on(t *testing.T) {
	t.Run("with another name when one is taken", func(t *testing.T) {
		t.Parallel()
		l := newLedger(t, pgtest.New(t, Migrate))
		must(t, l.open(Config{}).Update(t.Context(), func(tx store.Tx) error {
			var taken *lifecycle.TakenError
			err := l.insert(t.Context(), tx, id.NewSite(), "shop")
			if !errors.As(err, &taken) && err != nil {
				return err
			}
			if taken == nil {
				return nil // not known yet
			}
			return l.insert(t.Context(), tx, id.NewSite(), "shop-2")
		}))
		if got := l.column("SELECT slug FROM site ORDER BY slug"); strings.Join(got, " ") != "shop shop-2" {
			t.Errorf("there are %v", got)
		}
	})
	t.Run("without what was refused, and loses nothing else", func(t *testing.T) {
		t.Parallel()
		l := newLedger(t, pgtest.New(t, Migrate))
		must(t, l.open(Config{}).Update(t.Context(), func(tx store.Tx) error {
			if err := l.emit(t.Context(), tx, "before"); err != nil {
				return err
			}
			_ = l.insert(t.Context(), tx, id.NewSite(), "shop") // taken
			return l.emit(t.Context(), tx, "after")
		}))
		if _, outbox := l.counts(); outbox["before"] != 1 || outbox["after"] != 1 {
			t.Errorf("there are %v", outbox)
		}
	})
	for name, made := range map[string]error{"and forgets that others were in the way": nil, "and makes another error of others who were in the way": errors.New("stop")} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLedger(t, pgtest.New(t, Migrate))
			s := l.open(Config{})
			l.spoil("40001", 2, "site")
			for _, word := range []string{"first", "second", "third"} {
				must(t, s.Update(t.Context(), func(tx store.Tx) error {
					l.runs.Add(1)
					if err := l.append(t.Context(), tx, word); err != nil && made != nil {
						return made
					}
					return l.emit(t.Context(), tx, word)
				}))
				l.has(word, 1)
			}
			if got := l.runs.Load(); got < 4 {
				t.Errorf("the closure ran %d times: nobody was in its way", got)
			}
		})
	}
	t.Run("but not to a commit of nothing after a context of its own has ended", func(t *testing.T) {
		t.Parallel()
		l := newLedger(t, pgtest.New(t, Migrate))
		err := l.open(Config{}).Update(t.Context(), func(tx store.Tx) error {
			if err := l.append(t.Context(), tx, "word"); err != nil {
				return err
			}
			ended, cancel := context.WithCancel(t.Context())
			cancel()
			_, _ = tx.GetSite(ended, l.tenant, l.site)
			return nil
		})
		if err == nil {
			t.Error("it was said to be committed")
		}
		l.has("word", 0)
	})
}
