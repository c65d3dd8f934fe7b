package simulate

import (
	"github.com/siteplane/siteplane/services/lifecycle/store"
)

// Outcome is what came of a run.
type Outcome struct {
	// Wrong is what was as it must never be, nil for nothing.
	Wrong *Violation
	// Print is a sum over all calls with their times: two runs of one schedule have the
	// same.
	Print uint64
}

// Run plays a schedule on an empty database. It is called in a bubble of
// testing/synctest; settle is its Wait.
func Run(s Schedule, db store.Store, tally *Tally, settle func()) Outcome {
	w, err := newWorld(s.Setting, db, tally)
	if err != nil {
		return Outcome{Wrong: &Violation{Invariant: "the world can be made", Detail: err.Error()}}
	}
	defer w.close()
	w.open()
	wrong := w.play(s, settle)
	return Outcome{Wrong: wrong, Print: w.print}
}

func (w *world) play(s Schedule, settle func()) *Violation {
	for _, a := range s.Actions {
		v, _ := verbOf(a.Verb)
		v.do(w, a)
		w.tally.saw(did(v.name))
		w.sleep(a.Wait)
		settle()
		w.judge.look()
		if wrong := w.violation(); wrong != nil {
			wrong.Action = a.ID
			return wrong
		}
	}
	w.converge(settle)
	return w.violation()
}
