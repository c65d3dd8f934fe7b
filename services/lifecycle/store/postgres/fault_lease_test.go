package postgres

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/siteplane/siteplane/internal/platform/pgtest"
	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/store"
	"github.com/siteplane/siteplane/services/lifecycle/worker"
)

// short is a lease that is soon over.
const short = 50 * time.Millisecond

func (l *ledger) mark(s *Store, keys ...string) {
	l.Helper()
	must(l, s.Update(l.Context(), func(tx store.Tx) error {
		for _, key := range keys {
			m := worker.Mark{Kind: worker.Site, Key: key, TenantID: string(l.tenant), DueAt: time.Now().Add(-time.Minute)}
			if err := tx.MarkWork(l.Context(), m); err != nil {
				return err
			}
		}
		return nil
	}))
}

func (l *ledger) claim(s *Store, lease time.Duration, limit int) []worker.Work {
	l.Helper()
	claimed, _, err := s.ClaimWork(l.Context(), worker.Claim{Owner: "somebody", Lease: lease, Limit: limit})
	must(l, err)
	return claimed
}

// claimSoon claims one row, once its lease is over.
func (l *ledger) claimSoon(s *Store, lease time.Duration) (w worker.Work) {
	l.Helper()
	eventually(l.T, 5*time.Second, func() error {
		claimed := l.claim(s, lease, 1)
		if len(claimed) == 0 {
			return errors.New("nothing is to be claimed")
		}
		w = claimed[0]
		return nil
	})
	return w
}

// expired returns once the lease of a row is over by the server's clock.
func (l *ledger) expired(w worker.Work) {
	l.Helper()
	conn := l.session()
	eventually(l.T, 5*time.Second, func() error {
		var over bool
		err := conn.QueryRow(l.Context(), "SELECT lease_until < clock_timestamp() FROM work WHERE key = $1", w.Key).Scan(&over)
		if err == nil && !over {
			return errors.New("the lease holds")
		}
		return err
	})
}

// Replicas that claim at the same time pass each other's rows by, and miss none in the
// end.
func TestLease_of_many(t *testing.T) {
	t.Parallel()
	l := newLedger(t, pgtest.New(t, Migrate))
	stores := []*Store{l.open(Config{}), l.open(Config{}), l.open(Config{})}
	var keys []string
	for n := range 60 {
		keys = append(keys, fmt.Sprintf("site_%02d", n))
	}
	l.mark(stores[0], keys...)
	var mu sync.Mutex
	var got []string
	var all sync.WaitGroup
	for _, s := range stores {
		all.Go(func() {
			for none := 0; none < 3; {
				claimed := l.claim(s, time.Hour, 4)
				if len(claimed) == 0 {
					none++
				}
				mu.Lock()
				for _, w := range claimed {
					got = append(got, w.Key)
				}
				mu.Unlock()
			}
		})
	}
	all.Wait()
	for _, w := range l.claim(stores[0], time.Hour, len(keys)) {
		got = append(got, w.Key)
	}
	if slices.Sort(got); !slices.Equal(got, keys) {
		t.Errorf("claimed %v", got)
	}
}

// Who holds a claim in an open transaction keeps it although the lease is over; whose
// claim was taken over writes nothing (F06).
func TestLease_is_held_by_who_writes(t *testing.T) {
	t.Parallel()
	l := newLedger(t, pgtest.New(t, Migrate))
	holder, other := l.open(Config{}), l.open(Config{})
	l.mark(holder, string(l.site))
	w := l.claim(holder, short, 1)[0]
	held := func(word string) error {
		return holder.Update(t.Context(), func(tx store.Tx) error {
			if err := tx.HoldWork(t.Context(), w); err != nil {
				return err
			}
			l.expired(w)
			if claimed := l.claim(other, time.Hour, 1); len(claimed) > 0 && word == "first" {
				t.Error("the row was claimed while its holder writes")
			}
			return l.append(t.Context(), tx, word)
		})
	}
	must(t, held("first"))
	l.claimSoon(other, time.Hour)
	if err := held("second"); !errors.Is(err, lifecycle.ErrFenced) {
		t.Errorf("answered %v", err)
	}
	name, _ := l.counts()
	if name["first"] != 1 || name["second"] != 0 {
		t.Errorf("written is %v", name)
	}
}

// A claim is lost between a look and the check: whoever then writes must have seen it.
func TestLease_lost_after_a_look(t *testing.T) {
	looks := map[string]func(l *ledger, tx store.Tx) error{
		"at nothing": func(*ledger, store.Tx) error { return nil },
		"at the era": func(l *ledger, tx store.Tx) error {
			_, err := tx.Era(l.Context())
			return err
		},
		"at the site": func(l *ledger, tx store.Tx) error {
			_, err := tx.GetSite(l.Context(), l.tenant, l.site)
			return err
		},
	}
	losses := map[string]func(l *ledger, s *Store, w worker.Work){
		"to another claim": func(l *ledger, s *Store, w worker.Work) {
			l.expired(w)
			l.claimSoon(s, time.Hour)
		},
		"to a fence": func(l *ledger, s *Store, w worker.Work) {
			must(l, s.Update(l.Context(), func(tx store.Tx) error { return tx.FenceWork(l.Context(), w.Kind, w.Key) }))
		},
	}
	for where, look := range looks {
		for how, lose := range losses {
			t.Run(where+", "+how, func(t *testing.T) {
				t.Parallel()
				l := newLedger(t, pgtest.New(t, Migrate))
				holder, other := l.open(Config{}), l.open(Config{})
				l.mark(holder, string(l.site))
				w := l.claim(holder, short, 1)[0]
				var once sync.Once
				err := holder.Update(t.Context(), func(tx store.Tx) error {
					if err := look(l, tx); err != nil {
						return err
					}
					once.Do(func() { lose(l, other, w) })
					if err := tx.HoldWork(t.Context(), w); err != nil {
						return err
					}
					return l.emit(t.Context(), tx, "word")
				})
				if !errors.Is(err, lifecycle.ErrFenced) {
					t.Errorf("answered %v", err)
				}
				if _, outbox := l.counts(); outbox["word"] != 0 {
					t.Error("it was written under the claim of another")
				}
			})
		}
	}
}
