package apply

import (
	"context"
	"time"

	"github.com/siteplane/siteplane/internal/platform/telemetry"
)

// Boot loads the last good snapshot and makes nginx run it: a running nginx of
// ours that already does is adopted untouched, a dead one is started. Without a
// snapshot nginx is started empty, so that every name is answered by 421; one
// that runs something is left alone until the first apply.
func (a *Applier) Boot(ctx context.Context) error {
	end, err := a.begin(ctx)
	if err != nil {
		return err
	}
	defer end()
	if a.seen, err = a.config.Snapshots.Seen(); err != nil {
		return err
	}
	held, at, err := a.config.Snapshots.Load()
	if err != nil {
		return err
	}
	if held != nil {
		a.hold(held, at)
		if held.Fence().Compare(a.seen) > 0 {
			a.seen = held.Fence()
		}
	}
	if held == nil && a.servesSomething(ctx) {
		a.config.Logger.WarnContext(ctx, "nginx runs and no snapshot is known, it is left alone until the first apply")
		return nil
	}
	_, err = a.install(ctx, a.wanted())
	return err
}

func (a *Applier) servesSomething(ctx context.Context) bool {
	master, err := a.config.Nginx.Master()
	if err != nil || master == 0 {
		return false
	}
	status, err := a.config.Nginx.Status(ctx)
	return err == nil && status.Generation > 0
}

// Supervise starts nginx again whenever it is found dead, until ctx is done.
func (a *Applier) Supervise(ctx context.Context, interval time.Duration) {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	lastReason := ""
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		reason := ""
		if err := a.check(ctx); err != nil {
			reason = err.Error()
		}
		if reason != "" && reason != lastReason && ctx.Err() == nil {
			a.config.Logger.ErrorContext(ctx, "nginx is down and does not start", telemetry.KeyReason, reason)
		}
		lastReason = reason
	}
}

func (a *Applier) check(ctx context.Context) error {
	end, err := a.begin(ctx)
	if err != nil {
		return err
	}
	defer end()
	return a.revive(ctx)
}

// revive starts a dead nginx with the last good snapshot.
func (a *Applier) revive(ctx context.Context) error {
	master, err := a.config.Nginx.Master()
	if err != nil || master != 0 {
		return err
	}
	a.config.Logger.WarnContext(ctx, "nginx is not running, it is started", telemetry.KeyGeneration, a.wanted().Generation())
	_, err = a.install(ctx, a.wanted())
	return err
}
