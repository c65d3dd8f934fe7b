// Package secret owns the type of values that must not reach logs, error texts
// or JSON by accident.
//
// It does not encrypt and does not clear memory. Invariant: every way of
// formatting or marshalling a Secret yields Redacted, except Reveal and an
// explicit conversion to string.
package secret

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
)

// Redacted is what a Secret shows instead of its value.
const Redacted = "[redacted]"

// Secret is a value that only Reveal shows. An empty Secret shows as empty, so
// that a missing setting is visible.
type Secret string

// Reveal returns the value.
func (s Secret) Reveal() string {
	return string(s)
}

// String returns Redacted, or nothing for an empty Secret.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return Redacted
}

// Format writes the redacted form for every verb, %d and %#v included.
func (s Secret) Format(f fmt.State, _ rune) {
	_, _ = io.WriteString(f, s.String())
}

// LogValue gives the redacted form to slog.
func (s Secret) LogValue() slog.Value {
	return slog.StringValue(s.String())
}

// MarshalJSON writes the redacted form.
func (s Secret) MarshalJSON() ([]byte, error) {
	return json.Marshal(s.String())
}

// MarshalText writes the redacted form, for encoders other than JSON.
func (s Secret) MarshalText() ([]byte, error) {
	return []byte(s.String()), nil
}
