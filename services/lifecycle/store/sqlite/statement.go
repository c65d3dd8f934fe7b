package sqlite

import (
	"context"
	"database/sql"
	"sync"
)

// maxStatements bounds the texts that are kept prepared. Ours are some two hundred;
// filters of callers make more, and those beyond are prepared for each use.
const maxStatements = 500

// cache keeps the statements of a pool prepared: to prepare one costs more than to
// run it.
type cache struct {
	db *sql.DB

	mu       sync.Mutex
	prepared map[string]*sql.Stmt
}

func newCache(db *sql.DB) *cache {
	return &cache{db: db, prepared: map[string]*sql.Stmt{}}
}

// find returns a statement that is prepared, nil when it is not.
func (s *cache) find(text string) *sql.Stmt {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.prepared[text]
}

// prepare prepares texts for the next time. It needs a connection of the pool, so it
// must not be called inside a transaction. What cannot be prepared is not kept: its
// next use says why.
func (s *cache) prepare(ctx context.Context, texts []string) {
	for _, text := range texts {
		s.mu.Lock()
		full := len(s.prepared) >= maxStatements
		s.mu.Unlock()
		if full {
			return
		}
		made, err := s.db.PrepareContext(ctx, text)
		if err != nil {
			return
		}
		s.keep(text, made)
	}
}

func (s *cache) keep(text string, made *sql.Stmt) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, had := s.prepared[text]; had {
		_ = made.Close() // somebody was faster
		return
	}
	s.prepared[text] = made
}

// preparedConn runs the statements of one transaction, prepared where they are, and
// notes the others.
type preparedConn struct {
	tx    *sql.Tx
	cache *cache
	// missed are texts that were not prepared.
	missed []string
}

func (c *preparedConn) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	if made := c.cache.find(query); made != nil {
		return c.tx.StmtContext(ctx, made).ExecContext(ctx, args...)
	}
	c.missed = append(c.missed, query)
	return c.tx.ExecContext(ctx, query, args...)
}

func (c *preparedConn) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	if made := c.cache.find(query); made != nil {
		return c.tx.StmtContext(ctx, made).QueryContext(ctx, args...)
	}
	c.missed = append(c.missed, query)
	return c.tx.QueryContext(ctx, query, args...)
}
