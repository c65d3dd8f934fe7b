package pgtest

import (
	"context"
	"errors"
	"fmt"
	"net/url"

	"github.com/jackc/pgx/v5/pgconn"
)

// ordinary is a role as installations have it: it owns its database, and is no
// superuser, whom policies of rows do not bind.
const ordinary = "ordinary"

// Ordinary is a database in the eyes of a role that is no superuser. Only what Own has
// migrated is that role's.
func Ordinary(dsn string) string {
	where, err := url.Parse(dsn)
	if err != nil {
		panic(err) // ours
	}
	where.User = url.User(ordinary)
	return where.String()
}

// Own makes the ordinary role the owner of a database, and has it migrate that:
//
//	func migrate(ctx context.Context, dsn string) error { return pgtest.Own(ctx, dsn, postgres.Migrate) }
//	dsn := pgtest.Ordinary(pgtest.New(t, migrate))
func Own(ctx context.Context, dsn string, migrate func(ctx context.Context, dsn string) error) error {
	conn, err := pgconn.Connect(ctx, dsn)
	if err != nil {
		return fmt.Errorf("give the database to a role: %w", err)
	}
	_, err = conn.Exec(ctx, `DO $$ BEGIN
		IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = '`+ordinary+`') THEN CREATE ROLE `+ordinary+` LOGIN; END IF;
		EXECUTE format('ALTER DATABASE %I OWNER TO `+ordinary+`', current_database());
	END $$`).ReadAll()
	if err := errors.Join(err, conn.Close(ctx)); err != nil {
		return fmt.Errorf("give the database to a role: %w", err)
	}
	return migrate(ctx, Ordinary(dsn))
}
