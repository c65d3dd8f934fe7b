package cli

import (
	"fmt"
	"time"

	diagnosisv1 "github.com/siteplane/siteplane/gen/siteplane/diagnosis/v1"
	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
)

// endedError is a wait for ACTIVE that has no hope any more.
type endedError struct {
	goal goal
	site *lifecyclev1.Site
}

func (e *endedError) Error() string {
	return fmt.Sprintf("wait for %s: site %s is %s", e.goal, e.site.GetSiteId(), siteStatus(e.site.GetStatus()))
}

func (e *endedError) failed() bool {
	return e.site.GetStatus() == lifecyclev1.SiteStatus_SITE_STATUS_ERROR
}

func (e *endedError) exitCode() int {
	if e.failed() {
		return ExitSiteError
	}
	return ExitConflict
}

func (e *endedError) problem() problem {
	id := e.site.GetSiteId()
	if !e.failed() {
		return problem{text: e.Error(), next: "somebody deleted it meanwhile; `siteplane site timeline " + id + "` shows who"}
	}
	return problem{
		text:    e.Error(),
		details: unmetLines(e.site),
		next:    fmt.Sprintf("mend what is named above, then `siteplane site retry %s --wait`; `siteplane site timeline %s` shows the steps", id, id),
	}
}

// timeoutError is a wait that took too long. The work goes on.
type timeoutError struct {
	goal    goal
	waited  time.Duration
	seen    *lifecyclev1.GetSiteResponse
	silence error
}

func (e *timeoutError) Error() string {
	site := e.seen.GetSite()
	return fmt.Sprintf("wait for %s: site %s is still %s after %s", e.goal, site.GetSiteId(), siteStatus(site.GetStatus()), e.waited)
}

func (e *timeoutError) exitCode() int { return ExitTimeout }

func (e *timeoutError) problem() problem {
	found := problem{text: e.Error(), details: unmetLines(e.seen.GetSite())}
	if operation := e.seen.GetOperation(); operation != nil {
		found.details = append(found.details, "operation: "+operationLine(operation))
	}
	if e.silence != nil {
		found.details = append(found.details, "no answer since: "+e.silence.Error())
	}
	found.next = "the work goes on; look again with `siteplane site get " + e.seen.GetSite().GetSiteId() + "`"
	return found
}

// interruptedError is a wait that the user ended. The work goes on.
type interruptedError struct {
	id  string
	err error
}

func (e *interruptedError) Error() string { return "interrupted" }

func (e *interruptedError) Unwrap() error { return e.err }

func (e *interruptedError) problem() problem {
	return problem{text: e.Error(), next: "the work goes on; look again with `siteplane site get " + e.id + "`"}
}

// unmetLines says what a site waits for and who must act.
func unmetLines(site *lifecyclev1.Site) []string {
	var lines []string
	for _, condition := range conditionsOf(site) {
		if unmet(condition) {
			lines = append(lines, conditionLine(condition))
			lines = append(lines, fixLines(condition)...)
		}
	}
	return lines
}

func unmet(condition *lifecyclev1.Condition) bool {
	status := condition.GetStatus()
	return status != lifecyclev1.ConditionStatus_CONDITION_STATUS_TRUE &&
		status != lifecyclev1.ConditionStatus_CONDITION_STATUS_NOT_APPLICABLE
}

// conditionLine is a condition in one line: what is known, why, who must act.
func conditionLine(condition *lifecyclev1.Condition) string {
	line := condition.GetType() + " " + conditionStatus(condition.GetStatus())
	if condition.GetReason() != "" {
		line += " " + condition.GetReason()
	}
	if condition.GetMessage() != "" {
		line += ": " + condition.GetMessage()
	}
	if unmet(condition) {
		line += " [" + mustAct(condition.GetActor()) + "]"
	}
	return line
}

func fixLines(condition *lifecyclev1.Condition) []string {
	var lines []string
	for _, fix := range condition.GetFix() {
		lines = append(lines, "  fix: "+fix)
	}
	return lines
}

// mustAct says who must act.
func mustAct(value diagnosisv1.Actor) string {
	switch value {
	case diagnosisv1.Actor_ACTOR_UNSPECIFIED, diagnosisv1.Actor_ACTOR_NOBODY:
		return "nothing to do but wait"
	case diagnosisv1.Actor_ACTOR_CA:
		return "the certificate authority must act"
	case diagnosisv1.Actor_ACTOR_CLOUDFLARE:
		return "Cloudflare must act"
	}
	return "the " + actor(value) + " must act"
}
