package postgres

import (
	"regexp"
	"strconv"
	"strings"

	"github.com/siteplane/siteplane/services/lifecycle/store/relational"
)

var translations = relational.NewTranslations(translate)

var (
	// indexes and orders are for a database that must be told how to look.
	indexes = regexp.MustCompile(`\s+INDEXED BY \w+`)
	// place is an argument, with what package relational says of it, and with the name
	// that rows get in FROM.
	place = regexp.MustCompile(`\?(texts\b|numbers\b|clock\b|micros\b)?( [a-z]+)?`)
	// named are words that may follow an argument without being a name.
	named = map[string]bool{" asked": true, " kind": true}
	// byAnswer joins an operation that is found by a subquery. Where there are policies, no
	// index is looked into for the answer of one: it might tell of rows that are not to be
	// seen. So the subquery gives the row itself.
	byAnswer = regexp.MustCompile(`(?s)JOIN operation o ON o\.id = \(SELECT op\.id (FROM .*? LIMIT 1)\)`)
)

// ready is relational.Ready in words that an index is looked into for where there are
// policies; coalesce may tell of rows that are not to be seen, the planner thinks.
const ready = `CASE WHEN lease_until IS NULL THEN due_at ELSE lease_until END`

// translate spells a statement in Postgres's way.
func translate(text string) string {
	text = strings.ReplaceAll(indexes.ReplaceAllString(text, ""), "CROSS JOIN", "JOIN")
	text = byAnswer.ReplaceAllString(strings.ReplaceAll(text, relational.Ready, ready), "JOIN LATERAL (SELECT op.* $1) o ON true")
	n := 0
	return place.ReplaceAllStringFunc(text, func(found string) string {
		n++
		argument := "$" + strconv.Itoa(n)
		parts := place.FindStringSubmatch(found)
		switch rest := parts[2]; parts[1] {
		case "texts":
			return rowsOf(argument+"::text[]", rest)
		case "numbers":
			return rowsOf(argument+"::bigint[]", rest)
		case "clock":
			// Asked for once, so that an index can be looked into by the answer.
			return "(SELECT coalesce(" + argument + "::timestamptz, clock_timestamp()))" + rest
		case "micros":
			return argument + "::bigint * interval '1 microsecond'" + rest
		default:
			return argument + rest
		}
	})
}

// rowsOf are the rows of a list: a table in FROM, where a name follows, and a
// subquery's rows after IN.
func rowsOf(list, rest string) string {
	if named[rest] {
		return "unnest(" + list + ")" + rest + "(value)"
	}
	return "SELECT unnest(" + list + ")" + rest
}
