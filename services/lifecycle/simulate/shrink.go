package simulate

import (
	"slices"
	"time"
)

// Shrink makes a failing schedule shorter as long as it fails in the same way: first
// halves are left out, then quarters, at last single actions, until none can be spared.
// Where that makes the others meet at other times, their time passes all the same. It
// asks fails at most limit times.
func Shrink(s Schedule, limit int, fails func(Schedule) bool) Schedule {
	try := func(shorter Schedule) bool {
		if limit--; limit < 0 || !fails(shorter) {
			return false
		}
		s = shorter
		return true
	}
	for size := len(s.Actions) / 2; size > 0 && limit > 0; {
		spared := false
		for from := 0; from < len(s.Actions) && limit > 0; {
			to := min(from+size, len(s.Actions))
			switch {
			case try(s.without(from, to)):
				spared = true
			case s.mayWait(from, to) && try(s.waiting(from, to)):
				spared = true
				from++
			default:
				from = to
			}
		}
		if size > 1 || !spared {
			size /= 2
		}
	}
	return s
}

// without leaves actions out.
func (s Schedule) without(from, to int) Schedule {
	s.Actions = slices.Delete(slices.Clone(s.Actions), from, to)
	return s
}

// waiting lets only their time pass.
func (s Schedule) waiting(from, to int) Schedule {
	var passed time.Duration
	for _, a := range s.Actions[from:to] {
		if passed += a.Wait; a.Verb == tick {
			passed += a.For
		}
	}
	wait := Action{ID: s.Actions[from].ID, Verb: tick, For: passed}
	s.Actions = slices.Replace(slices.Clone(s.Actions), from, to, wait)
	return s
}

// mayWait reports whether that would be any less.
func (s Schedule) mayWait(from, to int) bool { return to-from > 1 || s.Actions[from].Verb != tick }
