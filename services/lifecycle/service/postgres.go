package service

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/siteplane/siteplane/internal/platform/telemetry"
	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/store/postgres"
	"github.com/siteplane/siteplane/services/lifecycle/store/relational"
)

const (
	// tryEvery is the pause between two tries to reach a database.
	tryEvery = 500 * time.Millisecond
	// sayEvery is how often it is said that we still wait.
	sayEvery = 10 * time.Second
)

// awaitPostgres opens a database once it answers.
func awaitPostgres(ctx context.Context, at Location, logger *slog.Logger) (*postgres.Store, error) {
	wait := &waiting{at: at, logger: logger}
	for {
		db, err := openPostgres(ctx, at, logger)
		if err == nil {
			wait.over(ctx)
			return db, nil
		}
		var away *lifecycle.UnavailableError
		if ctx.Err() == nil && !errors.As(err, &away) {
			return nil, refused(at, err)
		}
		if !wait.pause(ctx, away) {
			return nil, fmt.Errorf("the database %s did not answer while it was waited for: %w", at, wait.cause(err))
		}
	}
}

func openPostgres(ctx context.Context, at Location, logger *slog.Logger) (*postgres.Store, error) {
	if err := postgres.Reach(ctx, string(at)); err != nil {
		return nil, err
	}
	return postgres.Open(ctx, postgres.Config{DSN: string(at), Logger: logger})
}

// refused names the database of an error; nil stays nil.
func refused(at Location, err error) error {
	if err == nil {
		return nil
	}
	var newer *relational.NewerError
	if errors.As(err, &newer) {
		return &relational.NewerError{Where: at.String(), Has: newer.Has, Knows: newer.Knows}
	}
	return fmt.Errorf("the database %s cannot be used: %w", at, err)
}

// waiting is the wait for a database, and what was said about it.
type waiting struct {
	at     Location
	logger *slog.Logger
	said   time.Time
	last   error
}

// pause waits until the next try, and says for what, at once and then every sayEvery.
// It returns false when the context is done.
func (w *waiting) pause(ctx context.Context, away *lifecycle.UnavailableError) bool {
	if ctx.Err() == nil {
		w.last = away.Err
	}
	if ctx.Err() == nil && time.Since(w.said) >= sayEvery {
		w.said = time.Now()
		w.logger.WarnContext(ctx, "waiting for the database", "database", w.at, telemetry.KeyError, w.last)
	}
	timer := time.NewTimer(tryEvery)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// cause is why the database could not be opened, rather than that we were told to end.
func (w *waiting) cause(err error) error {
	if w.last != nil {
		return w.last
	}
	return err
}

// over says that the wait has ended, if there was one.
func (w *waiting) over(ctx context.Context) {
	if w.last != nil {
		w.logger.InfoContext(ctx, "database answers", "database", w.at)
	}
}
