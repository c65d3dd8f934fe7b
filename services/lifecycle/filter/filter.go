// Package filter owns what a list may be limited by: an expression over named fields,
// free of any wire format and any database. What reads a filter from text checks names
// and values; a store turns the expression into a query, with the values as arguments.
package filter

// Expr is And, Or, Not or Is.
type Expr interface{ expr() }

// And holds where all of its parts do; without parts it always does.
type And []Expr

// Or holds where one of its parts does; without parts it never does.
type Or []Expr

// Not holds where the inner one does not.
type Not struct{ Inner Expr }

// Is compares a field with a value.
type Is struct {
	// Field is its name in the API, for instance "create_time".
	Field string
	Op    Op
	// Value is a string, a bool or a time.Time, as the field demands. With Like a
	// string in which * stands for any text.
	Value any
}

// Op is a comparison.
type Op string

// The comparisons. Like is for strings, the last four for times.
const (
	Equal        Op = "="
	NotEqual     Op = "!="
	Like         Op = "like"
	Less         Op = "<"
	LessEqual    Op = "<="
	Greater      Op = ">"
	GreaterEqual Op = ">="
)

func (And) expr() {}
func (Or) expr()  {}
func (Not) expr() {}
func (Is) expr()  {}
