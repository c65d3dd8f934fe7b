package cloudflare

import (
	"maps"
	"time"
)

// settle is how long a list may lag behind what was written.
const settle = 10 * time.Second

// recent is what we have done that lists may not show yet.
type recent struct {
	// made has hostnames where something was made, or may have been, that no list
	// has shown. An old list says that nothing is there, and the rule would go while
	// the record stays.
	made moments
	// gone has ids of what was deleted, or may have been.
	gone moments
	// going has hostnames that the guard let go. What is still there of them needs
	// no second explanation, until they are wanted again.
	going moments
}

func newRecent() recent { return recent{made: moments{}, gone: moments{}, going: moments{}} }

// clone returns a copy that a rehearsal can change.
func (r recent) clone() recent {
	return recent{made: maps.Clone(r.made), gone: maps.Clone(r.gone), going: maps.Clone(r.going)}
}

// moments are when something was done to what the keys name.
type moments map[string]time.Time

// note notes that something is being done.
func (m moments) note(key string) { m[key] = time.Now() }

// forget notes that lists show it, or that it was not done.
func (m moments) forget(key string) { delete(m, key) }

// may says whether lists may not show it yet.
func (m moments) may(key string) bool {
	at, noted := m[key]
	if noted && time.Since(at) >= settle {
		delete(m, key)
		return false
	}
	return noted
}
