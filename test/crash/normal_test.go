package crash_test

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// normalisation is something that two runs may differ in although they came to the
// same end.
type normalisation struct {
	// table and columns are whose values are not compared; the table * is any.
	table   string
	columns []string
	because string
}

// normalisations is the whole list for the database: whatever is not in it is
// compared byte for byte.
var normalisations = []normalisation{
	{"*", []string{"created_at", "updated_at", "at", "since", "found_at", "closed_at", "ended_at", "opened_at",
		"step_started_at", "compensating_since", "last_seen_at", "positive_at", "reserved_until", "due_at"}, "a clock"},
	{"*", []string{"trace_id", "trace_parent"}, "each process begins traces of its own"},
}

// droppedRows are rows that are there more or less often, by how often lifecycle
// looked.
var droppedRows = []struct {
	table   string
	drop    func(row) bool
	because string
}{
	{"journal", func(r row) bool { return r["result"] == "waiting" || r["result"] == "retry" },
		"a look that finds nothing new yet; after a death one more is taken"},
}

// normalRows are the rows of a table in an order that does not depend on chance.
func normalRows(table string, rows []row, named *strings.Replacer) []string {
	var lines []string
	for _, r := range rows {
		if dropped(table, r) {
			continue
		}
		lines = append(lines, normalRow(table, r, named))
	}
	slices.Sort(lines)
	return lines
}

func dropped(table string, r row) bool {
	for _, d := range droppedRows {
		if d.table == table && d.drop(r) {
			return true
		}
	}
	return false
}

func normalRow(table string, r row, named *strings.Replacer) string {
	var fields []string
	for _, column := range slices.SortedFunc(maps.Keys(r), cmp.Compare[string]) {
		if !ignored(table, column) {
			fields = append(fields, fmt.Sprintf("%s=%q", column, named.Replace(r[column])))
		}
	}
	return strings.Join(fields, " ")
}

func ignored(table, column string) bool {
	return slices.ContainsFunc(normalisations, func(n normalisation) bool {
		return (n.table == "*" || n.table == table) && slices.Contains(n.columns, column)
	})
}

var generation = regexp.MustCompile(`generation \d+`)

func normalFiles(text string) string { return generation.ReplaceAllString(text, "generation N") }
