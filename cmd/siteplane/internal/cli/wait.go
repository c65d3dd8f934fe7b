package cli

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/spf13/cobra"
)

const (
	// pollInterval is how often a waiting command asks for the object.
	pollInterval = 300 * time.Millisecond
	// defaultTimeout is how long it waits if it was not told.
	defaultTimeout = 2 * time.Minute
)

// waitFlags are the flags of every command that sets something in motion.
type waitFlags struct {
	wait    bool
	timeout time.Duration
}

func (f *waitFlags) addTo(command *cobra.Command, kind, status string) *cobra.Command {
	command.Flags().BoolVar(&f.wait, "wait", false, "wait until the "+kind+" is "+status+", showing progress")
	command.Flags().DurationVar(&f.timeout, "timeout", defaultTimeout, "longest `TIME` that --wait waits; the work goes on after it")
	if command.PreRunE == nil {
		command.PreRunE = func(command *cobra.Command, _ []string) error { return f.check(command) }
	}
	return command
}

func (f *waitFlags) check(command *cobra.Command) error {
	switch {
	case command.Flags().Changed("timeout") && !f.wait:
		return &usageError{errors.New("--timeout needs --wait")}
	case f.timeout <= 0:
		return &usageError{errors.New("--timeout must be more than 0")}
	}
	return nil
}

// goal is what a command waits for.
type goal struct {
	// status is its name.
	status string
	// over reports whether waiting is over, and with which error.
	over func(sight) (bool, error)
	// state says where an object is; nil for its status.
	state func(sight) string
	// vanishing says that an object which is not there any more has reached it.
	vanishing bool
}

// untilActive waits until an object serves. Every status that may still lead
// there keeps waiting.
func untilActive() goal {
	return goal{status: "ACTIVE", over: activeOrHopeless}
}

func activeOrHopeless(seen sight) (bool, error) {
	switch {
	case seen.phase == phaseActive:
		return true, nil
	case seen.phase != phaseUnderway:
		return true, &endedError{goal: "ACTIVE", seen: seen}
	case seen.stuck:
		return true, &stuckError{goal: "ACTIVE", seen: seen}
	}
	return false, nil
}

// untilGone waits until nothing is left of an object; status is what that is
// called.
func untilGone(status string) goal {
	return goal{status: status, vanishing: true, over: func(seen sight) (bool, error) { return seen.phase == phaseGone, nil }}
}

// waiter follows one object.
type waiter[Response any] struct {
	deps     Deps
	subject  subject[Response]
	goal     goal
	progress *progress
	timeout  time.Duration
	deadline time.Time
	// silence is the error of the last call, if it had no answer.
	silence error
}

// waitFor follows an object from begun on until the goal, the end of every
// hope, or the timeout, and shows progress on out. It returns the object as
// seen last, whatever happened.
func waitFor[Response any](ctx context.Context, deps Deps, out io.Writer, of subject[Response],
	timeout time.Duration, goal goal, begun Response,
) (Response, error) {
	start := deps.Now()
	w := &waiter[Response]{
		deps: deps, subject: of, goal: goal, timeout: timeout, deadline: start.Add(timeout),
		progress: &progress{out: out, now: deps.Now, start: start},
	}
	last, err := w.follow(ctx, begun)
	if err != nil && ctx.Err() != nil {
		err = &interruptedError{seen: of.sight(last), err: ctx.Err()}
	}
	return last, err
}

func (w *waiter[Response]) follow(ctx context.Context, found Response) (Response, error) {
	seen := w.subject.sight(found)
	w.progress.show(sight{}, seen)
	for {
		if over, err := w.goal.over(seen); over {
			return found, err
		}
		if !w.deps.Now().Before(w.deadline) {
			return found, &timeoutError{goal: w.goal, waited: w.timeout, seen: seen, silence: w.silence}
		}
		if err := w.deps.Pause(ctx, pollInterval); err != nil {
			return found, err
		}
		next, err := w.look(ctx, found)
		if err != nil {
			return found, err
		}
		before := seen
		found, seen = next, w.subject.sight(next)
		w.progress.show(before, seen)
	}
}

// look asks for the object once. A server that does not answer is no news
// about it: the waiter goes on with what was seen last.
func (w *waiter[Response]) look(ctx context.Context, seen Response) (Response, error) {
	limit := max(min(callTimeout, w.deadline.Sub(w.deps.Now())), pollInterval)
	next, err := w.subject.again(ctx, limit, seen)
	var failed *callError
	switch {
	case err == nil:
		w.heard()
		return next, nil
	case ctx.Err() != nil:
		return seen, err
	case errors.As(err, &failed) && failed.unanswered():
		w.unheard(err)
		return seen, nil
	case w.goal.vanishing && ExitCode(err) == ExitNotFound:
		return w.subject.tombstone(seen), nil
	}
	return seen, err
}

func (w *waiter[Response]) unheard(err error) {
	if w.silence == nil {
		w.progress.line("no answer, still trying: %v", err)
	}
	w.silence = err
}

func (w *waiter[Response]) heard() {
	if w.silence != nil {
		w.progress.line("the server answers again")
	}
	w.silence = nil
}
