package memory

import "errors"

// errReadOnly says that a closure of View wrote, or one that has ended.
var errReadOnly = errors.New("a read-only transaction cannot write")

// errClosed says that a store was used after its end.
var errClosed = errors.New("the store is closed")

// brokenError says that a row breaks a rule of its table. It leaves a store only when
// that was used in a way that its interfaces rule out.
type brokenError struct {
	// rule is the table and the column that tells it from the others of the table, as
	// "site.slug".
	rule string
}

func (e *brokenError) Error() string { return "rule broken: " + e.rule }

// breaks reports whether an error says that a rule was broken.
func breaks(err error, rule string) bool {
	var broken *brokenError
	return errors.As(err, &broken) && broken.rule == rule
}
