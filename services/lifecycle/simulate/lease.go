package simulate

import (
	"sync"
	"time"

	"github.com/siteplane/siteplane/services/lifecycle/worker"
)

// leases is what the world knows of claims, beside the database: who was given what,
// and what ended it.
type leases struct {
	world *world

	mu    sync.Mutex
	epoch map[workKey]uint64
	held  map[workKey]lease
}

type lease struct {
	owner string
	epoch uint64
	until time.Time
}

// claimed notes a claim: of a higher epoch than all before, and of nothing that is
// leased.
func (l *leases) claimed(w worker.Work, c worker.Claim) {
	l.mu.Lock()
	defer l.mu.Unlock()
	key := workKey{w.Kind, w.Key}
	now := l.world.db.Now()
	if before := l.epoch[key]; w.Epoch <= before {
		l.world.violate("I7 epochs increase", "%s %s was claimed with epoch %d, after %d", w.Kind, w.Key, w.Epoch, before)
	}
	if h, ok := l.held[key]; ok && now.Before(h.until) {
		l.world.violate("I6 one worker at a time", "%s %s was claimed by %s while %s had it for %s more", w.Kind, w.Key, c.Owner, h.owner, h.until.Sub(now))
	}
	if w.Unended > 1 {
		l.world.tally.saw(sawTakeover)
	}
	l.epoch[key] = w.Epoch
	l.held[key] = lease{c.Owner, w.Epoch, now.Add(c.Lease).Truncate(time.Microsecond)} // as databases keep it
}

// lost reports whether a claim was taken by another or fenced.
func (l *leases) lost(w worker.Work) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return w.Epoch < l.epoch[workKey{w.Kind, w.Key}]
}

// ended notes that a claim ended, if it still held.
func (l *leases) ended(w worker.Work) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if key := (workKey{w.Kind, w.Key}); l.held[key].epoch == w.Epoch {
		delete(l.held, key)
	}
}

// fenced notes that whoever has an object has lost it.
func (l *leases) fenced(key workKey) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, known := l.epoch[key]; known {
		l.epoch[key]++
	}
	delete(l.held, key)
}

// released notes that an owner has nothing any more.
func (l *leases) released(owner string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for key, h := range l.held {
		if h.owner == owner {
			delete(l.held, key)
			l.world.tally.saw(sawReleasedLeases)
		}
	}
}
