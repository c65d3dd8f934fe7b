package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/siteplane/siteplane/internal/platform/pgtest"
)

// startPostgres starts a server with PostgreSQL's own settings, fsync among them. Only
// the log has room, so that no checkpoint falls into a measurement that another one
// does not have.
func startPostgres(ctx context.Context) (*pgtest.Server, error) {
	return pgtest.Start(ctx, pgtest.Config{Durable: true, Settings: map[string]string{"max_wal_size": "8GB", "checkpoint_timeout": "1h"}})
}

// socketDSN is the URL of a database of the server whose socket is in a directory.
func socketDSN(dir, database string) string {
	where := url.Values{"host": {dir}, "sslmode": {"disable"}}
	return (&url.URL{Scheme: "postgres", User: url.User("postgres"), Path: "/" + database, RawQuery: where.Encode()}).String()
}

// copyDatabase makes a database that holds what another one does, and sees to it that
// none of that is still to be written when the measurement begins.
func copyDatabase(ctx context.Context, server *pgtest.Server, from, to string) error {
	for _, statement := range []string{"CREATE DATABASE " + to + " TEMPLATE " + from, "CHECKPOINT"} {
		if err := server.Exec(ctx, "postgres", statement); err != nil {
			return fmt.Errorf("copy the database: %w", err)
		}
	}
	return nil
}

// askPostgres returns the rows of a query, as texts.
func askPostgres(ctx context.Context, dsn, query string) (rows [][]string, err error) {
	conn, err := pgconn.Connect(ctx, dsn)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, conn.Close(context.WithoutCancel(ctx))) }()
	results, err := conn.Exec(ctx, query).ReadAll()
	if err != nil {
		return nil, err
	}
	for _, row := range results[len(results)-1].Rows {
		texts := make([]string, len(row))
		for i, value := range row {
			texts[i] = string(value)
		}
		rows = append(rows, texts)
	}
	return rows, nil
}

// tableNames are the tables of the schema, each as a row.
const tableNames = `SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace ORDER BY relname`

// countRowsPostgres counts the rows of each table.
func countRowsPostgres(ctx context.Context, server *pgtest.Server, name string) (rows, error) {
	dsn := server.DSN(name)
	names, err := askPostgres(ctx, dsn, tableNames)
	if err != nil {
		return nil, fmt.Errorf("list the tables: %w", err)
	}
	counts := rows{}
	for _, table := range names {
		counted, err := askPostgres(ctx, dsn, `SELECT count(*) FROM "`+table[0]+`"`)
		if err != nil {
			return nil, fmt.Errorf("count the rows of %s: %w", table[0], err)
		}
		if counts[table[0]], err = strconv.Atoi(counted[0][0]); err != nil {
			return nil, fmt.Errorf("count the rows of %s: %w", table[0], err)
		}
	}
	return counts, nil
}

// numbered are the tables whose rows are deleted by the numbers that the server gave
// them. Transactions that run at once may get each other's, so a replay leaves some.
var numbered = []string{"edge_change", "tunnel_change"}

// sameRowsPostgres returns the rows of two databases, which must be equally many.
func sameRowsPostgres(ctx context.Context, server *pgtest.Server, engine, loop string) (rows, error) {
	a, err := countRowsPostgres(ctx, server, engine)
	if err != nil {
		return nil, err
	}
	b, err := countRowsPostgres(ctx, server, loop)
	if err != nil {
		return nil, err
	}
	for _, table := range numbered {
		delete(a, table)
		delete(b, table)
	}
	return a, equalRows(a, b)
}

// writtenOnPostgres counts the rows that were inserted, updated or deleted in a database
// that nobody uses any more: processes of the server count when they end.
func writtenOnPostgres(ctx context.Context, server *pgtest.Server, name string) (int, error) {
	const query = `SELECT numbackends, tup_inserted + tup_updated + tup_deleted FROM pg_stat_database WHERE datname = '`
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		found, err := askPostgres(ctx, server.DSN("postgres"), query+name+"'")
		if err != nil || len(found) == 0 {
			return 0, errors.Join(errors.New("count the rows written"), err)
		}
		if found[0][0] == "0" {
			return strconv.Atoi(found[0][1])
		}
		select {
		case <-ctx.Done():
			return 0, ctx.Err()
		case <-tick.C:
		}
	}
}
