package apptest

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/siteplane/siteplane/services/lifecycle/store"
	"github.com/siteplane/siteplane/services/lifecycle/store/sqlite"
	"github.com/siteplane/siteplane/services/lifecycle/worker"
)

// ErrDead is what a dead process would be told, if it could be told anything.
var ErrDead = errors.New("the process is dead")

// Store is a store whose process can be told to die around a commit. From then
// on every call fails, until the World is started again.
type Store struct {
	store.Store

	mu      sync.Mutex
	commits int
	dieAt   int
	before  bool
	dead    bool
	during  func()
}

// During has something done in the midst of the next Update, before its transaction
// begins.
func (s *Store) During(do func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.during = do
}

// interrupt does what During set, once.
func (s *Store) interrupt() {
	s.mu.Lock()
	do := s.during
	s.during = nil
	s.mu.Unlock()
	if do != nil {
		do()
	}
}

// DieAfter makes the process die as soon as the n-th commit from now is on disk;
// nobody learns that it is.
func (s *Store) DieAfter(n int) { s.arrange(n, false) }

// DieBefore makes the process die just before the n-th commit from now, with the
// transaction's work done in vain.
func (s *Store) DieBefore(n int) { s.arrange(n, true) }

func (s *Store) arrange(n int, before bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dieAt, s.before = s.commits+n, before
}

// Dead reports whether the process has died.
func (s *Store) Dead() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.dead
}

// Commits counts the transactions that were committed.
func (s *Store) Commits() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.commits
}

// Update implements store.Store.
func (s *Store) Update(ctx context.Context, do func(tx store.Tx) error) error {
	if s.Dead() {
		return ErrDead
	}
	s.interrupt()
	err := s.Store.Update(ctx, func(tx store.Tx) error {
		if err := do(tx); err != nil {
			return err
		}
		return s.die(true)
	})
	if err != nil {
		return err
	}
	return s.die(false)
}

// die is asked before each commit and after it, and gives ErrDead when the
// process's time has come.
func (s *Store) die(before bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dead = s.dead || s.dieAt == s.commits+1 && s.before == before
	if !before {
		s.commits++
	}
	if s.dead {
		return ErrDead
	}
	return nil
}

// ClaimWork implements store.Store.
func (s *Store) ClaimWork(ctx context.Context, c worker.Claim) (claimed []worker.Work, next time.Time, err error) {
	err = s.committing(func() (err error) {
		claimed, next, err = s.Store.ClaimWork(ctx, c)
		return err
	})
	if err != nil {
		return nil, time.Time{}, err
	}
	return claimed, next, nil
}

// Sequence implements store.Store.
func (s *Store) Sequence(ctx context.Context) (first, last int64, err error) {
	err = s.committing(func() (err error) {
		first, last, err = s.Store.Sequence(ctx)
		return err
	})
	return first, last, err
}

// committing surrounds what the store commits by itself.
func (s *Store) committing(do func() error) error {
	if s.Dead() {
		return ErrDead
	}
	if err := s.die(true); err != nil {
		return err
	}
	if err := do(); err != nil {
		return err
	}
	return s.die(false)
}

// View implements store.Store.
func (s *Store) View(ctx context.Context, do func(tx store.Tx) error) error {
	if s.Dead() {
		return ErrDead
	}
	return s.Store.View(ctx, do)
}

// blankFile is the file of a store that was opened and closed; copying it is
// quicker than making it.
var blankFile = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "siteplane-apptest-")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	path := filepath.Join(dir, "blank.db")
	s, err := sqlite.Open(context.Background(), sqlite.Config{Path: path})
	if err != nil {
		return nil, err
	}
	if err := s.Close(); err != nil {
		return nil, err
	}
	return os.ReadFile(path)
})

func (w *World) blank() []byte {
	w.tb.Helper()
	file, err := blankFile()
	w.must(err)
	return file
}
