package cli

import (
	"fmt"
	"time"

	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
)

// endedError is a wait for ACTIVE that has no hope any more.
type endedError struct {
	goal string
	seen sight
}

func (e *endedError) Error() string {
	return fmt.Sprintf("wait for %s: %s is %s", e.goal, e.seen.name, e.seen.status)
}

func (e *endedError) exitCode() int {
	if e.seen.phase == phaseFailed {
		return ExitSiteError
	}
	return ExitConflict
}

func (e *endedError) problem() problem {
	if e.seen.phase != phaseFailed {
		return problem{text: e.Error(), next: "somebody deleted it meanwhile; `" + e.seen.timeline + "` shows who"}
	}
	return problem{
		text:    e.Error(),
		details: unmetLines(e.seen.conditions),
		next:    fmt.Sprintf("mend what is named above, then `%s`; `%s` shows the steps", e.seen.retry, e.seen.timeline),
	}
}

// stuckError is a wait that only the owner of the object can end: it goes on
// when DNS shows something else.
type stuckError struct {
	goal string
	seen sight
}

func (e *stuckError) Error() string {
	return fmt.Sprintf("wait for %s: %s is %s until DNS changes", e.goal, e.seen.name, e.seen.status)
}

func (e *stuckError) exitCode() int { return ExitMustAct }

func (e *stuckError) problem() problem {
	return problem{
		text:    e.Error(),
		details: unmetLines(e.seen.conditions),
		next:    "do as named above, then `" + e.seen.check + "`",
	}
}

// timeoutError is a wait that took too long. The work goes on.
type timeoutError struct {
	goal    goal
	waited  time.Duration
	seen    sight
	silence error
}

func (e *timeoutError) Error() string {
	state := e.seen.status
	if e.goal.state != nil {
		state = e.goal.state(e.seen)
	}
	return fmt.Sprintf("wait for %s: %s is still %s after %s", e.goal.status, e.seen.name, state, e.waited)
}

func (e *timeoutError) exitCode() int { return ExitTimeout }

func (e *timeoutError) problem() problem {
	found := problem{text: e.Error(), details: unmetLines(e.seen.conditions)}
	if e.seen.operation != nil {
		found.details = append(found.details, "operation: "+operationLine(e.seen.operation))
	}
	if e.silence != nil {
		found.details = append(found.details, "no answer since: "+e.silence.Error())
	}
	found.next = "the work goes on; look again with `" + e.seen.get + "`"
	return found
}

// interruptedError is a wait that the user ended. The work goes on.
type interruptedError struct {
	seen sight
	err  error
}

func (e *interruptedError) Error() string { return "interrupted" }

func (e *interruptedError) Unwrap() error { return e.err }

func (e *interruptedError) problem() problem {
	return problem{text: e.Error(), next: "the work goes on; look again with `" + e.seen.get + "`"}
}

// unmetLines says what stands in the way and who must act.
func unmetLines(conditions []*lifecyclev1.Condition) []string {
	var lines []string
	for _, condition := range conditions {
		if unmet(condition) {
			lines = append(lines, conditionLine(condition))
			lines = append(lines, fixLines(condition)...)
		}
	}
	return lines
}
