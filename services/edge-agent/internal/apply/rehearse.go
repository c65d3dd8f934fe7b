package apply

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/siteplane/siteplane/internal/platform/telemetry"

	"github.com/siteplane/siteplane/services/edge-agent/internal/nginx"
)

// Needed is what a start takes from the disk beside the snapshot.
type Needed interface {
	// Mark is another text as soon as any of it changed.
	Mark() string
	// Check says what nginx has now and would not have after a start.
	Check() error
}

// rehearsal is the last look at whether the last good configuration would start.
//
// An nginx that runs shows nothing of what has become of its binary, its
// libraries and its certificates since: without a rehearsal the next reboot does.
type rehearsal struct {
	at   time.Time
	mark string
	// trouble that the next start would have; empty: none.
	trouble string
}

// rehearsalPause is how soon a rehearsal is repeated that found trouble.
const rehearsalPause = time.Minute

// rehearse tests the last good configuration as a start would, from time to time
// and as soon as nginx or a certificate changed. What it finds is told until a
// later one does not; nginx is left as it is.
func (a *Applier) rehearse(ctx context.Context) {
	mark := a.mark()
	if !a.rehearsed.isDue(time.Now(), mark, a.config.RehearseInterval) {
		return
	}
	trouble := a.troubleOfAStart(ctx)
	if ctx.Err() != nil {
		return
	}
	if trouble != a.rehearsed.trouble {
		a.tellTrouble(ctx, trouble)
	}
	a.rehearsed = rehearsal{at: time.Now(), mark: mark, trouble: trouble}
}

func (r rehearsal) isDue(now time.Time, mark string, interval time.Duration) bool {
	if r.trouble != "" {
		interval = min(interval, rehearsalPause)
	}
	return mark != r.mark || now.Sub(r.at) >= interval
}

func (a *Applier) mark() string {
	mark := a.config.Nginx.Mark()
	if a.config.Needed != nil {
		mark += "\n" + a.config.Needed.Mark()
	}
	return mark
}

// started notes that nginx took a configuration, as things were with mark. Trouble
// is left to the next rehearsal; a way back that failed is over.
func (a *Applier) started(mark string) {
	if failed := new(RollbackError); errors.As(a.lastError, &failed) {
		a.lastError = failed.Cause
	}
	if a.rehearsed.trouble == "" {
		a.rehearsed = rehearsal{at: time.Now(), mark: mark}
	} else {
		a.rehearsed.at = time.Time{}
	}
}

func (a *Applier) troubleOfAStart(ctx context.Context) string {
	var troubles []string
	if err := a.try(ctx, a.wanted()); err != nil {
		troubles = append(troubles, troubleOf(err))
	}
	if a.config.Needed != nil {
		if err := a.config.Needed.Check(); err != nil {
			troubles = append(troubles, lastGoodBroken+": "+err.Error())
		}
	}
	return strings.Join(troubles, "; ")
}

// Names of what a rehearsal finds.
const (
	lastGoodBroken   = "LAST_GOOD_BROKEN"
	lastGoodUntested = "LAST_GOOD_UNTESTED"
)

func troubleOf(err error) string {
	if errors.As(err, new(*nginx.RejectedError)) || errors.As(err, new(*nginx.MissingError)) {
		return fmt.Sprintf("%s: the last good configuration would not start again: %v", lastGoodBroken, err)
	}
	return fmt.Sprintf("%s: it is not known whether the last good configuration would start again: %v", lastGoodUntested, err)
}

func (a *Applier) tellTrouble(ctx context.Context, trouble string) {
	logger := a.config.Logger.With(telemetry.KeyEdge, a.config.EdgeID, telemetry.KeyGeneration, a.wanted().Generation())
	if trouble == "" {
		logger.InfoContext(ctx, "nginx would start again")
		return
	}
	logger.ErrorContext(ctx, "nginx might not start again", telemetry.KeyReason, trouble)
}

// RollbackError says that an apply failed and that the way back was not proved
// either: nginx serves what it has in memory.
type RollbackError struct {
	// Cause is why the way back was taken, Rollback what was wrong with it.
	Cause, Rollback error
}

// Error names the state that the host is in.
func (e *RollbackError) Error() string {
	return fmt.Sprintf("ROLLBACK_FAILED: the last good configuration was not proved either: %v; what nginx has in memory is served; the way back was taken because %v", e.Rollback, e.Cause)
}

// Unwrap returns the cause.
func (e *RollbackError) Unwrap() error { return e.Cause }

// failedRollback is what an apply ends with whose way back failed.
func (a *Applier) failedRollback(ctx context.Context, cause, rollback error) error {
	if rollback == nil {
		return cause
	}
	a.config.Logger.ErrorContext(ctx, "the way back failed, nginx serves what it has in memory",
		telemetry.KeyEdge, a.config.EdgeID, telemetry.KeyReason, rollback.Error(), "cause", cause.Error())
	return &RollbackError{Cause: cause, Rollback: rollback}
}

// trouble is everything that GetState shall say.
func (a *Applier) trouble() string {
	if a.lastError == nil {
		return a.rehearsed.trouble
	}
	return joinTexts(a.lastError.Error(), a.rehearsed.trouble)
}

func joinTexts(texts ...string) string {
	var given []string
	for _, text := range texts {
		if text != "" {
			given = append(given, text)
		}
	}
	return strings.Join(given, "; ")
}
