package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// lifeLimit is how long a server may take to say which life it has.
const lifeLimit = 5 * time.Second

// lifeKey is where a connection keeps what life the server had when it began, which it
// has until the connection ends.
const lifeKey = "siteplane.life"

// learnLife asks for what changes when a server crashes, or another takes its place: it
// keeps its statistics else. They are all that says so to everybody. In its next life a
// server may give again the numbers of transactions that were not committed.
func learnLife(ctx context.Context, on *pgx.Conn) error {
	within, cancel := context.WithTimeout(ctx, lifeLimit)
	defer cancel()
	var life string
	if err := on.QueryRow(within, "SELECT coalesce(stats_reset::text, '') FROM pg_stat_bgwriter").Scan(&life); err != nil {
		return fmt.Errorf("read when the server's statistics began: %w", err)
	}
	on.PgConn().CustomData()[lifeKey] = life
	return nil
}

func lifeOf(on *pgx.Conn) any { return on.PgConn().CustomData()[lifeKey] }
