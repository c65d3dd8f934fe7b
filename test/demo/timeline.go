package main

import (
	"fmt"
	"slices"

	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
)

// Results of a step's outcome. After waiting, the same intent is still open.
const (
	resultOK      = "ok"
	resultWaiting = "waiting"
)

// changesOf returns the changes of an object's status, oldest first.
func changesOf(entries []*lifecyclev1.TimelineEntry, objectID string) []*lifecyclev1.StatusChange {
	var changes []*lifecyclev1.StatusChange
	for _, entry := range entries {
		if entry.GetObjectId() == objectID && entry.GetStatus() != nil {
			changes = append(changes, entry.GetStatus())
		}
	}
	return changes
}

// judgeChain demands that changes lead from nothing to a status without a gap.
func judgeChain(changes []*lifecyclev1.StatusChange, last string) error {
	at := ""
	for _, change := range changes {
		if change.GetFrom() != at {
			return fmt.Errorf("%q follows on %q", change.GetFrom()+" -> "+change.GetTo(), at)
		}
		at = change.GetTo()
	}
	if at != last {
		return fmt.Errorf("it ends at %q, not at %s", at, last)
	}
	return nil
}

// stepKey is one step of one operation.
type stepKey struct{ operation, step string }

// judgeSteps demands of every step an intent, then an outcome, and at last a
// good one. An outcome of waiting may be followed by another.
func judgeSteps(entries []*lifecyclev1.TimelineEntry) error {
	open, result := map[stepKey]bool{}, map[stepKey]string{}
	for _, entry := range entries {
		if entry.GetStep() == nil {
			continue
		}
		key := stepKey{entry.GetOperationId(), entry.GetStep().GetStep()}
		if err := judgeEntry(entry, open[key]); err != nil {
			return fmt.Errorf("%s of %s %s: %w", key.step, entry.GetOperationKind(), key.operation, err)
		}
		result[key] = entry.GetStep().GetResult()
		open[key] = entry.GetStep().GetPhase() == lifecyclev1.StepPhase_STEP_PHASE_INTENT || result[key] == resultWaiting
	}
	for key, last := range result {
		if last != resultOK {
			return fmt.Errorf("%s of %s: the last entry has the result %q", key.step, key.operation, last)
		}
	}
	return nil
}

// intents are what an intent may have come to: it wrote what is wanted, found it
// wanted already, or had nothing to write.
var intents = []string{"made", "found", ""}

// judgeEntry looks at one half of a step; open says whether there was an intent
// that still waits for its outcome.
func judgeEntry(entry *lifecyclev1.TimelineEntry, open bool) error {
	step := entry.GetStep()
	intent := step.GetPhase() == lifecyclev1.StepPhase_STEP_PHASE_INTENT
	switch {
	case entry.GetOperationId() == "":
		return fmt.Errorf("an entry has no operation")
	case !traceID.MatchString(entry.GetTraceId()):
		return fmt.Errorf("an entry has the trace id %q", entry.GetTraceId())
	case intent && open:
		return fmt.Errorf("an intent has no outcome")
	case intent && !slices.Contains(intents, step.GetResult()):
		return fmt.Errorf("an intent has the result %q", step.GetResult())
	case intent:
		return nil
	case !open:
		return fmt.Errorf("an outcome has no intent")
	case step.GetResult() == "":
		return fmt.Errorf("an outcome has no result")
	case step.GetDuration() == nil:
		return fmt.Errorf("an outcome has no duration")
	}
	return nil
}
