// Package encode is the only door through which bytes that somebody else chose
// get into an nginx configuration.
//
// It owns one type per kind of value. Each type is made only by its parser, and
// each parser accepts a closed grammar: a value that is not listed as allowed is
// refused, nothing is repaired or escaped. What the grammars share is that a
// dollar sign, a double quote, a backslash or a control character never passes,
// so no value can end its token, name a variable or open a block.
//
// It must not know sites, files or nginx processes.
package encode

import (
	"fmt"
	"strconv"
)

// Token is a value that may be written into an nginx configuration as one
// parameter. Only this package can make one.
type Token interface {
	// Token returns the parameter as nginx reads it, quoted where needed.
	Token() string
	sealed()
}

// Refused says why a value did not pass its grammar.
type Refused struct {
	// Kind of value, for instance "hostname".
	Kind string
	// Value as given; Error quotes it and cuts it short.
	Value string
	// Reason in plain words, for instance "has an empty label".
	Reason string
}

// Error names the kind, the value and the reason.
func (r *Refused) Error() string {
	return fmt.Sprintf("%s %s %s", r.Kind, shown(r.Value), r.Reason)
}

func shown(value string) string {
	const most = 80
	if len(value) > most {
		return strconv.QuoteToASCII(value[:most]) + "..."
	}
	return strconv.QuoteToASCII(value)
}

func refuse(kind, value, reason string) error {
	return &Refused{Kind: kind, Value: value, Reason: reason}
}

func isLower(c byte) bool { return 'a' <= c && c <= 'z' }
func isUpper(c byte) bool { return 'A' <= c && c <= 'Z' }
func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func isAlphanumeric(c byte) bool { return isLower(c) || isUpper(c) || isDigit(c) }
