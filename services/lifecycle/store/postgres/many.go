package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/siteplane/siteplane/services/lifecycle/store/relational"
)

// Together sends all statements, with what waits before them, and then reads their rows.
func (c *conn) Together(ctx context.Context, asked []relational.Asked) error {
	ctx, cancel := bounded(ctx, c.until)
	defer cancel()
	if err := c.guard(ctx); err != nil {
		return err
	}
	return c.guarded(ctx, c.together(ctx, asked))
}

func (c *conn) together(ctx context.Context, asked []relational.Asked) (err error) {
	batch, waited := &pgx.Batch{}, c.waiting
	for _, w := range waited {
		batch.Queue(w.text, w.args...)
	}
	for _, a := range asked {
		batch.Queue(translations.Of(a.Text), stored(a.Args)...)
	}
	c.waiting = nil
	results := c.on.SendBatch(ctx, batch)
	defer func() {
		if closed := results.Close(); err == nil {
			err = closed
		}
	}()
	for _, w := range waited {
		if err := w.result(results); err != nil {
			return err
		}
	}
	for _, a := range asked {
		found, err := results.Query()
		if err != nil {
			return fmt.Errorf("%s: %w", a.Doing, err)
		}
		if err := a.TakeAll(found); err != nil {
			return err
		}
	}
	return nil
}

// Due reads work, and the marks that are not folded into it yet.
func (c *conn) Due() string {
	return `
		WITH asked AS (SELECT value FROM ?texts asked)
		SELECT key, min(due_at) FROM (
			SELECT key, due_at FROM work WHERE key IN (SELECT value FROM asked) AND wanted_seq > done_seq
			UNION ALL
			SELECT key, due_at FROM mark WHERE key IN (SELECT value FROM asked) AND NOT EXISTS (
				SELECT 1 FROM work WHERE work.kind = mark.kind AND work.key = mark.key AND work.lease_until IS NOT NULL)
		) AS due GROUP BY key`
}
