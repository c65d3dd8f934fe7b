package linear_test

import (
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/anishathalye/porcupine"
)

// checkLimit is how long the search for an order may take. It takes milliseconds where
// there is one.
const checkLimit = 2 * time.Minute

// check returns what is wrong with the calls of a history; empty for nothing.
func check(calls []call, limit time.Duration) string {
	history, problems := settle(calls)
	result, info := porcupine.CheckOperationsVerbose(model(), history, limit)
	if result != porcupine.Ok {
		problems = append(problems, fmt.Sprintf("no order of the calls explains the answers: %s", result), inWords(calls, history, limit), draw(info))
	}
	return strings.Join(problems, "\n")
}

// inWords tells the calls of each slug for which no order was found.
func inWords(calls []call, history []porcupine.Operation, limit time.Duration) string {
	var text strings.Builder
	for _, part := range bySlug(history) {
		if porcupine.CheckOperationsTimeout(model(), part, limit) == porcupine.Ok {
			continue
		}
		slug := part[0].Input.(ask).slug
		fmt.Fprintf(&text, "the calls about %s:\n", slug)
		for _, c := range inOrder(calls) {
			if c.slug == slug {
				fmt.Fprintln(&text, words(c))
			}
		}
	}
	return text.String()
}

// draw writes a page that shows how far an order was found, and says where. The page is
// kept.
func draw(info porcupine.LinearizationInfo) string {
	page, err := os.CreateTemp("", "siteplane-linear-*.html")
	if err != nil {
		return err.Error()
	}
	defer page.Close()
	if err := porcupine.Visualize(model(), info, page); err != nil {
		return err.Error()
	}
	return "a browser shows how far an order was found: " + page.Name()
}
