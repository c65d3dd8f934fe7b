package replicas_test

import (
	"context"
	"fmt"
	"time"

	"github.com/siteplane/siteplane/test/split"
)

// The kinds of work that call a service with a fence.
const (
	edge   = "edge"
	tunnel = "tunnel"
)

// serviceOf is who is called in the work of a kind.
var serviceOf = map[string]string{edge: split.EdgeAgent, tunnel: split.Tunnel}

// callBytes is less than any call with a change has, and more than what a replica sends
// to see whether somebody is there.
const callBytes = 200

// relay is what lies between a lifecycle and a service.
func (w *world) relay(r *replica, kind string) *relay { return w.relays[r.name+" "+serviceOf[kind]] }

// release lets everything pass that replicas send.
func (w *world) release(all ...*replica) {
	for _, r := range all {
		w.relay(r, edge).release()
		w.relay(r, tunnel).release()
	}
}

// calling returns how many calls of a kind a replica has begun and not ended; those of a
// run that was killed count for good.
func (w *world) calling(r *replica, kind string) int {
	return w.logged(r.name, kind+" apply intent") - w.logged(r.name, kind+" apply outcome")
}

// underWay lets somebody ask for work of a kind, and returns the replica that has the
// lease on it when its call has been sent and has not arrived. No call of any replica
// to that service arrives until release.
func (w *world) underWay(kind string, ask func(r *replica)) *replica {
	w.t.Helper()
	w.quiet(100 * time.Millisecond)
	before := map[*replica]int{}
	for _, r := range w.replicas {
		before[r] = w.calling(r, kind)
		w.relay(r, kind).hold()
	}
	ask(w.replicas[0])
	var found *replica
	eventually(w.t, patience, "a call to the "+kind+" is under way", func(ctx context.Context) (err error) {
		if found, err = w.holder(ctx, kind); err != nil {
			return err
		}
		if w.calling(found, kind) == before[found] {
			return fmt.Errorf("%s does not call", found.name)
		}
		if n := w.relay(found, kind).waiting(); n < callBytes {
			return fmt.Errorf("%s has sent %d bytes", found.name, n)
		}
		return nil
	})
	return found
}
