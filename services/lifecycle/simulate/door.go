package simulate

import (
	"context"
	"errors"
	"time"

	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/infra"
)

// door is what a call of a replica goes through.
type door int

// The doors; words has their names in schedules.
const (
	database door = iota
	edgeDoor
	tunnelDoor
	dnsDoor
	doors
)

var services = map[door]string{edgeDoor: "edge", tunnelDoor: "tunnel", dnsDoor: "dnsvalidator"}

// how says what goes wrong with a call, 0 for nothing; words has the names.
type how int

const (
	// refuse: nothing happens, and the caller is told that nobody answers.
	refuse how = iota + 1
	// lose: it happens, and the caller is told that nobody answers.
	lose
	// late: the caller is told that nobody answers, and then it happens; at the
	// database, where a closure runs in its caller, it is lose.
	late
	// slow: it takes its time, and happens.
	slow
	hows
)

// fault is what goes wrong with one call.
type fault struct {
	how
	takes time.Duration
}

var (
	errDead     = errors.New("the process is dead")
	errCut      = errors.New("the process died meanwhile")
	errNoAnswer = errors.New("no answer")
)

// unanswered is what a caller is told when nobody answers.
func unanswered(d door) error {
	if d == database {
		return &lifecycle.UnavailableError{What: "database", RetryAfter: time.Second, Err: errNoAnswer}
	}
	return &infra.UnavailableError{Service: services[d], Err: errNoAnswer}
}

// through lets a call of a process go through a door: it takes a while before and
// after, waits while the process stands still, and goes wrong as it was arranged.
func through[T any](ctx context.Context, p *process, d door, what string, do func(ctx context.Context) (T, error)) (T, error) {
	var nothing T
	me := p.who(ctx, what)
	if name := who(ctx); name != "" && name != readerName {
		p.world.note(me, d)
	}
	f := p.nextFault(me, d)
	if err := p.pass(me, f.takes); err != nil {
		if errors.Is(err, errCut) {
			p.afterDeath(ctx, me, d, func(ctx context.Context) { _, _ = do(ctx) })
		}
		return nothing, errDead
	}
	switch {
	case f.how == refuse:
		return nothing, unanswered(d)
	case f.how == late && d != database:
		p.world.run(func() {
			p.world.sleep(f.takes)
			_, _ = do(context.WithoutCancel(ctx))
			p.world.tally.saw(sawLateCall)
		})
		return nothing, unanswered(d)
	}
	if ctx.Err() != nil && d == database && p.chance.oneIn(me, 2) {
		ctx = context.WithoutCancel(ctx) // it was on its way already
	}
	answer, err := do(ctx)
	if p.pass(me, 0) != nil {
		return nothing, errDead
	}
	if f.how == lose || f.how == late {
		return nothing, unanswered(d)
	}
	return answer, err
}

// who names a caller within a process: what it works on, or else what it calls.
func (p *process) who(ctx context.Context, what string) string {
	return p.name + who(ctx) + " " + what
}

// afterDeath lets what a process had sent when it died arrive, sometimes. A closure
// runs in its caller's goroutine, which waits for it.
func (p *process) afterDeath(ctx context.Context, me string, d door, do func(ctx context.Context)) {
	if p.chance.oneIn(me, 2) {
		return
	}
	ctx = context.WithoutCancel(ctx)
	if d == database {
		do(ctx)
		p.world.tally.saw(sawLateCommit)
		return
	}
	takes := time.Duration(p.chance.intN(me, 90_000)) * time.Millisecond
	p.world.run(func() {
		p.world.sleep(takes)
		do(ctx)
		p.world.tally.saw(sawLateCall)
	})
}

// pass takes the while that a message takes, and as long as the process stands
// still. A dead process passes nothing.
func (p *process) pass(me string, takes time.Duration) error {
	if p.buried() {
		return errDead
	}
	timer := time.NewTimer(takes + p.chance.moment(me))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-p.died:
		return errCut
	}
	for {
		p.mu.Lock()
		paused := p.paused
		p.mu.Unlock()
		if paused == nil {
			return nil
		}
		select {
		case <-paused:
		case <-p.died:
			return errCut
		}
	}
}

// nextFault is what goes wrong with the next call through a door.
func (p *process) nextFault(me string, d door) (f fault) {
	p.slot.mu.Lock()
	defer p.slot.mu.Unlock()
	if armed := p.slot.armed[d]; len(armed) > 0 {
		p.slot.armed[d] = armed[1:]
		return armed[0]
	}
	if !p.world.Rough || p.world.healed() || p.chance.intN(me, 50) > 0 {
		return fault{}
	}
	return fault{how: how(1 + p.chance.intN(me, int(hows)-1)), takes: time.Duration(p.chance.intN(me, 3000)) * time.Millisecond}
}
