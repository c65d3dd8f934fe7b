package relational

import "strings"

// query is a SELECT that conditions are added to; the arguments stay in the order of
// their places.
type query struct {
	text strings.Builder
	args []any
}

// where begins with a statement that ends in a condition.
func where(statement string, args ...any) *query {
	q := &query{args: args}
	q.text.WriteString(statement)
	return q
}

// and adds a condition; one that has an OR brings its own parentheses.
func (q *query) and(condition string, args ...any) {
	q.text.WriteString(" AND " + condition)
	q.args = append(q.args, args...)
}

// page ends a list in the order of its ids, after the last one of the page before, and
// returns the statement.
func (q *query) page(last string, oldestFirst bool, limit int) string {
	follows, order := "id < ?", " ORDER BY id DESC"
	if oldestFirst {
		follows, order = "id > ?", " ORDER BY id"
	}
	if last != "" {
		q.and(follows, last)
	}
	return q.end(order, limit)
}

// end gives the order and how many rows at most, and returns the statement.
func (q *query) end(order string, limit int) string {
	q.text.WriteString(order + " LIMIT ?")
	q.args = append(q.args, limit)
	return q.text.String()
}
