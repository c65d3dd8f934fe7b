package api

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/filter"
)

func read(text string, fields fields) (filter.Expr, error) {
	var problems lifecycle.Violations
	found := readFilter(&problems, text, fields)
	return found, problems.Err()
}

// Whatever is written, it is refused or understood soon.
func TestReadFilter_takes_no_long_time(t *testing.T) {
	for name, text := range map[string]string{
		"parentheses":              strings.Repeat("(", 500) + strings.Repeat(")", 500),
		"parentheses around one":   strings.Repeat("(", 490) + "name = a" + strings.Repeat(")", 490),
		"parentheses without end":  strings.Repeat("(", 1000),
		"functions":                strings.Repeat("a(", 333) + strings.Repeat(")", 333),
		"functions without end":    strings.Repeat("a(", 500),
		"functions of methods":     strings.Repeat("a.b(", 200) + strings.Repeat(")", 200),
		"NOT of NOT":               strings.Repeat("NOT ", 250),
		"NOT of parentheses":       strings.Repeat("NOT (", 150) + "name = a" + strings.Repeat(")", 150),
		"minus of parentheses":     strings.Repeat("-(", 300) + "name = a" + strings.Repeat(")", 300),
		"parentheses of values":    strings.Repeat("name=(", 140) + "a" + strings.Repeat(")", 140),
		"one AND after another":    strings.TrimSuffix(strings.Repeat("name=a AND ", 90), " AND "),
		"one OR after another":     strings.TrimSuffix(strings.Repeat("name=a OR ", 99), " OR "),
		"one after another":        strings.Repeat("name=a ", 142),
		"members of members":       strings.Repeat("a.", 499) + "a",
		"quotes":                   strings.Repeat(`"`, 1000),
		"a quote without end":      `name = "` + strings.Repeat("a", 900),
		"spaces":                   "name" + strings.Repeat(" ", 990) + "=a",
		"spaces in parentheses":    strings.Repeat("( ", 250) + "name=a" + strings.Repeat(" )", 240),
		"functions in parentheses": strings.Repeat("(a(", 160) + strings.Repeat("))", 160),
		"colons":                   strings.Repeat("name:(", 140) + strings.Repeat(")", 140),
		"words with parentheses":   strings.Repeat("a (", 300) + strings.Repeat(")", 90),
		"OR of parentheses":        strings.Repeat("(name=a OR ", 80) + "name=a" + strings.Repeat(")", 40),
		"commas":                   "a(" + strings.Repeat("b,", 490) + "b)",
	} {
		t.Run(name, func(t *testing.T) {
			done := make(chan struct{})
			go func() {
				defer close(done)
				_, _ = read(text, siteFields)
			}()
			select {
			case <-done:
			case <-time.After(5 * time.Second):
				t.Fatal("it is still being read")
			}
		})
	}
}

// FuzzFilter checks that nothing that is read panics, and that what is understood
// names known fields only, and compares them with what they have.
func FuzzFilter(f *testing.F) {
	for _, seed := range []string{
		"", "status = ACTIVE", `status = ACTIVE AND name = "shop*"`, `create_time > "2026-01-01T00:00:00Z"`, "NOT (name = a OR slug != b)", "-name = a",
		"name", "name = ", "name : a", "name.a = b", "a(b)", "name = a b", "status = GONE", "((((", `name = "\xff"`, "create_time > 1", "name = 1.5", "primary = true",
		"name = -1", "name = \"a\\\"b\"", "name = 20s", "\x00", "name=*", "*", "name = a.b", "name = (a OR b)",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 1000 {
			return // the rules of the request leave none so long
		}
		for _, known := range []fields{siteFields, domainFields} {
			found, err := read(text, known)
			if err == nil {
				checkExpr(t, found, known)
			} else if found != nil {
				t.Errorf("%q is refused, and read as %v", text, found)
			}
		}
	})
}

func checkExpr(t *testing.T, e filter.Expr, known fields) {
	t.Helper()
	switch e := e.(type) {
	case nil: // all
	case filter.And:
		for _, part := range e {
			checkExpr(t, part, known)
		}
	case filter.Or:
		for _, part := range e {
			checkExpr(t, part, known)
		}
	case filter.Not:
		checkExpr(t, e.Inner, known)
	case filter.Is:
		field, ok := known[e.Field]
		if !ok {
			t.Fatalf("it names %q", e.Field)
		}
		if e.Op != filter.Like && !slices.Contains(field.ops, e.Op) {
			t.Errorf("it compares %s by %s", e.Field, e.Op)
		}
		switch e.Value.(type) {
		case string, bool, time.Time:
		default:
			t.Errorf("it compares %s with a %T", e.Field, e.Value)
		}
	default:
		t.Errorf("it has a %T", e)
	}
}
