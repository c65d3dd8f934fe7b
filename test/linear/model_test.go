package linear_test

import (
	"fmt"
	"slices"
	"strings"

	"github.com/anishathalye/porcupine"
)

// held are the sites that have had a slug, the last one perhaps still: all that there is
// to know of a slug. Versions and phases are those that were seen last; the engine may
// have moved them on since, in silence.
type held []view

// model says what one database would answer that does one operation after the other.
// An operation of the history is a request, however often it was sent.
func model() porcupine.Model {
	return porcupine.Model{
		Partition: bySlug,
		Init:      func() any { return held(nil) },
		Step: func(state, input, output any) (bool, any) {
			next, ok := step(state.(held), input.(ask), output.(answer))
			return ok, next
		},
		Equal: func(a, b any) bool { return slices.Equal(a.(held), b.(held)) },
		Hash: func(state any) uint64 {
			h := state.(held)
			if len(h) == 0 {
				return 0
			}
			return uint64(len(h))<<32 + uint64(h[len(h)-1].version)
		},
		DescribeOperation: func(input, output any) string { return fmt.Sprintf("%s: %s", input, output) },
		DescribeState: func(state any) string {
			var lines []string
			for _, v := range state.(held) {
				lines = append(lines, v.String())
			}
			return strings.Join(lines, "; ")
		},
	}
}

// bySlug parts a history: no operation is of two slugs.
func bySlug(history []porcupine.Operation) (parts [][]porcupine.Operation) {
	part := map[string]int{}
	for _, op := range history {
		slug := op.Input.(ask).slug
		n, ok := part[slug]
		if !ok {
			n = len(parts)
			part[slug], parts = n, append(parts, nil)
		}
		parts[n] = append(parts[n], op)
	}
	return parts
}

// step says whether an ask may be answered so, and what is then.
func step(h held, in ask, out answer) (held, bool) {
	switch in.kind {
	case find:
		return h.find(out)
	case create:
		return h.create(in, out)
	}
	n := slices.IndexFunc(h, func(v view) bool { return v.siteID == in.siteID })
	if n < 0 {
		return h, out.verdict == missing
	}
	var next view
	ok := false
	switch in.kind {
	case get:
		next, ok = h[n].shown(out.site)
		ok = ok && out.verdict == done
	case remove:
		next, ok = h[n].removed(out)
	case rename, respec:
		next, ok = h[n].updated(in, out)
	}
	return h.with(n, next), ok
}

// with puts a site in the place of the nth.
func (h held) with(n int, v view) held {
	if h[n] == v {
		return h
	}
	next := slices.Clone(h)
	next[n] = v
	return next
}

// find shows who has the slug: somebody who is not gone, or nobody.
func (h held) find(out answer) (held, bool) {
	last := len(h) - 1
	switch {
	case out.verdict != done:
		return h, false
	case last < 0:
		return h, out.site == view{}
	case out.site == view{}:
		return h.freed()
	}
	next, ok := h[last].shown(out.site)
	return h.with(last, next), ok && out.site.phase != gone
}

// freed is what is when nobody has the slug any more.
func (h held) freed() (held, bool) {
	last := len(h) - 1
	if last < 0 {
		return h, true
	}
	v := h[last]
	ok := v.may(gone)
	v.phase = gone
	return h.with(last, v), ok
}

// create takes the slug if nobody has it; one that is on its way out has it still.
func (h held) create(in ask, out answer) (held, bool) {
	switch out.verdict {
	case taken:
		return h, len(h) > 0 && h[len(h)-1].phase != gone
	case done, unanswered:
		want := view{siteID: out.site.siteID, name: in.value, header: in.value, revision: 1, version: out.site.version, phase: fresh}
		h, ok := h.freed()
		return append(slices.Clip(h), want), ok && (out.verdict == unanswered || out.site == want)
	}
	return h, false
}

// may says whether the engine may have brought the site to a phase.
func (v view) may(to phase) bool {
	return v.phase == to || v.phase == fresh && to == settled || v.phase == leaving && to == gone
}

// shown is the site as somebody saw it who changed nothing. A tombstone has no spec.
func (v view) shown(as view) (view, bool) {
	want := v
	want.version, want.phase = as.version, as.phase
	if as.phase == gone {
		want.header = ""
	}
	return as, as == want && as.version >= v.version && v.may(as.phase)
}

// removed sends the site on its way out; one that is has been sent before.
func (v view) removed(out answer) (view, bool) {
	if v.phase == fresh || v.phase == settled {
		v.phase = leaving
		v.version++
		if out.site.phase == gone {
			return v, false
		}
	}
	next, ok := v.shown(out.site)
	return next, ok && out.verdict == done
}

// updated writes a value, or is refused: by an etag that is old, or by a phase.
func (v view) updated(in ask, out answer) (view, bool) {
	switch out.verdict {
	case changed:
		known := in.etag != 0
		v.version = max(v.version, in.etag+1) // no version comes twice
		return v, known
	case late:
		return v, v.phase == leaving || v.phase == gone || v.phase == fresh && in.kind == respec
	case done, unanswered:
		return v.written(in, out)
	}
	return v, false
}

func (v view) written(in ask, out answer) (view, bool) {
	open := v.phase == settled || v.phase == fresh
	if in.etag != 0 {
		open = open && in.etag >= v.version
		v.version = in.etag
	}
	v.version++
	if in.kind == rename {
		v.name = in.value
	} else {
		open = open && out.site.revision > v.revision
		v.header, v.revision, v.phase = in.value, out.site.revision, settled
	}
	if out.verdict == unanswered {
		return v, open
	}
	next, ok := v.shown(out.site)
	return next, ok && open
}
