// Package sqlite keeps everything in one SQLite file, the default for a single
// host. It owns the schema, the connections and the mapping of driver errors; the
// statements are those of package relational. It decides nothing about sites, domains
// or operations.
//
// One connection writes and four read. A writer's transaction starts immediate,
// so writers queue instead of failing each other; readers each see one snapshot
// and never wait for the writer. A commit is on disk when Update returns. That
// only one process opens the file is the caller's to see to: it locks the data
// directory.
//
// Invariants kept by constraints: slugs are unique among live sites; a hostname
// has one live verified domain, one published domain, one live domain per tenant
// and one open contest; one active operation per object; one active hold per
// target, and a drift is open once; history an unbroken append-only chain per
// object, and the audit append-only; rows of one tenant refer to rows of the same
// tenant only, but for the two sides of a contest. Times and durations are kept to
// the microsecond.
package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/siteplane/siteplane/services/lifecycle/store"
)

const (
	// driver is the name that modernc.org/sqlite registers itself by.
	driver = "sqlite"
	// readers is how many snapshots can be read at once.
	readers = 4
	// busyTimeout bounds the wait for a lock that another process holds.
	busyTimeout = 2 * time.Second
)

// Config says where the database is.
type Config struct {
	// Path is the database file; it is made when it is missing, its directory
	// is not.
	Path string
	// Clock stamps rows that are updated; nil means time.Now.
	Clock func() time.Time

	// synchronous is the pragma's value, FULL when empty; tests turn it off.
	synchronous string
	// wrap sees every statement of every transaction; nil but in tests.
	wrap func(statementConn) statementConn
}

// Store is one SQLite file.
type Store struct {
	path   string
	clock  func() time.Time
	writer *sql.DB
	reader *sql.DB
	// writing and reading keep prepared what runs on the two.
	writing, reading *cache
	// onMark and onEvent are called after the commits that their setters name.
	onMark, onEvent func()
	wrap            func(statementConn) statementConn
	train           train
}

var _ store.Store = (*Store)(nil)

// Open opens the database file and brings its schema up to date. A schema of a
// newer siteplane is a *NewerError; a file that is no database is an error that
// names it.
func Open(ctx context.Context, cfg Config) (*Store, error) {
	s := &Store{path: cfg.Path, clock: cfg.Clock, onMark: func() {}, onEvent: func() {}, wrap: cfg.wrap}
	if s.clock == nil {
		s.clock = time.Now
	}
	if err := s.connect(cfg); err != nil {
		return nil, err
	}
	if err := s.migrate(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// connect makes the file readable to its owner only, and both pools on it.
func (s *Store) connect(cfg Config) error {
	file, err := os.OpenFile(cfg.Path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("open the database: %w", err)
	}
	if err := file.Close(); err != nil {
		return fmt.Errorf("open the database: %w", err)
	}
	synchronous := cfg.synchronous
	if synchronous == "" {
		synchronous = "FULL"
	}
	if s.writer, err = pool(cfg.Path, 1, url.Values{
		"_txlock": {"immediate"},
		"_pragma": {busy(), "journal_mode(WAL)", "synchronous(" + synchronous + ")", "foreign_keys(1)"},
	}); err != nil {
		return err
	}
	if s.reader, err = pool(cfg.Path, readers, url.Values{"_pragma": {busy(), "query_only(1)"}}); err != nil {
		return err
	}
	s.writing, s.reading = newCache(s.writer), newCache(s.reader)
	return nil
}

func busy() string { return fmt.Sprintf("busy_timeout(%d)", busyTimeout.Milliseconds()) }

// pool returns a pool of at most size connections that stay open.
func pool(path string, size int, options url.Values) (*sql.DB, error) {
	absolute, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("open the database: %w", err)
	}
	source := url.URL{Scheme: "file", Path: absolute, RawQuery: options.Encode()}
	db, err := sql.Open(driver, source.String())
	if err != nil {
		return nil, fmt.Errorf("open the database %s: %w", path, err)
	}
	db.SetMaxOpenConns(size)
	db.SetMaxIdleConns(size)
	return db, nil
}

// OnMark sets what is called after each commit that marked work. Set once,
// before the first Update.
func (s *Store) OnMark(notify func()) { s.onMark = notify }

// OnEvent sets what is called after each commit that appended to the outbox. Set once,
// before the first Update.
func (s *Store) OnEvent(notify func()) { s.onEvent = notify }

// Now returns the time by the store's clock: there is no other process.
func (s *Store) Now() time.Time { return s.clock() }

// Shared returns false: one process has the file.
func (s *Store) Shared() bool { return false }

// Close waits for running transactions and closes the file.
func (s *Store) Close() error {
	if err := errors.Join(s.reader.Close(), s.writer.Close()); err != nil {
		return fmt.Errorf("close the database %s: %v", s.path, err)
	}
	return nil
}
