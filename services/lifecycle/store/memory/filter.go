package memory

import (
	"fmt"
	"strings"
	"time"

	"github.com/siteplane/siteplane/services/lifecycle/filter"
)

// test says of a row whether it passes.
type test[R any] func(row *R) bool

// field makes the test that compares what a list may be limited by with a value; ok is
// false for a comparison or a kind of value that it does not have.
type field[R any] func(op filter.Op, value any) (passes test[R], ok bool)

// compile makes the test of an expression; nil lets every row pass. A field that is not
// among the given ones is an error of the caller's program.
func compile[R any](fields map[string]field[R], e filter.Expr) (test[R], error) {
	if e == nil {
		return func(*R) bool { return true }, nil
	}
	passes, err := testOf(fields, e)
	if err != nil {
		return nil, fmt.Errorf("compile the filter: %w", err)
	}
	return passes, nil
}

func testOf[R any](fields map[string]field[R], e filter.Expr) (test[R], error) {
	switch e := e.(type) {
	case filter.And:
		parts, err := testsOf(fields, e)
		return func(row *R) bool { return !anyIs(parts, row, false) }, err
	case filter.Or:
		parts, err := testsOf(fields, e)
		return func(row *R) bool { return anyIs(parts, row, true) }, err
	case filter.Not:
		inner, err := testOf(fields, e.Inner)
		return func(row *R) bool { return !inner(row) }, err
	case filter.Is:
		return testOfField(fields, e)
	}
	return nil, fmt.Errorf("%T is no expression", e)
}

func testsOf[R any](fields map[string]field[R], parts []filter.Expr) ([]test[R], error) {
	tests := make([]test[R], len(parts))
	for i, part := range parts {
		var err error
		if tests[i], err = testOf(fields, part); err != nil {
			return nil, err
		}
	}
	return tests, nil
}

// anyIs reports whether one of some tests has a result.
func anyIs[R any](tests []test[R], row *R, result bool) bool {
	for _, passes := range tests {
		if passes(row) == result {
			return true
		}
	}
	return false
}

func testOfField[R any](fields map[string]field[R], e filter.Is) (test[R], error) {
	compare, ok := fields[e.Field]
	if !ok {
		return nil, fmt.Errorf("there is no field %q", e.Field)
	}
	passes, ok := compare(e.Op, e.Value)
	if !ok {
		return nil, fmt.Errorf("the field %q has no comparison %q with a %T", e.Field, e.Op, e.Value)
	}
	return passes, nil
}

// textField compares a text; fold is how it and a pattern are written for that.
func textField[R any](of func(row *R) string, fold func(text string) string) field[R] {
	return func(op filter.Op, value any) (test[R], bool) {
		text, ok := value.(string)
		switch op {
		case filter.Equal:
			return func(row *R) bool { return of(row) == text }, ok
		case filter.NotEqual:
			return func(row *R) bool { return of(row) != text }, ok
		case filter.Like:
			pattern := strings.Split(fold(text), "*")
			return func(row *R) bool { return like(fold(of(row)), pattern) }, ok
		}
		return nil, false
	}
}

func exactly(text string) string { return text }

// inAnyCase takes the letters A to Z for those in lower case.
func inAnyCase(text string) string {
	return strings.Map(func(letter rune) rune {
		if 'A' <= letter && letter <= 'Z' {
			return letter - 'A' + 'a'
		}
		return letter
	}, text)
}

// like reports whether a text consists of the parts of a pattern, with any text between
// one and the next.
func like(text string, parts []string) bool {
	last := len(parts) - 1
	if last == 0 {
		return text == parts[0]
	}
	text, begins := strings.CutPrefix(text, parts[0])
	text, ends := strings.CutSuffix(text, parts[last])
	if !begins || !ends {
		return false
	}
	for _, part := range parts[1:last] {
		var found bool
		if _, text, found = strings.Cut(text, part); !found {
			return false
		}
	}
	return true
}

func flagField[R any](of func(row *R) bool) field[R] {
	return func(op filter.Op, value any) (test[R], bool) {
		flag, ok := value.(bool)
		if op != filter.Equal && op != filter.NotEqual {
			return nil, false
		}
		return func(row *R) bool { return (of(row) == flag) == (op == filter.Equal) }, ok
	}
}

// timeField compares a time as it is kept with one of any precision.
func timeField[R any](of func(row *R) time.Time) field[R] {
	holds := map[filter.Op]func(order int) bool{
		filter.Equal:        func(order int) bool { return order == 0 },
		filter.NotEqual:     func(order int) bool { return order != 0 },
		filter.Less:         func(order int) bool { return order < 0 },
		filter.LessEqual:    func(order int) bool { return order <= 0 },
		filter.Greater:      func(order int) bool { return order > 0 },
		filter.GreaterEqual: func(order int) bool { return order >= 0 },
	}
	return func(op filter.Op, value any) (test[R], bool) {
		at, ok := value.(time.Time)
		holds, known := holds[op]
		return func(row *R) bool { return holds(of(row).Compare(at)) }, ok && known
	}
}
