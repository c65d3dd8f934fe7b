package reconcile

import (
	"context"
	"time"

	"github.com/siteplane/siteplane/services/lifecycle/worker"
)

// Park gives up what ends its process again and again: the operation of the object
// needs attention then, and blocks nothing. Without one the object is left alone for
// a while.
func (r *Reconciler) Park(ctx context.Context, w worker.Work, cause string) (time.Time, error) {
	op, ok, err := r.activeOperation(ctx, w.Key)
	if err != nil {
		return time.Time{}, err
	}
	if !ok {
		return r.Clock().Add(worker.ParkedFor), nil
	}
	return time.Time{}, r.engine.Park(ctx, w, op, "WORK_PARKED", cause)
}
