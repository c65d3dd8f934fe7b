package storetest

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"pgregory.net/rapid"

	"github.com/siteplane/siteplane/services/lifecycle/filter"
)

// texts are names that tell a pattern from a look-alike.
var texts = []string{
	"shop", "Shop", "SHOPPING", "workshop", "50%", "50x", "a_b", "axb", "[ab]", "a", "b", "?", "", "*", "a*b",
	`back\slash`, "é shop", "two\nlines", "' OR 1=1 --", "]", "[^a]", "-",
}

// fields are what an expression may name, with a value of one row.
type fields map[string]any

// holds says what an expression means for one row.
func (f fields) holds(e filter.Expr) bool {
	switch e := e.(type) {
	case filter.And:
		return !slices.ContainsFunc(e, func(part filter.Expr) bool { return !f.holds(part) })
	case filter.Or:
		return slices.ContainsFunc(e, f.holds)
	case filter.Not:
		return !f.holds(e.Inner)
	}
	is := e.(filter.Is)
	switch value := f[is.Field].(type) {
	case string:
		return textHolds(value, is)
	case time.Time:
		return timeHolds(value, is)
	}
	return (f[is.Field] == is.Value) == (is.Op == filter.Equal)
}

func textHolds(value string, is filter.Is) bool {
	text := is.Value.(string)
	if is.Op != filter.Like {
		return (value == text) == (is.Op == filter.Equal)
	}
	pattern := strings.ReplaceAll(regexp.QuoteMeta(text), `\*`, ".*")
	if is.Field == "name" { // the others have no upper case
		pattern = "(?i:" + pattern + ")"
	}
	return regexp.MustCompile("(?s)^" + pattern + "$").MatchString(value)
}

func timeHolds(value time.Time, is filter.Is) bool {
	order := value.Compare(is.Value.(time.Time))
	switch is.Op {
	case filter.Equal:
		return order == 0
	case filter.NotEqual:
		return order != 0
	case filter.Less:
		return order < 0
	case filter.LessEqual:
		return order <= 0
	case filter.Greater:
		return order > 0
	}
	return order >= 0
}

// drawExpr draws an expression over the fields of a row.
func drawExpr(t *rapid.T, row fields, now time.Time, depth int) filter.Expr {
	kinds := []string{"is", "is", "and", "or", "not"}
	if depth == 0 {
		kinds = kinds[:1]
	}
	parts := func() (out []filter.Expr) {
		for range rapid.IntRange(0, 3).Draw(t, "parts") {
			out = append(out, drawExpr(t, row, now, depth-1))
		}
		return out
	}
	switch rapid.SampledFrom(kinds).Draw(t, "kind") {
	case "and":
		return filter.And(parts())
	case "or":
		return filter.Or(parts())
	case "not":
		return filter.Not{Inner: drawExpr(t, row, now, depth-1)}
	}
	return drawIs(t, row, now)
}

// drawIs draws a comparison that a field of its type has.
func drawIs(t *rapid.T, row fields, now time.Time) filter.Is {
	is := filter.Is{Field: rapid.SampledFrom(slices.Sorted(maps.Keys(row))).Draw(t, "field")}
	ops := []filter.Op{filter.Equal, filter.NotEqual}
	switch value := row[is.Field].(type) {
	case string:
		ops = append(ops, filter.Like)
		is.Value = drawText(t, value)
	case bool:
		is.Value = rapid.Bool().Draw(t, "flag")
	case time.Time:
		ops = append(ops, filter.Less, filter.LessEqual, filter.Greater, filter.GreaterEqual)
		is.Value = now.Add(time.Duration(rapid.IntRange(-1, 8).Draw(t, "half microseconds")) * 500)
	}
	is.Op = rapid.SampledFrom(ops).Draw(t, "op")
	return is
}

// drawText draws what a row has, whole, in part or louder, or a pattern of pieces.
func drawText(t *rapid.T, here string) string {
	letters := []rune(here)
	at := rapid.IntRange(0, len(letters)).Draw(t, "at")
	switch rapid.IntRange(0, 4).Draw(t, "way") {
	case 0:
		return here
	case 1:
		return strings.Map(louder, here)
	case 2:
		return string(letters[:at]) + "*"
	case 3:
		return "*" + string(letters[at:])
	}
	return strings.Join(rapid.SliceOfN(rapid.SampledFrom(pieces), 0, 4).Draw(t, "pieces"), "")
}

// pieces are of what patterns are made.
var pieces = []string{
	"*", "*", "s", "S", "hop", "HOP", "a", "b", "[", "]", "?", "%", "_", `\`, "^", "-", "50", "é", "\n", "ACTIVE", "PENDING", "example.com",
}

// louder turns a to z into upper case; what becomes of other letters is not promised.
func louder(letter rune) rune {
	if 'a' <= letter && letter <= 'z' {
		return letter - 'a' + 'A'
	}
	return letter
}
