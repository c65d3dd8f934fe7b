package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/siteplane/siteplane/internal/platform/pgtest"
	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/admin"
	"github.com/siteplane/siteplane/services/lifecycle/event"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/site"
	"github.com/siteplane/siteplane/services/lifecycle/store"
	"github.com/siteplane/siteplane/services/lifecycle/store/postgres/relay"
)

// answeredWithin is how long a caller waits at most, whatever the database does.
const answeredWithin = answerLimit + 2*time.Second

// ledger is a database whose one site bears in its name the words that updates have
// added, each of which is in the outbox, too. What an update said can so be compared
// with what it did.
type ledger struct {
	*testing.T
	dsn    string
	tenant id.Tenant
	site   id.Site
	// runs counts the closures that ran.
	runs *atomic.Int64
}

func newLedger(t *testing.T, dsn string) *ledger {
	t.Helper()
	l := &ledger{T: t, dsn: dsn, tenant: id.NewTenant(), site: id.NewSite(), runs: new(atomic.Int64)}
	s := l.open(Config{})
	must(t, s.Update(t.Context(), func(tx store.Tx) error {
		if err := tx.InsertTenant(t.Context(), admin.Tenant{ID: l.tenant, Name: "default", CreatedAt: time.Now()}); err != nil {
			return err
		}
		return l.insert(t.Context(), tx, l.site, "shop")
	}))
	return l
}

// in is the same ledger in the hands of a part of its test.
func (l *ledger) in(t *testing.T) *ledger {
	part := *l
	part.T = t
	return &part
}

// insert inserts a site of the ledger's tenant.
func (l *ledger) insert(ctx context.Context, tx store.Tx, siteID id.Site, slug string) error {
	now := time.Now()
	s := site.Site{
		ID: siteID, TenantID: l.tenant, Slug: slug, Status: site.Created, Wanted: site.Absent,
		WantedRevision: 1, Version: 1, CreatedAt: now, UpdatedAt: now,
	}
	r := site.Revision{SiteID: siteID, Number: 1, Spec: site.Spec{Origin: &site.Origin{}}, CreatedAt: now}
	return tx.InsertSite(ctx, s, r, lifecycle.Cause{Actor: "test", Reason: "asked for", At: now})
}

// open opens a store of the ledger's database.
func (l *ledger) open(cfg Config) *Store {
	l.Helper()
	if cfg.DSN == "" {
		cfg.DSN = l.dsn
	}
	cfg.Connections = orElse(cfg.Connections, 6)
	s, err := Open(l.Context(), cfg)
	must(l, err)
	l.Cleanup(func() { must(l, s.Close()) })
	return s
}

// through opens a store on the other side of a relay of its own.
func (l *ledger) through() (*Store, *relay.Relay) {
	l.Helper()
	config, err := pgx.ParseConfig(l.dsn)
	must(l, err)
	r, err := relay.Start(fmt.Sprintf("%s/.s.PGSQL.%d", config.Host, config.Port))
	must(l, err)
	l.Cleanup(func() { must(l, r.Close()) })
	return l.open(Config{DSN: r.DSN(l.dsn)}), r
}

// add adds a word, after a look at those that are there.
func (l *ledger) add(ctx context.Context, s *Store, word string) error {
	return s.Update(ctx, func(tx store.Tx) error {
		l.runs.Add(1)
		has, err := tx.GetSite(ctx, l.tenant, l.site)
		if err != nil {
			return err
		}
		has.Name += word + " "
		if err := tx.UpdateSite(ctx, has); err != nil {
			return err
		}
		return l.emit(ctx, tx, word)
	})
}

func (l *ledger) emit(ctx context.Context, tx store.Tx, word string) error {
	return tx.Emit(ctx, event.Event{Type: event.DriftPolicySet, TenantID: string(l.tenant), ObjectID: word, Data: "{}", At: time.Now()})
}

// look reads the words in a View.
func (l *ledger) look(ctx context.Context, s *Store) (words []string, err error) {
	err = s.View(ctx, func(tx store.Tx) error {
		has, err := tx.GetSite(ctx, l.tenant, l.site)
		words = strings.Fields(has.Name)
		return err
	})
	return words, err
}

// counts returns how often each word is in the name of the site, and in the outbox, as
// a session of its own sees it.
func (l *ledger) counts() (name, outbox map[string]int) {
	l.Helper()
	name, outbox = map[string]int{}, map[string]int{}
	for _, word := range l.column("SELECT unnest(string_to_array(trim(name), ' ')) FROM site WHERE id = '" + string(l.site) + "' AND name <> ''") {
		name[word]++
	}
	for _, word := range l.column("SELECT object_id FROM outbox WHERE type = '" + string(event.DriftPolicySet) + "'") {
		outbox[word]++
	}
	return name, outbox
}

// has checks that a word is there so many times, as a whole.
func (l *ledger) has(word string, times int) {
	l.Helper()
	name, outbox := l.counts()
	if name[word] != times || outbox[word] != times {
		l.Errorf("%q is %d times in the name and %d times in the outbox, not %d", word, name[word], outbox[word], times)
	}
}

// told is what the updates of words were answered.
type told struct {
	mu   sync.Mutex
	of   map[string]error
	late time.Duration
}

// add adds a word and notes the answer.
func (t *told) add(ctx context.Context, l *ledger, s *Store, word string) error {
	began := time.Now()
	err := l.add(ctx, s, word)
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.of == nil {
		t.of = map[string]error{}
	}
	t.of[word] = err
	t.late = max(t.late, time.Since(began))
	return err
}

// check compares what updates were told with what is there.
func (t *told) check(l *ledger) {
	l.Helper()
	name, outbox := l.counts()
	for word, err := range t.of {
		got := [2]int{name[word], outbox[word]}
		switch {
		case err == nil && got != [2]int{1, 1}:
			l.Errorf("%q was committed, and is %v times there", word, got)
		case errors.Is(err, errUnknown) && got != [2]int{} && got != [2]int{1, 1}:
			l.Errorf("%q is %v times there", word, got)
		case err != nil && !errors.Is(err, errUnknown) && got != [2]int{}:
			l.Errorf("%q is %v times there, and was answered: %v", word, got, err)
		}
	}
	if t.late > answeredWithin {
		l.Errorf("an answer took %s", t.late)
	}
}

// session returns a connection that is not the store's.
func (l *ledger) session() *pgx.Conn {
	l.Helper()
	conn, err := pgx.Connect(l.Context(), l.dsn)
	must(l, err)
	l.Cleanup(func() { must(l, conn.Close(context.Background())) })
	return conn
}

// run runs statements in a session of their own.
func (l *ledger) run(statements ...string) {
	l.Helper()
	conn := l.session()
	for _, text := range statements {
		_, err := conn.Exec(l.Context(), text)
		must(l, err)
	}
}

// column returns the one column of a query.
func (l *ledger) column(query string) []string {
	l.Helper()
	rows, err := l.session().Query(l.Context(), query)
	must(l, err)
	values, err := pgx.CollectRows(rows, pgx.RowTo[string])
	must(l, err)
	return values
}

// unavailableIn checks that an answer says so, when to try again, and came in time.
func unavailableIn(t *testing.T, limit time.Duration, began time.Time, err error) {
	t.Helper()
	var down *lifecycle.UnavailableError
	if !errors.As(err, &down) || down.RetryAfter <= 0 {
		t.Errorf("answered %v, not that the database is unavailable and when to try again", err)
	}
	if took := time.Since(began); took > limit {
		t.Errorf("the answer took %s, more than %s", took, limit)
	}
}

// eventually tries until something succeeds.
func eventually(t *testing.T, limit time.Duration, try func() error) {
	t.Helper()
	deadline := time.After(limit)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		err := try()
		if err == nil {
			return
		}
		select {
		case <-deadline:
			t.Fatalf("still after %s: %v", limit, err)
		case <-tick.C:
		}
	}
}

// startServer starts a server of the test's own with a migrated database.
func startServer(t *testing.T, cfg pgtest.Config) (*pgtest.Server, string) {
	t.Helper()
	server, err := pgtest.Start(t.Context(), cfg)
	must(t, err)
	t.Cleanup(func() { must(t, server.Close()) })
	must(t, server.Exec(t.Context(), "postgres", "CREATE DATABASE siteplane"))
	return server, server.DSN("siteplane")
}
