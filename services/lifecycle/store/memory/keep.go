package memory

import (
	"maps"
	"slices"
	"time"

	"github.com/siteplane/siteplane/services/lifecycle/edge"
)

// micro cuts times to how they are kept: to the microsecond, in UTC.
func micro(times ...*time.Time) {
	for _, at := range times {
		*at = at.Truncate(time.Microsecond).UTC()
	}
}

// own returns a list that nobody else has; an empty one is nil.
func own[E any](list []E) []E {
	if len(list) == 0 {
		return nil
	}
	return slices.Clone(list)
}

// ownLabels returns labels that nobody else has; none are nil.
func ownLabels(l edge.Labels) edge.Labels {
	if len(l) == 0 {
		return nil
	}
	return maps.Clone(l)
}

// ownNumber returns a number that nobody else has.
func ownNumber(n *int64) *int64 {
	if n == nil {
		return nil
	}
	return new(*n)
}

// set reports whether every time is one.
func set(times ...time.Time) bool {
	return !slices.ContainsFunc(times, time.Time.IsZero)
}

// oneOf reports whether a value is one of some.
func oneOf[T comparable](value T, of ...T) bool { return slices.Contains(of, value) }

// earlier returns the earlier of two times; a zero one is none.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// later returns the later of two times.
func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
