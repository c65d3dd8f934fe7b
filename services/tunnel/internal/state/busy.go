package state

import (
	"context"
	"fmt"
	"time"
)

// maxBusy is how far ahead a mark can be. One further ahead comes from a clock that
// was set back since; Open shortens it, so that it is waited for once.
const maxBusy = time.Minute

// MarkBusy notes, before a call that changes something, until when it may take
// effect, at most a minute ahead. The mark outlives the process.
func (d *Dir) MarkBusy(until time.Time) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !until.After(d.busy) {
		return nil
	}
	d.busy = until
	return d.write(busyFile, d.busy, false)
}

// ClearBusy notes that the outcome of every call is known.
func (d *Dir) ClearBusy() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.busy = time.Time{}
	return d.write(busyFile, d.busy, false)
}

// WaitIdle waits until no earlier call can take effect any more.
func (d *Dir) WaitIdle(ctx context.Context) error {
	d.mu.Lock()
	wait := min(time.Until(d.busy), maxBusy)
	d.mu.Unlock()
	if wait <= 0 {
		return nil
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait for an earlier call to end: %w", ctx.Err())
	}
}
