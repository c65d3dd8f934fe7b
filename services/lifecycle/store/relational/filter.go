package relational

import (
	"fmt"
	"strings"
	"time"

	"github.com/siteplane/siteplane/services/lifecycle/filter"
)

// field makes the condition that compares what a list may be limited by with a
// value; ok is false for a comparison or a kind of value that it does not have. The
// value goes into the arguments, never into the text.
type field func(on Conn, op filter.Op, value any) (condition string, args []any, ok bool)

// siteFields are what a list of sites may be limited by.
var siteFields = map[string]field{
	"status":      textField("status", false),
	"name":        textField("name", true),
	"slug":        textField("slug", false),
	"create_time": timeField("created_at"),
}

// domainFields are what a list of domains may be limited by.
var domainFields = map[string]field{
	"status":      textField("status", false),
	"mode":        textField("mode", false),
	"hostname":    textField("hostname", false),
	"primary":     flagField(`EXISTS (SELECT 1 FROM site p WHERE p.id = domain.site_id AND p.primary_domain_id = domain.id)`),
	"create_time": timeField("created_at"),
}

// filter limits the rows by an expression; nil is no limit. A field that is not among
// the given ones is an error of the caller's program.
func (q *query) filter(on Conn, fields map[string]field, e filter.Expr) error {
	if e == nil {
		return nil
	}
	c := compiler{on: on, fields: fields}
	condition, err := c.compile(e)
	if err != nil {
		return fmt.Errorf("compile the filter: %w", err)
	}
	q.and(condition, c.args...)
	return nil
}

// compiler turns an expression into a condition. Each part that it returns keeps its
// meaning beside any operator.
type compiler struct {
	on     Conn
	fields map[string]field
	args   []any
}

func (c *compiler) compile(e filter.Expr) (string, error) {
	switch e := e.(type) {
	case filter.And:
		return c.join(e, " AND ", "true")
	case filter.Or:
		return c.join(e, " OR ", "false")
	case filter.Not:
		inner, err := c.compile(e.Inner)
		return "(NOT " + inner + ")", err
	case filter.Is:
		return c.is(e)
	}
	return "", fmt.Errorf("%T is no expression", e)
}

// join compiles the parts of a list; none is what an empty one means.
func (c *compiler) join(parts []filter.Expr, operator, none string) (string, error) {
	if len(parts) == 0 {
		return none, nil
	}
	conditions := make([]string, len(parts))
	for i, part := range parts {
		condition, err := c.compile(part)
		if err != nil {
			return "", err
		}
		conditions[i] = condition
	}
	return "(" + strings.Join(conditions, operator) + ")", nil
}

func (c *compiler) is(e filter.Is) (string, error) {
	compare, ok := c.fields[e.Field]
	if !ok {
		return "", fmt.Errorf("there is no field %q", e.Field)
	}
	condition, args, ok := compare(c.on, e.Op, e.Value)
	if !ok {
		return "", fmt.Errorf("the field %q has no comparison %q with a %T", e.Field, e.Op, e.Value)
	}
	c.args = append(c.args, args...)
	return "(" + condition + ")", nil
}

// textField compares a text; fold takes the letters A to Z in a pattern for those in
// lower case.
func textField(column string, fold bool) field {
	return func(on Conn, op filter.Op, value any) (string, []any, bool) {
		text, ok := value.(string)
		switch op {
		case filter.Equal, filter.NotEqual:
			return column + " " + string(op) + " ?", []any{text}, ok
		case filter.Like:
			like := on.Like(fold)
			return column + like.Operator, []any{like.Escape.Replace(text)}, ok
		}
		return "", nil, false
	}
}

func flagField(condition string) field {
	return func(_ Conn, op filter.Op, value any) (string, []any, bool) {
		flag, ok := value.(bool)
		if op != filter.Equal && op != filter.NotEqual {
			return "", nil, false
		}
		return condition + " " + string(op) + " ?", []any{flag}, ok
	}
}

func timeField(column string) field {
	return func(_ Conn, op filter.Op, value any) (string, []any, bool) {
		at, ok := value.(time.Time)
		switch op {
		case filter.Equal, filter.NotEqual, filter.Less, filter.LessEqual, filter.Greater, filter.GreaterEqual:
		default:
			return "", nil, false
		}
		if at.Nanosecond()%1000 != 0 {
			condition, args := besides(column, op, stamp(at))
			return condition, args, ok
		}
		return column + " " + string(op) + " ?", []any{stamp(at)}, ok
	}
}

// besides compares with a time between a stored microsecond and the next.
func besides(column string, op filter.Op, before Stamp) (string, []any) {
	switch op {
	case filter.Equal:
		return "false", nil
	case filter.NotEqual:
		return "true", nil
	case filter.Less, filter.LessEqual:
		return column + " <= ?", []any{before}
	}
	return column + " > ?", []any{before}
}
