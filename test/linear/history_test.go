package linear_test

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/anishathalye/porcupine"
)

// settle makes operations of calls, and says what is wrong whatever the order was. A
// request is one operation, however often it was sent: it happens after the first call
// and before the first answer that says so. Every other answer must be the same.
func settle(calls []call) (history []porcupine.Operation, problems []string) {
	seen := sightings(calls)
	for _, request := range requestsOf(calls) {
		n := firstDone(request)
		if n >= 0 {
			problems = append(problems, repeated(request, request[n])...)
			history = append(history, operation(request[n], request[slices.IndexFunc(request, mayHave)].called, request[n].returned))
		} else if op, ok := unseen(request, seen); ok {
			history = append(history, op)
		}
		history = append(history, refusals(request)...)
	}
	return history, problems
}

func operation(c call, called, returned time.Duration) porcupine.Operation {
	return porcupine.Operation{
		ClientId: c.caller, Input: c.ask, Output: c.answer, Metadata: c.at,
		Call: int64(called), Return: int64(max(called, returned)),
	}
}

// inOrder are calls in the order in which they began.
func inOrder(calls []call) []call {
	return slices.SortedFunc(slices.Values(calls), func(a, b call) int { return cmp.Compare(a.called, b.called) })
}

// requestsOf are the calls of each request in the order in which they began.
func requestsOf(calls []call) [][]call {
	byID := map[string][]call{}
	var all [][]call
	for _, c := range inOrder(calls) {
		if c.request == "" {
			all = append(all, []call{c})
		} else {
			byID[c.request] = append(byID[c.request], c)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(byID)) {
		all = append(all, byID[id])
	}
	return all
}

// firstDone is which call of a request was the first to be told that it is done; -1 for
// none.
func firstDone(request []call) int {
	first := -1
	for n, c := range request {
		if c.answer.verdict == done && (first < 0 || c.returned < request[first].returned) {
			first = n
		}
	}
	return first
}

// mayHave says whether a call may be the one of its request that did it.
func mayHave(c call) bool { return c.answer.verdict == done || c.answer.verdict == unanswered }

// repeated finds answers that differ from the first one, and refusals after it.
func repeated(request []call, first call) (problems []string) {
	for _, c := range request {
		switch {
		case c.answer.verdict == unanswered, c.answer.verdict == busy:
		case c.answer.verdict == done && c.answer != first.answer:
			problems = append(problems, fmt.Sprintf("request %s was answered twice, and not the same:\n%s\n%s", c.request, words(first), words(c)))
		case c.answer.verdict != done && c.called > first.returned:
			problems = append(problems, fmt.Sprintf("request %s was done, and then refused:\n%s\n%s", c.request, words(first), words(c)))
		}
	}
	return problems
}

// refusals are operations of their own, which change nothing. While another call of the
// same request may be at work, a lost race may have been lost to that.
func refusals(request []call) (history []porcupine.Operation) {
	for _, c := range request {
		switch c.answer.verdict {
		case done, unanswered, busy:
		case changed:
			if len(request) == 1 {
				history = append(history, operation(c, c.called, c.returned))
			}
		default:
			history = append(history, operation(c, c.called, c.returned))
		}
	}
	return history
}

// sighting is when a value was first seen, and where.
type sighting struct {
	returned time.Duration
	in       view
}

func sightings(calls []call) map[string]sighting {
	seen := map[string]sighting{}
	for _, c := range calls {
		v := c.answer.site
		for _, value := range []string{v.name, v.header} {
			if first, ok := seen[value]; value != "" && (!ok || c.returned < first.returned) {
				seen[value] = sighting{c.returned, v}
			}
		}
	}
	return seen
}

// unseen is a request that got no answer. It may have happened at any time after its
// first call. Somebody who has seen its value proves that it had happened by then;
// without a witness it is left out, for then every order that holds with it holds
// without it: whoever came between it and the next change would have seen it. For
// creates this is so because somebody looks for the slug in the end. A remove has no
// value, so callers repeat it until it is answered.
func unseen(request []call, seen map[string]sighting) (porcupine.Operation, bool) {
	n := slices.IndexFunc(request, func(c call) bool { return c.answer.verdict == unanswered })
	if n < 0 || request[n].value == "" {
		return porcupine.Operation{}, false
	}
	c := request[n]
	witness, ok := seen[c.value]
	c.answer.site = view{siteID: witness.in.siteID, revision: witness.in.revision}
	return operation(c, c.called, witness.returned), ok
}

// words are a call in words.
func words(c call) string {
	text := fmt.Sprintf("%9.3fs to %9.3fs  caller %d at %s: %s: %s", c.called.Seconds(), c.returned.Seconds(), c.caller, c.at, c.ask, c.answer)
	if c.request != "" {
		text += "  (request " + c.request + ")"
	}
	return text
}
