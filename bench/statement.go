package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"
)

// statement is one statement as SQLite ran it. BEGIN, COMMIT and PRAGMA are
// statements like any other.
type statement struct {
	// conn numbers the connections of the recording, in the order of opening.
	conn int
	text string
	args []any
	// answers says that it returns rows.
	answers bool
}

// recording is everything that SQLite ran in a process for a while, in the order in
// which it began.
type recording struct {
	statements []statement
	// begun and ended bound the statements to take the time of.
	begun, ended int
}

// writes counts the timed transactions of the writer: they begin immediate, those that
// only read do not.
func (r recording) writes() (count int) {
	for _, s := range r.statements[r.begun:r.ended] {
		if strings.EqualFold(s.text, "begin immediate") {
			count++
		}
	}
	return count
}

// bareLoop runs recordings again: one goroutine, one statement after the other, each
// on the connection that it was recorded from, so in the same transactions. Nothing
// decides, waits or makes the statements: their arguments are ready, and each is
// prepared once for its connection, as whoever writes such a loop does.
//
// What the engine had read it wrote into the arguments, so clocks and ids are those of
// the recording. Row ids that SQLite gives out come out the same, for the writes have
// the same order; a query that the engine ran beside a write runs before or after it
// here.
type bareLoop struct {
	db       *sql.DB
	conns    map[int]*sql.Conn
	prepared map[preparedOn]*sql.Stmt
}

// preparedOn names a prepared statement.
type preparedOn struct {
	conn int
	text string
}

// openBareLoop opens connections to a database file with no settings: the recording
// brings the pragmas.
func openBareLoop(path string) (*bareLoop, error) {
	db, err := sql.Open("sqlite", "file:"+path)
	if err != nil {
		return nil, fmt.Errorf("open the database: %w", err)
	}
	return &bareLoop{db: db, conns: map[int]*sql.Conn{}, prepared: map[preparedOn]*sql.Stmt{}}, nil
}

// replayed is what a replay took.
type replayed struct {
	// took is from the recording's begin to its end.
	took time.Duration
	// written counts the rows that were inserted, updated or deleted in between.
	written int
}

// replay runs a recording from its first to its last statement.
func (l *bareLoop) replay(ctx context.Context, r recording) (out replayed, err error) {
	if err := l.run(ctx, r.statements[:r.begun]); err != nil {
		return out, err
	}
	before, err := l.written(ctx)
	if err != nil {
		return out, err
	}
	start := time.Now()
	if err := l.run(ctx, r.statements[r.begun:r.ended]); err != nil {
		return out, err
	}
	out.took = time.Since(start)
	after, err := l.written(ctx)
	if err != nil {
		return out, err
	}
	out.written = after - before
	return out, l.run(ctx, r.statements[r.ended:])
}

func (l *bareLoop) run(ctx context.Context, statements []statement) error {
	// A context that may end costs a goroutine a statement.
	bare := context.WithoutCancel(ctx)
	for _, s := range statements {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := l.step(bare, s); err != nil {
			return fmt.Errorf("replay %q: %w", s.text, err)
		}
	}
	return nil
}

func (l *bareLoop) step(ctx context.Context, s statement) error {
	ready, err := l.prepare(ctx, s)
	if err != nil {
		return err
	}
	if !s.answers {
		_, err := ready.ExecContext(ctx, s.args...)
		return err
	}
	rows, err := ready.QueryContext(ctx, s.args...)
	if err != nil {
		return err
	}
	for rows.Next() { // the driver reads every column
	}
	return errors.Join(rows.Err(), rows.Close())
}

func (l *bareLoop) prepare(ctx context.Context, s statement) (*sql.Stmt, error) {
	name := preparedOn{conn: s.conn, text: s.text}
	if ready := l.prepared[name]; ready != nil {
		return ready, nil
	}
	if l.conns[s.conn] == nil {
		conn, err := l.db.Conn(ctx)
		if err != nil {
			return nil, fmt.Errorf("connect: %w", err)
		}
		l.conns[s.conn] = conn
	}
	ready, err := l.conns[s.conn].PrepareContext(ctx, s.text)
	if err != nil {
		return nil, err
	}
	l.prepared[name] = ready
	return ready, nil
}

// written counts the rows that all connections have changed so far.
func (l *bareLoop) written(ctx context.Context) (total int, err error) {
	for _, conn := range l.conns {
		var n int
		if err := conn.QueryRowContext(ctx, `SELECT total_changes()`).Scan(&n); err != nil {
			return 0, fmt.Errorf("count the rows written: %w", err)
		}
		total += n
	}
	return total, nil
}

func (l *bareLoop) close() error {
	var errs []error
	for _, ready := range l.prepared {
		errs = append(errs, ready.Close())
	}
	for _, conn := range l.conns {
		errs = append(errs, conn.Close())
	}
	return errors.Join(append(errs, l.db.Close())...)
}
