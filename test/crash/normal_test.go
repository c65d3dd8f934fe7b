package crash_test

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/siteplane/siteplane/test/dump"
)

// ignored are columns whose values two runs may differ in although they came to
// the same end; that there is one is compared. Whatever is in no table of this file
// is compared byte for byte.
var ignored = []struct {
	// table is "*" for any.
	table   string
	columns []string
	because string
}{
	{"*", []string{"created_at", "updated_at", "at", "since", "found_at", "closed_at", "ended_at", "opened_at", "step_started_at",
		"compensating_since", "last_seen_at", "positive_at", "contradicted_at", "confirmed_at", "lease_until", "reserved_until", "due_at", "duration"}, "a clock"},
	{"*", []string{"trace_id", "trace_parent"}, "each process begins traces of its own"},
	{"journal", []string{"attempt"}, "a death may cost a call that is tried again"},
	{"domain", []string{"attempts", "version"}, "how often it was looked at, not what was seen; each look that is not the last is noted"},
	{"edge", []string{"generation", "proven_generation"}, "a send that was cut off has used a number; proved says whether they are equal"},
	{"tunnel", []string{"generation", "proven_generation"}, "as with edges"},
	{"edge", []string{"proven_digest"}, "made from ids; the files of nginx are compared"},
	{"tunnel", []string{"proven_digest"}, "made from hostnames; what Cloudflare holds is compared"},
	{"request", []string{"hash", "answer"}, "made from ids and clocks"},
	{"api_key", []string{"used_at"}, "a clock"},
	{"work", []string{"epoch", "wanted_seq", "done_seq"}, "each claim and each mark has a number; dirty says whether something is to be done"},
}

// derived are columns that keep what the ignored ones say about each other.
var derived = []struct {
	table, column string
	of            func(row) string
}{
	{"edge", "proved", func(r row) string { return strconv.FormatBool(r["generation"] == r["proven_generation"]) }},
	{"tunnel", "proved", func(r row) string { return strconv.FormatBool(r["generation"] == r["proven_generation"]) }},
	{"work", "dirty", func(r row) string { return strconv.FormatBool(r["wanted_seq"] != r["done_seq"]) }},
}

// dropped are rows that are there more or less often, by how often lifecycle
// looked.
var dropped = []struct {
	table   string
	rows    func(row) bool
	because string
}{
	{"journal", func(r row) bool { return r["result"] == "waiting" || r["result"] == "retry" },
		"a look that found nothing new yet; after a death there is another"},
	{"audit", func(r row) bool { return r["action"] == "CheckDomain" }, "callers ask for a look until they see what they wait for"},
}

// numbered are the tables in the order of a number: what counts is the order within
// a group, for groups are worked on beside each other.
var numbered = []struct {
	table, group string
	columns      []string
}{
	{"history", "object_id", []string{"seq", "prev"}},
	{"journal", "operation_id", []string{"seq"}},
	{"outbox", "object_id", []string{"seq"}},
	{"audit", "object_id", []string{"seq"}},
}

// replaced are texts within values and files.
var replaced = []struct {
	pattern     *regexp.Regexp
	replacement string
	because     string
}{
	{regexp.MustCompile(`(\\?"generation\\?":|generations/|generation )\d+`), "${1}N", "a send that was cut off has used a number"},
	{regexp.MustCompile(`(\\?"edge_[0-9a-z]+\\?":)\d+`), "${1}N", "as above: generations by edge"},
	{regexp.MustCompile(`(default )\d+;`), "${1}N;", "as above: the generation that nginx tells"},
	{regexp.MustCompile(`(\\?"hash\\?":\\?")[0-9a-f]+`), "${1}H", "over the files, made from ids; the files themselves are compared"},
	{regexp.MustCompile(`(configuration version )\d+`), "${1}N", "Cloudflare counts what was ever written"},
	{regexp.MustCompile(`_[a-z2-7]{12}\.(<slug>)`), "<nobody's name>.${1}", "the validator asks for a name that nobody has"},
	{regexp.MustCompile(`("trace_id":")[0-9a-f]+`), "${1}T", "each process begins traces of its own"},
	{regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z`), "<time>", "a clock"},
}

func normalText(text string) string {
	for _, r := range replaced {
		text = r.pattern.ReplaceAllString(text, r.replacement)
	}
	return text
}

// normalRows writes the rows of a table, in an order that does not depend on
// chance.
func normalRows(table string, rows []row, named *strings.Replacer) []string {
	rows = slices.DeleteFunc(rows, func(r row) bool { return isDropped(table, r) })
	rows = renumbered(table, rows)
	var lines []string
	for _, r := range rows {
		lines = append(lines, normalRow(table, r, named))
	}
	slices.Sort(lines)
	return lines
}

func isDropped(table string, r row) bool {
	for _, d := range dropped {
		if d.table == table && d.rows(r) {
			return true
		}
	}
	return false
}

// renumbered counts the rows of each group from 1.
func renumbered(table string, rows []row) []row {
	for _, n := range numbered {
		if n.table != table {
			continue
		}
		order := n.columns[0]
		slices.SortFunc(rows, func(a, b row) int {
			return cmp.Or(cmp.Compare(len(a[order]), len(b[order])), cmp.Compare(a[order], b[order]))
		})
		count, places := map[string]int{}, map[string]string{dump.Null: dump.Null}
		for i, r := range rows {
			count[r[n.group]]++
			places[r[order]] = strconv.Itoa(count[r[n.group]])
			rows[i] = maps.Clone(r)
			for _, column := range n.columns {
				rows[i][column] = places[r[column]]
			}
		}
	}
	return rows
}

// ignore leaves of values only that they are there.
func ignore(r row, columns []string) {
	for _, column := range columns {
		if value, ok := r[column]; ok && value != dump.Null {
			r[column] = "*"
		}
	}
}

func normalRow(table string, r row, named *strings.Replacer) string {
	r = maps.Clone(r)
	for _, d := range derived {
		if d.table == table {
			r[d.column] = d.of(r)
		}
	}
	for _, i := range ignored {
		if i.table == table || i.table == "*" {
			ignore(r, i.columns)
		}
	}
	fields := []string{table}
	for _, column := range slices.Sorted(maps.Keys(r)) {
		fields = append(fields, fmt.Sprintf("%s=%q", column, normalText(named.Replace(r[column]))))
	}
	return strings.Join(fields, " ")
}
