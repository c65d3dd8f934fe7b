package apply

import (
	"context"
	"fmt"
	"time"
)

// pace is when applies begin: at once, unless another was already waiting when
// the last one ended; then so much later than that one began that four begin in a
// second. Each reload leaves workers behind that must end.
type pace struct {
	// begun is when the last apply began, crowded whether another waited when it
	// ended.
	begun   time.Time
	crowded bool
}

// spacing is the least time between the beginnings of two applies in a crowd.
const spacing = time.Second / 4

// delay is how much later than now an apply may begin.
func (p pace) delay(now time.Time) time.Duration {
	if !p.crowded {
		return 0
	}
	return max(0, p.begun.Add(spacing).Sub(now))
}

// DrainingError says that too many workers of former generations still serve long
// requests: another generation might not fit into the memory of the host.
type DrainingError struct{ Draining, Most int }

// Error says how many there are and what ends them.
func (e *DrainingError) Error() string {
	return fmt.Sprintf("%d workers of former generations still serve long requests, and an apply leaves at most %d; nothing was changed, and they end by themselves when their shutdown timeout has passed", e.Draining, e.Most)
}

// drainPause is how often draining workers are counted again.
const drainPause = 200 * time.Millisecond

// beginApply waits for the turn as begin does, for the pace, and for workers that
// drain. Nobody else waits because of those. The error is a *DrainingError or that
// of ctx.
func (a *Applier) beginApply(ctx context.Context) (end func(), err error) {
	a.waiting.Add(1)
	defer a.waiting.Add(-1)
	patience := time.NewTimer(a.config.DrainPatience)
	defer patience.Stop()
	for {
		release, err := a.begin(ctx)
		if err != nil {
			return nil, err
		}
		if err = a.checkDraining(); err == nil {
			return a.start(ctx, release)
		}
		release()
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-patience.C:
			return nil, err
		case <-time.After(drainPause):
		}
	}
}

// start waits for the pace with the turn in hand.
func (a *Applier) start(ctx context.Context, release func()) (end func(), err error) {
	select {
	case <-ctx.Done():
		release()
		return nil, ctx.Err()
	case <-time.After(a.pace.delay(time.Now())):
	}
	a.pace.begun = time.Now()
	return func() {
		a.pace.crowded = a.waiting.Load() > 0
		release()
	}, nil
}

// checkDraining tells whether one more generation may be left to drain.
func (a *Applier) checkDraining() error {
	draining, running, err := a.config.Nginx.Draining()
	if err != nil {
		return err
	}
	if most := a.config.MaxDraining * running; draining+running > most && running > 0 {
		return &DrainingError{Draining: draining, Most: most}
	}
	return nil
}
