package postgres

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/siteplane/siteplane/internal/platform/pgtest"
	"github.com/siteplane/siteplane/services/lifecycle/store"
	"github.com/siteplane/siteplane/services/lifecycle/store/postgres/relay"
)

// The fates of a COMMIT whose answer is lost.
var (
	cutBefore  = relay.Fate{}
	cutAfter   = relay.Fate{Reaches: true}
	lateBefore = relay.Fate{Late: 1500 * time.Millisecond}
	lateAfter  = relay.Fate{Late: 1500 * time.Millisecond, Reaches: true}
	holdBefore = relay.Fate{Silent: true}
	holdAfter  = relay.Fate{Silent: true, Reaches: true}
)

// TestCommit_lost loses the connection in a COMMIT (F24).
func TestCommit_lost(t *testing.T) {
	for name, test := range map[string]struct {
		fate relay.Fate
		// ended says that the caller goes as well.
		ended bool
		// want is the answer, there how often the words are there, and runs how often the
		// closure ran.
		want        error
		there, runs int
	}{
		"before the server saw it, is run again":                         {fate: cutBefore, there: 1, runs: 2},
		"after the server saw it, is committed":                          {fate: cutAfter, there: 1, runs: 1},
		"and the server notices late, is run again":                      {fate: lateBefore, there: 1, runs: 2},
		"and the server commits late, is committed":                      {fate: lateAfter, there: 1, runs: 1},
		"before the server saw it, and the caller goes, is not there":    {fate: cutBefore, ended: true, want: context.Canceled, runs: 1},
		"after the server saw it, and the caller goes, is committed":     {fate: cutAfter, ended: true, there: 1, runs: 1},
		"and the server notices late, and the caller goes, is not there": {fate: lateBefore, ended: true, want: context.Canceled, runs: 1},
		"and the server commits late, and the caller goes, is committed": {fate: lateAfter, ended: true, there: 1, runs: 1},
		"without a word, before the server saw it, is not there":         {fate: holdBefore, ended: true, want: context.Canceled, runs: 1},
		"without a word, after the server saw it, is committed":          {fate: holdAfter, ended: true, there: 1, runs: 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLedger(t, pgtest.New(t, Migrate))
			s, r := l.through()
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			if test.ended {
				test.fate.Met = cancel
			}
			r.OnCommit(relay.Once(test.fate))
			if err := l.add(ctx, s, "word"); !errors.Is(err, test.want) {
				t.Errorf("answered %v, not %v", err, test.want)
			}
			l.has("word", test.there)
			if got := l.runs.Load(); got != int64(test.runs) {
				t.Errorf("the closure ran %d times, not %d", got, test.runs)
			}
		})
	}
}

func TestCommit_lost_of_a_transaction_that_reads_nothing(t *testing.T) {
	for name, fate := range map[string]relay.Fate{"before the server saw it": cutBefore, "after the server saw it": cutAfter} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLedger(t, pgtest.New(t, Migrate))
			s, r := l.through()
			r.OnCommit(relay.Once(fate))
			must(t, s.Update(t.Context(), func(tx store.Tx) error { return l.emit(t.Context(), tx, "word") }))
			if _, outbox := l.counts(); outbox["word"] != 1 {
				t.Errorf("it is there %d times", outbox["word"])
			}
		})
	}
}

// A server that stays away longer than anybody waits leaves the outcome open.
func TestCommit_lost_for_good(t *testing.T) {
	t.Parallel()
	l := newLedger(t, pgtest.New(t, Migrate))
	s, r := l.through()
	r.OnCommit(func() relay.Fate {
		r.Hold()
		return cutBefore
	})
	began := time.Now()
	err := l.add(t.Context(), s, "word")
	unavailableIn(t, answeredWithin, began, err)
	if !errors.Is(err, errUnknown) {
		t.Errorf("answered %v, which does not say that the outcome is unknown", err)
	}
	r.OnCommit(relay.Once(relay.Fate{Passes: true}))
	r.Release()
	eventually(t, 5*time.Second, func() error { return l.add(t.Context(), s, "other") })
	l.has("word", 0)
	l.has("other", 1)
}

// A caller who goes before the COMMIT was sent is not waited for.
func TestCommit_of_a_caller_who_has_gone(t *testing.T) {
	t.Parallel()
	l := newLedger(t, pgtest.New(t, Migrate))
	s := l.open(Config{})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	began := time.Now()
	err := s.Update(ctx, func(tx store.Tx) error {
		if _, err := tx.GetSite(ctx, l.tenant, l.site); err != nil {
			return err
		}
		defer cancel()
		return l.emit(ctx, tx, "word")
	})
	if took := time.Since(began); !errors.Is(err, context.Canceled) || took > time.Second {
		t.Errorf("answered %v after %s", err, took)
	}
	l.has("word", 0)
}

// Many commits of two replicas are lost in every way, and each update still does what it
// says.
func TestCommit_lost_again_and_again(t *testing.T) {
	t.Parallel()
	const seed, writers, each = 6, 3, 12
	t.Log("seed", seed)
	l := newLedger(t, pgtest.New(t, Migrate))
	var answers told
	var all sync.WaitGroup
	for replica := range 2 {
		s, r := l.through()
		late := relay.Fate{Late: 20 * time.Millisecond}
		lateAfter := relay.Fate{Late: 20 * time.Millisecond, Reaches: true}
		r.OnCommit(relay.Sometimes(seed+uint64(replica), 0.3, cutBefore, cutAfter, late, lateAfter))
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
	if got := l.runs.Load(); got <= 2*writers*each {
		t.Errorf("closures ran %d times: nothing was lost", got)
	}
}

// What the server said is told from the end of the connection in any language.
func TestAnswered(t *testing.T) {
	for name, test := range map[string]struct {
		err  error
		want bool
	}{
		"a refused statement":            {&pgconn.PgError{Severity: "ERROR", SeverityUnlocalized: "ERROR", Code: "23505"}, true},
		"a refused statement, in German": {&pgconn.PgError{Severity: "FEHLER", SeverityUnlocalized: "ERROR", Code: "23505"}, true},
		"the end of the server":          {&pgconn.PgError{Severity: "FATAL", SeverityUnlocalized: "FATAL", Code: "57P01"}, false},
		"the end of the connection":      {errors.New("connection reset"), false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := answered(fmt.Errorf("commit: %w", test.err)); got != test.want {
				t.Errorf("got %t", got)
			}
		})
	}
}
