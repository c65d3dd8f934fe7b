package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/siteplane/siteplane/internal/platform/pgtest"
	"github.com/siteplane/siteplane/internal/platform/secret"
	"github.com/siteplane/siteplane/services/lifecycle/app"
	"github.com/siteplane/siteplane/services/lifecycle/auth"
	"github.com/siteplane/siteplane/services/lifecycle/store"
	"github.com/siteplane/siteplane/services/lifecycle/store/postgres"
)

const (
	// estateName is the database of an estate.
	estateName = "estate"
	// estateSites is how many sites it has, estatePatterns is how many of them the engine
	// brought to ACTIVE; the others are copies of those.
	estateSites, estatePatterns = 100_000, 100
)

// estate is a PostgreSQL server with a database of that many ACTIVE sites.
type estate struct {
	*pgtest.Server
	sites int
	// keys are those of callers, one of each tenant.
	keys []secret.Secret
}

// estates is the estate of a run of benchmarks, made when the first of them needs it.
type estates struct{ made *estate }

// get returns the estate, whose rows nobody changes.
func (e *estates) get(ctx context.Context) (*estate, error) {
	if e.made != nil {
		return e.made, nil
	}
	made, err := makeEstate(ctx, estateSites)
	if err != nil {
		return nil, err
	}
	e.made = made
	return made, nil
}

func (e *estates) close() error {
	if e.made == nil {
		return nil
	}
	return e.made.Close()
}

// makeEstate makes sites of some tenants. The engine makes the first hundred; their
// rows, as the schema has them, are copied for all others under other ids and names.
// What only grows (history, journal, events, audit) is not copied: nobody reads it here.
// Nothing but the edge and the tunnel is due before tomorrow, and the edge has proved
// none of it.
func makeEstate(ctx context.Context, sites int) (_ *estate, err error) {
	server, err := startPostgres(ctx)
	if err != nil {
		return nil, err
	}
	made := &estate{Server: server, sites: sites}
	defer func() {
		if err != nil {
			err = errors.Join(err, server.Close())
		}
	}()
	if err := made.makePatterns(ctx); err != nil {
		return nil, fmt.Errorf("make the patterns of the estate: %w", err)
	}
	if err := copyPatterns(ctx, server.DSN(estateName), sites); err != nil {
		return nil, fmt.Errorf("copy the patterns of the estate: %w", err)
	}
	for _, statement := range []string{"VACUUM ANALYZE", "CHECKPOINT"} {
		if err := server.Exec(ctx, estateName, statement); err != nil {
			return nil, fmt.Errorf("settle the estate: %w", err)
		}
	}
	return made, nil
}

// makePatterns has the engine bring some sites to ACTIVE.
func (e *estate) makePatterns(ctx context.Context) error {
	if err := createSitesPostgres(ctx, e.Server, estateName, estatePatterns); err != nil {
		return err
	}
	db, err := postgres.Open(ctx, postgres.Config{DSN: e.DSN(estateName)})
	if err != nil {
		return err
	}
	_, _, _, err = driveEngine(ctx, db, func() int { return 0 }, estatePatterns)
	if err == nil {
		e.keys, err = makeKeys(ctx, db)
	}
	if err := errors.Join(err, db.Close()); err != nil {
		return err
	}
	return e.Exec(ctx, estateName, `
		UPDATE work SET due_at = now() + interval '1 day' WHERE kind IN ('site', 'domain');
		UPDATE edge SET needs_whole = true, generation = 0, proven_generation = 0, proven_digest = ''`)
}

// makeKeys makes a key for each tenant.
func makeKeys(ctx context.Context, db store.Store) (keys []secret.Secret, err error) {
	callers, err := makeTenants(ctx, db)
	if err != nil {
		return nil, err
	}
	for _, caller := range callers {
		key, err := app.IssueKey(ctx, db, caller.TenantID, "bench", auth.Viewer, time.Now())
		if err != nil {
			return nil, err
		}
		keys = append(keys, key)
	}
	return keys, nil
}

// copyPatterns copies the rows of the patterns until there are that many sites.
func copyPatterns(ctx context.Context, dsn string, sites int) (err error) {
	conn, err := pgconn.Connect(ctx, dsn)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close(context.WithoutCancel(ctx))) }()
	// The copies keep every rule that the patterns keep.
	quickly := "SET session_replication_role = replica; SET synchronous_commit = off; SET maintenance_work_mem = '256MB'"
	if _, err := conn.Exec(ctx, quickly).ReadAll(); err != nil {
		return err
	}
	// An index of many rows is made sooner than it grows by one after the other.
	indexes, err := askPostgres(ctx, dsn, plainIndexes)
	if err != nil {
		return err
	}
	for _, index := range indexes {
		if _, err := conn.Exec(ctx, `DROP INDEX "`+index[0]+`"`).ReadAll(); err != nil {
			return err
		}
	}
	tables, err := askPostgres(ctx, dsn, tableNames)
	if err != nil {
		return err
	}
	logs, err := askPostgres(ctx, dsn, `SELECT DISTINCT table_name FROM information_schema.columns WHERE is_identity = 'YES'`)
	if err != nil {
		return err
	}
	for _, table := range tables {
		if isAmong(logs, table[0]) {
			continue
		}
		if err := copyTable(ctx, conn, table[0], sites); err != nil {
			return fmt.Errorf("table %s: %w", table[0], err)
		}
	}
	for _, index := range indexes {
		if _, err := conn.Exec(ctx, index[1]).ReadAll(); err != nil {
			return err
		}
	}
	return nil
}

// plainIndexes are the indexes that no constraint stands for, with what makes them.
const plainIndexes = `
	SELECT c.relname, pg_get_indexdef(i.indexrelid) FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
	WHERE c.relnamespace = 'public'::regnamespace AND NOT EXISTS (SELECT 1 FROM pg_constraint WHERE conindid = i.indexrelid)`

func isAmong(rows [][]string, name string) bool {
	for _, row := range rows {
		if row[0] == name {
			return true
		}
	}
	return false
}

// copyTable copies those rows of a table that are a pattern's.
func copyTable(ctx context.Context, conn *pgconn.PgConn, table string, sites int) error {
	var text bytes.Buffer
	if _, err := conn.CopyTo(ctx, &text, `COPY "`+table+`" TO STDOUT`); err != nil {
		return err
	}
	var patterns []pattern
	for line := range strings.Lines(text.String()) {
		if p := newPattern(line); len(p) > 1 {
			patterns = append(patterns, p)
		}
	}
	if len(patterns) == 0 {
		return nil
	}
	rows, writer := io.Pipe()
	go func() { writer.CloseWithError(writeCopies(writer, patterns, sites)) }()
	_, err := conn.CopyFrom(ctx, rows, `COPY "`+table+`" FROM STDIN`)
	return errors.Join(err, rows.Close())
}

// pattern is a row of a site of the patterns, cut where the digits of another site go.
type pattern []string

// changing are the four digits by which the ids and names of copies differ from those of
// their pattern: the first of an id, which are letters and digits of the time it was made
// and never four decimals, and the first of the six in a name.
var changing = regexp.MustCompile(`(?:(?:site|dom|op)_|shop-)([0-7][0-9a-hjkmnp-tv-z]{3})[0-9a-hjkmnp-tv-z]{2}`)

func newPattern(row string) (p pattern) {
	last := 0
	for _, found := range changing.FindAllStringSubmatchIndex(row, -1) {
		p = append(p, row[last:found[2]])
		last = found[3]
	}
	return append(p, row[last:])
}

// writeCopies writes every row once for each further hundred of sites.
func writeCopies(w io.Writer, patterns []pattern, sites int) error {
	var out bytes.Buffer
	for hundred := 1; hundred*estatePatterns < sites; hundred++ {
		digits := fmt.Sprintf("%04d", hundred)
		for _, p := range patterns {
			out.WriteString(strings.Join(p, digits))
		}
		if _, err := out.WriteTo(w); err != nil {
			return err
		}
	}
	return nil
}
