package simulate

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/siteplane/siteplane/services/lifecycle/app"
)

// replica is a place where a process runs, one after the other.
type replica struct {
	world *world
	n     int
	// lives counts the processes that there were.
	lives int

	mu    sync.Mutex
	armed map[door][]fault
	now   *process // nil while none runs
}

// process is one life of a replica: a control plane of its own, with a lease owner of
// its own, at the doors of the world.
type process struct {
	slot   *replica
	world  *world
	chance *chance
	// name begins the names of all who call in it.
	name string
	cp   *app.ControlPlane
	// onMark and onEvent are what the control plane wants to be told.
	onMark, onEvent func()
	// skew is how wrong it is about the database's clock.
	skew time.Duration
	// sequenced is the last place of an event that it knows.
	sequenced atomic.Int64
	// died is closed when it dies.
	died chan struct{}

	mu     sync.Mutex
	paused chan struct{} // closed when it goes on; nil while it runs
	ready  bool          // it takes calls
}

// start begins a new life.
func (r *replica) start() {
	r.lives++
	p := &process{slot: r, world: r.world, chance: r.world.chance, name: fmt.Sprintf("%d.%d ", r.n, r.lives), died: make(chan struct{}), onMark: func() {}, onEvent: func() {}}
	cp, err := app.New(app.WithConfig(r.world.cfg), app.WithStore(&handle{p}), app.WithEdge(edgeProvider{p}),
		app.WithTunnel(tunnelProvider{p}), app.WithDNS(validator{p}), app.WithTracer(tracer{world: r.world}), app.WithLogger(r.world.logger()))
	if err != nil {
		r.world.violate("wiring", "%v", err)
		return
	}
	p.cp = cp
	r.mu.Lock()
	r.now = p
	r.mu.Unlock()
	r.world.run(p.begin)
}

// begin starts the control plane, as often as it takes until the database answers.
func (p *process) begin() {
	for !p.buried() {
		if p.cp.Start(p.world.context()) == nil {
			break
		}
		p.world.sleep(time.Second)
	}
	p.mu.Lock()
	p.ready = true
	p.mu.Unlock()
	if p.buried() {
		p.wind()
	}
}

// aside is what a replica is later than others by: timers of one moment go off in any
// order.
func (r *replica) aside() time.Duration { return time.Duration(r.n+1) * 1009 * time.Nanosecond }

// serving returns the process if it takes calls.
func (r *replica) serving() (p *process, ok bool) {
	r.mu.Lock()
	p = r.now
	r.mu.Unlock()
	if p == nil || p.buried() {
		return nil, false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p, p.ready
}

// leave takes the process off its place; ok is false when there is none.
func (r *replica) leave() (p *process, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	p, r.now = r.now, nil
	return p, p != nil
}

// crash kills the process where it stands and starts another after a while.
func (r *replica) crash(down time.Duration) {
	p, ok := r.leave()
	if !ok {
		return
	}
	close(p.died)
	if p.isReady() {
		r.world.run(p.wind)
	}
	r.world.run(func() {
		r.world.sleep(down)
		r.start()
	})
}

// restart stops the process as an operator does, and starts another after a while,
// whether or not it has let go by then.
func (r *replica) restart(down time.Duration) {
	p, ok := r.leave()
	if !ok {
		return
	}
	r.world.run(func() {
		if p.isReady() {
			p.wind()
		}
		if !p.buried() {
			close(p.died)
		}
	})
	r.world.run(func() {
		r.world.sleep(down)
		r.start()
	})
}

// wind ends the goroutines of a control plane.
func (p *process) wind() {
	if err := p.cp.Stop(context.Background()); err != nil {
		p.world.violate("stop", "%v", err)
	}
}

// pause lets the process stand still for a while.
func (r *replica) pause(d time.Duration) {
	r.mu.Lock()
	p := r.now
	r.mu.Unlock()
	if p == nil || !p.stand() {
		return
	}
	if d > r.world.cfg.Lease {
		r.world.tally.saw(sawPausedOverLease)
	}
	r.world.run(func() {
		r.world.sleep(d)
		p.goOn()
	})
}

// stand makes the process stand still, unless it does.
func (p *process) stand() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.paused != nil {
		return false
	}
	p.paused = make(chan struct{})
	return true
}

// goOn ends that.
func (p *process) goOn() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.paused != nil {
		close(p.paused)
		p.paused = nil
	}
}

func (p *process) isReady() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.ready
}

// buried reports whether the process is dead.
func (p *process) buried() bool {
	select {
	case <-p.died:
		return true
	default:
		return false
	}
}
