package api

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"go.einride.tech/aip/filtering"
	expr "google.golang.org/genproto/googleapis/api/expr/v1alpha1"

	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/filter"
	"github.com/siteplane/siteplane/services/lifecycle/network"
	"github.com/siteplane/siteplane/services/lifecycle/site"
)

// A field reads the value that a filter compares it with. Op is one that the kind of
// field has.
type field struct {
	ops  []filter.Op
	read func(text string) (any, error)
}

// fields are those of one list, by their names.
type fields map[string]field

var (
	equality = []filter.Op{filter.Equal, filter.NotEqual}
	order    = append(slices.Clone(equality), filter.Less, filter.LessEqual, filter.Greater, filter.GreaterEqual)
)

var siteFields = fields{
	"status":      oneOf(asWritten(site.Machine.States())),
	"name":        text,
	"slug":        text,
	"create_time": moment,
}

var domainFields = fields{
	"status":      oneOf(asWritten(network.Machine.States())),
	"mode":        oneOf(modeNames()),
	"hostname":    text,
	"primary":     yesOrNo,
	"create_time": moment,
}

// asWritten are values that the API spells as they are stored.
func asWritten[S ~string](all []S) map[string]string {
	stored := map[string]string{}
	for _, s := range all {
		stored[string(s)] = string(s)
	}
	return stored
}

// modeNames are the modes as the API spells them, and as they are stored.
func modeNames() map[string]string {
	stored := map[string]string{}
	for mode, w := range modes {
		stored[strings.TrimPrefix(w.String(), "DOMAIN_MODE_")] = string(mode)
	}
	return stored
}

var text = field{ops: equality, read: func(text string) (any, error) { return text, nil }}

var moment = field{ops: order, read: func(text string) (any, error) {
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return nil, errors.New("must be a time such as 2026-01-31T12:00:00Z")
	}
	return at, nil
}}

var yesOrNo = field{ops: equality, read: func(text string) (any, error) {
	switch text {
	case "true":
		return true, nil
	case "false":
		return false, nil
	}
	return nil, errors.New("must be true or false")
}}

// oneOf reads a name and gives what is stored for it.
func oneOf(stored map[string]string) field {
	return field{ops: equality, read: func(text string) (any, error) {
		value, ok := stored[text]
		if !ok {
			return nil, fmt.Errorf("must be one of %s", strings.Join(slices.Sorted(maps.Keys(stored)), ", "))
		}
		return value, nil
	}}
}

// maxParentheses bounds how deep a filter nests: the parser calls itself for each, and
// its errors repeat the filter as often.
const maxParentheses = 50

// readFilter turns a filter of the AIP-160 language into an expression, nil for all.
// What is wrong with it is noted.
func readFilter(problems *lifecycle.Violations, text string, fields fields) filter.Expr {
	if strings.TrimSpace(text) == "" {
		return nil
	}
	if strings.Count(text, "(") > maxParentheses {
		problems.Add("filter", "has more than %d parentheses", maxParentheses)
		return nil
	}
	var parser filtering.Parser
	parser.Init(text)
	parsed, err := parser.Parse()
	if err != nil {
		problems.Add("filter", "cannot be read: %s", parseProblem(err))
		return nil
	}
	found, err := fields.expression(parsed.GetExpr())
	if err != nil {
		problems.Add("filter", "%v", err)
		return nil
	}
	return found
}

// parseProblem is what the parser stumbled over. Its own text repeats the whole filter
// for each thing that it was reading then.
func parseProblem(err error) (problem string) {
	problem = "it is not understood"
	var at interface {
		error
		Position() filtering.Position
		Message() string
	}
	for ; errors.As(err, &at); err = errors.Unwrap(at) {
		problem = fmt.Sprintf("%s at %s", at.Message(), at.Position())
	}
	return problem
}

func (f fields) expression(e *expr.Expr) (filter.Expr, error) {
	call := e.GetCallExpr()
	switch call.GetFunction() {
	case filtering.FunctionAnd, filtering.FunctionFuzzyAnd:
		parts, err := f.all(call.GetArgs())
		return filter.And(parts), err
	case filtering.FunctionOr:
		parts, err := f.all(call.GetArgs())
		return filter.Or(parts), err
	case filtering.FunctionNot:
		parts, err := f.all(call.GetArgs())
		if err != nil || len(parts) != 1 {
			return nil, errors.Join(err, errors.New("NOT takes one restriction"))
		}
		return filter.Not{Inner: parts[0]}, nil
	}
	return f.restriction(call)
}

func (f fields) all(args []*expr.Expr) (parts []filter.Expr, err error) {
	for _, arg := range args {
		part, err := f.expression(arg)
		if err != nil {
			return nil, err
		}
		parts = append(parts, part)
	}
	return parts, nil
}

// restriction reads FIELD OP VALUE.
func (f fields) restriction(call *expr.Expr_Call) (filter.Expr, error) {
	if call == nil || len(call.GetArgs()) != 2 {
		return nil, fmt.Errorf("takes restrictions such as %s", `status = ACTIVE`)
	}
	name, op := call.GetArgs()[0].GetIdentExpr().GetName(), filter.Op(call.GetFunction())
	field, known := f[name]
	if !known {
		return nil, fmt.Errorf("knows no field %q, but %s", name, strings.Join(f.names(), ", "))
	}
	if !slices.Contains(field.ops, op) {
		return nil, fmt.Errorf("cannot compare %s by %q", name, op)
	}
	written, err := valueOf(call.GetArgs()[1])
	if err != nil {
		return nil, fmt.Errorf("%s %w", name, err)
	}
	value, err := field.read(written)
	if err != nil {
		return nil, fmt.Errorf("%s %w", name, err)
	}
	return comparison(name, op, value), nil
}

// comparison takes a text with a * for a pattern.
func comparison(name string, op filter.Op, value any) filter.Expr {
	pattern, isText := value.(string)
	if !isText || !strings.Contains(pattern, "*") {
		return filter.Is{Field: name, Op: op, Value: value}
	}
	like := filter.Is{Field: name, Op: filter.Like, Value: pattern}
	if op == filter.NotEqual {
		return filter.Not{Inner: like}
	}
	return like
}

func (f fields) names() []string { return slices.Sorted(maps.Keys(f)) }

// valueOf is a value as it was written, quoted or not.
func valueOf(e *expr.Expr) (string, error) {
	switch {
	case e.GetIdentExpr() != nil:
		return e.GetIdentExpr().GetName(), nil
	case e.GetConstExpr() != nil:
		if text, ok := e.GetConstExpr().GetConstantKind().(*expr.Constant_StringValue); ok {
			return text.StringValue, nil
		}
	}
	return "", errors.New("must be compared with a word or a quoted text")
}
