package apply

import (
	"context"
	"errors"
	"time"

	"github.com/siteplane/siteplane/internal/platform/telemetry"
)

// Boot loads the last good snapshot and makes nginx run it: a running nginx of
// ours that already does is adopted untouched, a dead one is started. Without a
// snapshot nginx is started empty, so that every name is answered by 421; one
// that runs something is left alone until the first apply.
//
// A host that drifted while no agent ran is left as it is while nginx runs: the
// drift must be seen before it is overwritten. Where nginx is dead serving comes
// first, so the last good snapshot is written over it and only the log tells.
func (a *Applier) Boot(ctx context.Context) error {
	end, err := a.begin(ctx)
	if err != nil {
		return err
	}
	defer end()
	if err := a.load(); err != nil {
		return err
	}
	if a.held == nil && a.servesSomething(ctx) {
		a.config.Logger.WarnContext(ctx, "nginx runs and no snapshot is known, it is left alone until the first apply")
		return nil
	}
	master, err := a.config.Nginx.Master()
	if err != nil {
		return err
	}
	if master == 0 {
		return a.startAgain(ctx)
	}
	drifts, err := a.look(ctx)
	if err != nil {
		return err
	}
	if len(drifts) > 0 {
		a.logDrifts(ctx, "the host drifted, it is left alone until the next apply", drifts)
		return nil
	}
	_, err = a.install(ctx, a.wanted())
	if short := new(MemoryError); errors.As(err, &short) {
		a.config.Logger.WarnContext(ctx, "nginx is left as it is until the next apply", telemetry.KeyError, err)
		a.lastError = err
		return nil
	}
	return err
}

// load reads what earlier agents left on disk.
func (a *Applier) load() (err error) {
	if a.seen, err = a.config.Snapshots.Seen(); err != nil {
		return err
	}
	proved, err := a.config.Snapshots.Load()
	if err != nil {
		return err
	}
	a.loadRecord()
	if proved.Snapshot == nil {
		return nil
	}
	a.hold(proved)
	if a.held.Fence().Compare(a.seen) > 0 {
		a.seen = a.held.Fence()
	}
	return nil
}

func (a *Applier) servesSomething(ctx context.Context) bool {
	master, err := a.config.Nginx.Master()
	if err != nil || master == 0 {
		return false
	}
	status, err := a.config.Nginx.Status(ctx)
	return err == nil && status.Generation > 0
}

// Supervise starts nginx again whenever it is found dead, and looks from time to
// time whether it could, until ctx is done.
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
			a.config.Logger.ErrorContext(ctx, "nginx cannot be kept running", telemetry.KeyReason, reason)
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
	if err := a.revive(ctx); err != nil {
		return err
	}
	a.rehearse(ctx)
	return a.watch()
}

// revive continues an nginx that was stopped, and starts a dead one with the last
// good snapshot.
func (a *Applier) revive(ctx context.Context) error {
	if err := a.config.Nginx.Resume(); err != nil {
		return err
	}
	master, err := a.config.Nginx.Master()
	if err != nil || master != 0 {
		return err
	}
	a.config.Logger.WarnContext(ctx, "nginx is not running, it is started", telemetry.KeyGeneration, a.wanted().Generation())
	return a.startAgain(ctx)
}

// startAgain writes the last good snapshot over whatever is on disk.
func (a *Applier) startAgain(ctx context.Context) error {
	if a.held != nil && a.record.tellsDrift() {
		a.logDrifts(ctx, "the host drifted, that is overwritten to start nginx", a.fileDrifts())
	}
	_, err := a.install(ctx, a.wanted())
	return err
}
