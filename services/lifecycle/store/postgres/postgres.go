// Package postgres keeps everything in a PostgreSQL database (15 or newer), which any
// number of lifecycle processes share. It owns the schema, the connections and the
// mapping of the server's errors; the statements are those of package relational. It
// decides nothing about sites, domains or operations.
//
// Transactions see one snapshot; those that write are run again, closure and all, when
// the server says that others were in the way (40001, 40P01), and guards see to it that
// two that decide about the same site are. Those of a tenant's caller see and write the
// rows of that tenant alone. A connection that is lost in a commit leaves the outcome to
// be read: the server knows what became of each transaction. NOTIFY is a hint that spares
// replicas the wait until they look by themselves; nothing depends on it. Leases hold by
// the server's clock.
//
//	Update ---BEGIN, statements, COMMIT---> writers   at most Config.Writers at once
//	View  ---BEGIN READ ONLY, reads-------> pool      the rest of Config.Connections
//	other replicas' commits ---LISTEN-----> one connection
//
// Invariants kept by constraints are those of package sqlite.
package postgres

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/siteplane/siteplane/services/lifecycle/store"
)

// Config says where the database is.
type Config struct {
	// DSN is a URL, postgres://user@host:port/database?..., or what libpq takes besides;
	// what it does not say comes from the environment as libpq reads it (PGPASSWORD,
	// PGPASSFILE, PGSSLMODE, ...).
	DSN string
	// Connections bounds those of this process, 16 when it is zero. Writers of them can
	// write at once, 8 when it is zero.
	Connections, Writers int
	// Clock replaces the server's clock; for tests.
	Clock func() time.Time
	// Logger is told when the database is lost and found; nil for nobody.
	Logger *slog.Logger

	// migrated says that the schema is up to date; for tests, which copy one.
	migrated bool
}

// Store is one database.
type Store struct {
	pool    *pgxpool.Pool
	writers chan struct{}
	clock   func() time.Time
	logger  *slog.Logger
	notices *notices
	skew    skew
	// conflicts counts the runs that others were in the way of, lost the commits whose
	// outcome had to be asked for.
	conflicts, lost atomic.Int64

	onMark, onEvent hook
	stop            context.CancelFunc
	done            sync.WaitGroup
}

var _ store.Store = (*Store)(nil)

// Open opens the database and brings its schema up to date. One that cannot be reached
// is a *lifecycle.UnavailableError, a schema of a newer siteplane a
// *relational.NewerError.
func Open(ctx context.Context, cfg Config) (*Store, error) {
	if !cfg.migrated {
		if err := Migrate(ctx, cfg.DSN); err != nil {
			return nil, err
		}
	}
	settings, err := settingsOf(cfg)
	if err != nil {
		return nil, err
	}
	pool, err := pgxpool.NewWithConfig(ctx, settings)
	if err != nil {
		return nil, fmt.Errorf("open the database: %w", mapped(ctx, err))
	}
	s := &Store{
		pool: pool, writers: make(chan struct{}, orElse(cfg.Writers, 8)), clock: cfg.Clock, logger: cfg.Logger,
		notices: newNotices(),
	}
	if s.logger == nil {
		s.logger = slog.New(slog.DiscardHandler)
	}
	if err := s.measureSkew(ctx); err != nil {
		pool.Close()
		return nil, fmt.Errorf("read the database's clock: %w", mapped(ctx, err))
	}
	if err := s.checkWall(ctx); err != nil {
		pool.Close()
		return nil, err
	}
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	s.stop = stop
	s.done.Go(func() { s.listen(running) })
	s.done.Go(func() { s.tell(running) })
	s.done.Go(func() { s.followClock(running) })
	return s, nil
}

// settingsOf are those of every connection: the server gives up before we do, and ends
// what a process that is gone has left open.
func settingsOf(cfg Config) (*pgxpool.Config, error) {
	settings, err := pgxpool.ParseConfig(cfg.DSN)
	if err != nil {
		return nil, fmt.Errorf("read the database's address: %w", err)
	}
	settings.MaxConns = int32(orElse(cfg.Connections, 16))
	settings.MaxConnIdleTime = time.Minute
	settings.ConnConfig.ConnectTimeout = 5 * time.Second
	settings.ConnConfig.DialFunc = dial
	settings.AfterConnect = learnLife
	for name, value := range map[string]string{
		"application_name":                    "siteplane",
		"lock_timeout":                        "3s",
		"statement_timeout":                   "9s",
		"idle_in_transaction_session_timeout": "15s",
		"timezone":                            "UTC",
		// Statements are short or read a hundred thousand rows by index; compiling them costs
		// more than it saves.
		"jit": "off",
	} {
		if _, set := settings.ConnConfig.RuntimeParams[name]; !set {
			settings.ConnConfig.RuntimeParams[name] = value
		}
	}
	return settings, nil
}

func orElse(n, otherwise int) int {
	if n == 0 {
		return otherwise
	}
	return n
}

// OnMark sets what is called after each commit that marked work. Set once, before the
// first Update.
func (s *Store) OnMark(notify func()) { s.onMark.set(notify) }

// OnEvent sets what is called after each commit that appended to the outbox, in the
// same way.
func (s *Store) OnEvent(notify func()) { s.onEvent.set(notify) }

// Shared returns true: any number of processes may work on the database.
func (s *Store) Shared() bool { return true }

// Close waits for running transactions and closes every connection.
func (s *Store) Close() error {
	s.stop()
	s.done.Wait()
	s.pool.Close()
	return nil
}

// announce tells who waits for what a commit brought, here and in other processes.
func (s *Store) announce(committed *tx) {
	if committed.marked || committed.Marked() {
		s.onMark.call()
		s.notices.post(markChannel)
	}
	if committed.Emitted() {
		s.onEvent.call()
		s.notices.post(eventChannel)
	}
}
