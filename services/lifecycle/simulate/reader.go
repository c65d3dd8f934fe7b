package simulate

import (
	"context"
	"sync"

	"github.com/siteplane/siteplane/services/lifecycle/app"
	"github.com/siteplane/siteplane/services/lifecycle/event"
)

// readerName is the reader's for chances.
const readerName = "reader"

// reader watches everything that happens in the installation, at one replica after
// the other, and goes on from its cursor each time.
type reader struct {
	world *world

	mu     sync.Mutex
	events []event.Event
}

func newReader(w *world) *reader {
	r := &reader{world: w}
	w.run(r.read)
	return r
}

// read watches until the world ends.
func (r *reader) read() {
	cursor := app.CursorStart
	for n := 0; ; n++ {
		if p, ok := r.world.replicas[n%r.world.Replicas].serving(); ok {
			cursor = r.watch(p, cursor, n)
		}
		select {
		case <-r.world.over:
			return
		default:
			r.world.sleep(r.world.chance.moment(readerName))
		}
	}
}

// watch watches one process until that fails, and returns where to go on.
func (r *reader) watch(p *process, cursor string, n int) string {
	ctx, cancel := context.WithCancel(asCaller(r.world.context(), readerName))
	defer cancel()
	r.world.run(func() {
		select {
		case <-p.died:
		case <-ctx.Done():
		}
		cancel()
	})
	err := p.cp.Watch(ctx, r.world.boss, cursor, app.EventFilter{Installation: true}, r.world.over, func(e *app.SeenEvent, at string) error {
		cursor = at
		if e != nil {
			r.take(e.Event)
			if n > 0 {
				r.world.tally.saw(sawWatched)
			}
		}
		return nil
	})
	if err != nil && !unknown(err) {
		r.world.violate("I9 whoever has a cursor can go on", "%v", err)
	}
	return cursor
}

// take takes an event: the one after the last.
func (r *reader) take(e event.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if last := int64(len(r.events)); e.Seq != last+1 {
		r.world.violate("I9 every event is seen once, in order", "place %d came after place %d", e.Seq, last)
	}
	r.events = append(r.events, e)
}

// all returns what it has seen.
func (r *reader) all() []event.Event {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.events
}
