// Package fake implements the interfaces of package infra in memory, for tests.
// Its edges, tunnel and names behave as the real ones promise to, shrink guard
// included, and are hostile on demand: they go away, lose replies, answer late,
// drift, refuse and contradict.
//
// It decides nothing and keeps no time. Invariant: what a fake answers, it
// derives from what it holds, never from what the caller hopes for; the digest of
// an edge is made anew from its sites.
package fake

import (
	"errors"
	"sync"

	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/infra"
)

// Call is one call of a provider's method.
type Call struct {
	// Method is its name, for instance "Apply".
	Method string
	// Edge is empty for the tunnel and the validator.
	Edge id.Edge
	// Object is the site or hostname that was asked for.
	Object string
	// Update is what an Apply of an edge carried.
	Update infra.EdgeUpdate
	// TunnelUpdate is what an Apply of the tunnel carried.
	TunnelUpdate infra.TunnelUpdate
	// Err is what the caller was told.
	Err error
}

// journal keeps calls in order.
type journal struct {
	mu    sync.Mutex
	calls []Call
}

func (j *journal) note(c Call) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.calls = append(j.calls, c)
}

// Calls returns the calls of a method, oldest first; of all for "".
func (j *journal) Calls(method string) []Call {
	j.mu.Lock()
	defer j.mu.Unlock()
	var out []Call
	for _, c := range j.calls {
		if method == "" || c.Method == method {
			out = append(out, c)
		}
	}
	return out
}

var errNoAnswer = errors.New("no answer")

func unavailable(service string) error {
	return &infra.UnavailableError{Service: service, Err: errNoAnswer}
}
