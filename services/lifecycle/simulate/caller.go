package simulate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/admin"
	"github.com/siteplane/siteplane/services/lifecycle/app"
	"github.com/siteplane/siteplane/services/lifecycle/auth"
	"github.com/siteplane/siteplane/services/lifecycle/store"
)

// callLimit is how long a caller waits for an answer before it asks another replica.
const callLimit = 10 * time.Second

// maxAsked is how often a caller asks before it gives up for now.
const maxAsked = 12

// ask is one call of a replica.
type ask func(ctx context.Context, cp *app.ControlPlane, id app.RequestID) (any, error)

// request is what a caller asks for, with one request id, until it has an answer.
type request struct {
	world *world
	id    int
	by    auth.Principal
	ask   ask
	// answered is called with the first answer.
	answered func(answer any)

	mu sync.Mutex
	// answer is the first one as JSON, "" before; refusal what the last refusal said.
	answer  string
	refusal error
	tried   bool
}

// name is the request id on the wire.
func (r *request) name() app.RequestID { return app.RequestID(fmt.Sprintf("r%d", r.id)) }

// begin notes a request and asks for it beside everything else.
func (w *world) begin(r *request, first int) {
	r.world = w
	w.mu.Lock()
	w.requests[r.id] = r
	w.order = append(w.order, r)
	w.mu.Unlock()
	w.run(func() { r.askAll(first) })
}

// askAll asks one replica after the other until there is an answer or a refusal.
func (r *request) askAll(first int) {
	for n := range maxAsked {
		if p, ok := r.world.replicas[(first+n)%r.world.Replicas].serving(); ok && r.askOne(p, fmt.Sprintf("%s %d.%d", r.name(), first, n)) {
			return
		}
		r.world.sleep(min(200*time.Millisecond<<n, 20*time.Second))
	}
}

// askOne asks a process and waits for its answer, but not for ever: what comes later
// counts all the same. It reports whether there was one.
func (r *request) askOne(p *process, attempt string) (settled bool) {
	r.mu.Lock()
	again := r.tried && r.answer == ""
	r.tried = true
	r.mu.Unlock()
	if again && r.isKept() {
		r.world.tally.saw(sawLostCommit)
	}
	got := make(chan bool, 1)
	r.world.run(func() {
		ctx, cancel := context.WithTimeout(asCaller(r.world.context(), attempt), callLimit)
		defer cancel()
		answer, err := r.ask(ctx, p.cp, r.name())
		got <- r.settle(answer, err)
	})
	timer := time.NewTimer(callLimit)
	defer timer.Stop()
	select {
	case settled = <-got:
	case <-timer.C:
	case <-r.world.over:
	}
	return settled
}

// settle takes an answer: the same as the first, whoever gave it.
func (r *request) settle(answer any, err error) (settled bool) {
	if err != nil {
		return r.refused(err)
	}
	raw, err := json.Marshal(answer)
	if err != nil {
		r.world.violate("I2 a repeated request", "the answer of request %d: %v", r.id, err)
		return true
	}
	r.mu.Lock()
	first := r.answer
	if first == "" {
		r.answer, r.refusal = string(raw), nil
	}
	r.mu.Unlock()
	switch {
	case first == "":
		if r.answered != nil {
			r.answered(answer)
		}
	case first != string(raw):
		r.world.violate("I2 a repeated request is answered as the first", "request %d: %s, and then %s", r.id, first, raw)
	default:
		r.world.tally.saw(sawReplay)
	}
	return true
}

// refused sorts an error: whether it says anything about the request.
func (r *request) refused(err error) (settled bool) {
	var (
		busy      *app.InProgressError
		suspended *admin.SuspendedError
	)
	switch {
	case unknown(err), errors.As(err, &busy), errors.Is(err, lifecycle.ErrLostRace):
		return false
	case !definite(err):
		r.world.violate("no error is unexplained", "request %d: %v", r.id, err)
		return true
	}
	if errors.As(err, &suspended) {
		r.world.tally.saw(sawSuspended)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.refusal = err
	if r.answer != "" && suspended == nil {
		r.world.violate("I2 a repeated request is answered as the first", "request %d: %s, and then %v", r.id, r.answer, err)
	}
	return true
}

// unknown reports whether an error leaves open what became of the call.
func unknown(err error) bool {
	var away *lifecycle.UnavailableError
	return errors.As(err, &away) || errors.Is(err, errDead) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)
}

// definite reports whether an error is one that callers are meant to get.
func definite(err error) bool {
	var (
		taken     *lifecycle.TakenError
		before    *lifecycle.PreconditionError
		invalid   *lifecycle.InvalidError
		missing   *lifecycle.NotFoundError
		illegal   *lifecycle.IllegalTransitionError
		limit     *admin.LimitError
		suspended *admin.SuspendedError
	)
	return errors.As(err, &taken) || errors.As(err, &before) || errors.As(err, &invalid) || errors.As(err, &missing) ||
		errors.As(err, &illegal) || errors.As(err, &limit) || errors.As(err, &suspended)
}

// isKept reports whether the database has the answer already.
func (r *request) isKept() (kept bool) {
	ctx := r.world.context()
	_ = r.world.db.View(ctx, func(tx store.Tx) (err error) {
		_, kept, err = tx.GetRequest(ctx, r.by.TenantID, string(r.name()))
		return err
	})
	return kept
}

// has returns the first answer, "" for none yet.
func (r *request) has() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.answer
}
