package cli

import (
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/proto"

	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
)

const (
	// pollInterval is how often a waiting command asks for the site.
	pollInterval = 300 * time.Millisecond
	// defaultTimeout is how long it waits if it was not told.
	defaultTimeout = 2 * time.Minute
)

// waitFlags are the flags of every command that sets a site in motion.
type waitFlags struct {
	wait    bool
	timeout time.Duration
}

func (f *waitFlags) addTo(command *cobra.Command, status string) *cobra.Command {
	command.Flags().BoolVar(&f.wait, "wait", false, "wait until the site is "+status+", showing progress")
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
type goal lifecyclev1.SiteStatus

const (
	untilActive  = goal(lifecyclev1.SiteStatus_SITE_STATUS_ACTIVE)
	untilDeleted = goal(lifecyclev1.SiteStatus_SITE_STATUS_DELETED)
)

func (g goal) String() string { return siteStatus(lifecyclev1.SiteStatus(g)) }

// judge reports whether waiting is over, and with which error. Every status
// that may still lead to the goal keeps waiting.
func (g goal) judge(site *lifecyclev1.Site) (bool, error) {
	status := site.GetStatus()
	if status == lifecyclev1.SiteStatus(g) {
		return true, nil
	}
	if g == untilDeleted {
		return false, nil
	}
	switch status {
	case lifecyclev1.SiteStatus_SITE_STATUS_ERROR,
		lifecyclev1.SiteStatus_SITE_STATUS_DELETING,
		lifecyclev1.SiteStatus_SITE_STATUS_DELETED:
		return true, &endedError{goal: g, site: site}
	}
	return false, nil
}

// waiter follows one site.
type waiter struct {
	deps     Deps
	session  *session
	goal     goal
	progress *progress
	timeout  time.Duration
	deadline time.Time
	// silence is the error of the last call, if it had no answer.
	silence error
}

// waitFor follows a site from begun on until the goal, the end of every hope,
// or the timeout. It returns the site as seen last, whatever happened.
func (a *app) waitFor(command *cobra.Command, s *session, timeout time.Duration, goal goal,
	begun *lifecyclev1.GetSiteResponse,
) (*lifecyclev1.GetSiteResponse, error) {
	start := a.deps.Now()
	w := &waiter{
		deps: a.deps, session: s, goal: goal, timeout: timeout, deadline: start.Add(timeout),
		progress: &progress{out: command.ErrOrStderr(), now: a.deps.Now, start: start},
	}
	last, err := w.follow(command.Context(), begun)
	if err != nil && command.Context().Err() != nil {
		err = &interruptedError{id: last.GetSite().GetSiteId(), err: command.Context().Err()}
	}
	return last, err
}

func (w *waiter) follow(ctx context.Context, seen *lifecyclev1.GetSiteResponse) (*lifecyclev1.GetSiteResponse, error) {
	w.progress.show(nil, seen.GetSite())
	for {
		if over, err := w.goal.judge(seen.GetSite()); over {
			return seen, err
		}
		if !w.deps.Now().Before(w.deadline) {
			return seen, &timeoutError{goal: w.goal, waited: w.timeout, seen: seen, silence: w.silence}
		}
		if err := w.deps.Pause(ctx, pollInterval); err != nil {
			return seen, err
		}
		next, err := w.look(ctx, seen)
		if err != nil {
			return seen, err
		}
		w.progress.show(seen.GetSite(), next.GetSite())
		seen = next
	}
}

// look asks for the site once. A server that does not answer is no news about
// the site: it keeps waiting with what was seen last.
func (w *waiter) look(ctx context.Context, seen *lifecyclev1.GetSiteResponse) (*lifecyclev1.GetSiteResponse, error) {
	limit := max(min(callTimeout, w.deadline.Sub(w.deps.Now())), pollInterval)
	next, err := call(ctx, w.session, limit, w.session.sites.GetSite,
		&lifecyclev1.GetSiteRequest{SiteId: seen.GetSite().GetSiteId()})
	var failed *callError
	switch {
	case err == nil:
		w.heard()
		return next, nil
	case ctx.Err() != nil:
		return nil, err
	case errors.As(err, &failed) && failed.unanswered():
		w.unheard(err)
		return seen, nil
	case w.goal == untilDeleted && ExitCode(err) == ExitNotFound:
		return tombstone(seen), nil
	}
	return nil, err
}

func (w *waiter) unheard(err error) {
	if w.silence == nil {
		w.progress.line("no answer, still trying: %v", err)
	}
	w.silence = err
}

func (w *waiter) heard() {
	if w.silence != nil {
		w.progress.line("the server answers again")
	}
	w.silence = nil
}

// tombstone is a site whose last trace is gone, as it was seen last.
func tombstone(seen *lifecyclev1.GetSiteResponse) *lifecyclev1.GetSiteResponse {
	site := proto.CloneOf(seen.GetSite())
	site.Status = lifecyclev1.SiteStatus_SITE_STATUS_DELETED
	return &lifecyclev1.GetSiteResponse{Site: site}
}
