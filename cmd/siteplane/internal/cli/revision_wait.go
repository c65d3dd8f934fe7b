package cli

import "fmt"

// untilRevision waits until the edges have proved a revision of a site. It is over
// without that when nothing works on it any more, or another revision is wanted.
func untilRevision(number int64) goal {
	name := fmt.Sprintf("revision %d", number)
	return goal{status: name, state: provenRevision, over: func(seen sight) (bool, error) {
		switch {
		case seen.phase == phaseLeaving, seen.phase == phaseGone:
			return true, &endedError{goal: name, seen: seen}
		case seen.revision != number:
			return true, &replacedError{goal: name, seen: seen}
		case seen.confirmed == number:
			return true, nil
		case seen.phase == phaseFailed:
			return true, &endedError{goal: name, seen: seen}
		case !seen.delivering:
			return true, &refusedError{goal: name, seen: seen}
		}
		return false, nil
	}}
}

func provenRevision(seen sight) string {
	if seen.confirmed == 0 {
		return "on no edge"
	}
	return fmt.Sprintf("at revision %d", seen.confirmed)
}

// replacedError is a wait for a revision that is not wanted any more.
type replacedError struct {
	goal string
	seen sight
}

func (e *replacedError) Error() string {
	return fmt.Sprintf("wait for %s: revision %d of %s is wanted now", e.goal, e.seen.revision, e.seen.name)
}

func (e *replacedError) exitCode() int { return ExitConflict }

func (e *replacedError) problem() problem {
	return problem{text: e.Error(), next: "somebody changed it meanwhile, or took the update back; `" + e.seen.timeline + "` shows who"}
}

// refusedError is a wait for a revision that does not get to the edges.
type refusedError struct {
	goal string
	seen sight
}

func (e *refusedError) Error() string {
	return fmt.Sprintf("wait for %s: the edges did not take it, %s is %s", e.goal, e.seen.name, provenRevision(e.seen))
}

func (e *refusedError) exitCode() int { return ExitSiteError }

func (e *refusedError) problem() problem {
	return problem{
		text:    e.Error(),
		details: unmetLines(e.seen.conditions),
		next:    "correct what is named above with `siteplane site update`; `" + e.seen.timeline + "` shows the steps",
	}
}
