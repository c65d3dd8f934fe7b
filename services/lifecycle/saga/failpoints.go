package saga

import "github.com/siteplane/siteplane/services/lifecycle/failpoint"

// The moments of a step at which a process may die: around each transaction and
// around each look at infrastructure.
const (
	beforeIntent       = "before_intent"
	afterIntent        = "after_intent"
	beforeConfirm      = "before_confirm"
	afterConfirm       = "after_confirm"
	beforeOutcome      = "before_outcome"
	afterOutcome       = "after_outcome"
	beforeCompensation = "before_compensation"
	afterCompensation  = "after_compensation"
	beforeUndone       = "before_undone"
	afterUndone        = "after_undone"
	beforeTakenBack    = "before_taken_back"
	afterTakenBack     = "after_taken_back"
	beforeFailed       = "before_failed"
	afterFailed        = "after_failed"
)

// Failpoints returns the names of all moments at which an operation may be cut
// off, in the order of its way up and then of its way back.
func (d Definition[T]) Failpoints() (names []failpoint.Name) {
	for _, s := range d.Steps {
		for _, moment := range s.wayUp() {
			names = append(names, name(d.Kind, s.Name, moment))
		}
	}
	for _, s := range d.Steps {
		for _, moment := range s.wayBack() {
			names = append(names, name(d.Kind, s.Name, moment))
		}
	}
	if d.Fail != nil {
		names = append(names, name(d.Kind, "", beforeFailed), name(d.Kind, "", afterFailed))
	}
	return names
}

func (s Step[T]) wayUp() []string {
	moments := []string{beforeIntent, afterIntent}
	if s.Confirm != nil {
		moments = append(moments, beforeConfirm, afterConfirm)
	}
	return append(moments, beforeOutcome, afterOutcome)
}

// wayBack is empty for a step that leaves nothing to undo.
func (s Step[T]) wayBack() (moments []string) {
	if s.Compensate != nil {
		moments = append(moments, beforeCompensation, afterCompensation)
	}
	if s.Undone != nil {
		moments = append(moments, beforeUndone, afterUndone)
	}
	if len(moments) == 0 {
		return nil
	}
	return append(moments, beforeTakenBack, afterTakenBack)
}

func name(operation, step, moment string) failpoint.Name {
	if step == "" {
		return failpoint.Name(operation + "." + moment)
	}
	return failpoint.Name(operation + "." + step + "." + moment)
}

// reached tells that the walk is at a moment of a step; of the operation for an
// empty step.
func (w *walk[T]) reached(step, moment string) { w.Reached.At(name(w.def.Kind, step, moment)) }
