// Package shrink is the guard against removing too much at once. Sender and
// receiver of a change use the same rule, so that neither a broken query nor a
// broken call empties a host: what goes must be explained, or be little.
package shrink

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
)

// least is how many names may go unexplained, however few there are.
const least = 5

// Limit returns how many of held names may go without an explanation: 1 %, and
// at least five.
func Limit(held int) int { return max(least, held/100) }

// Removal is what a change would take away.
type Removal struct {
	// Held is how many names there are before.
	Held int
	// Left is how many there are afterwards.
	Left int
	// Unexplained are the names that would go without an operation that removed
	// them.
	Unexplained []string
}

// HeldError says that a change is held until an operator confirms it.
type HeldError struct {
	// ID names exactly this set of unexplained names: a confirmation of it lets
	// no other pass.
	ID string
	// Names are the unexplained names, sorted.
	Names []string
	// Held is how many names there are.
	Held int
}

func (e *HeldError) Error() string {
	return fmt.Sprintf("%d of %d names would go and no operation says why, for instance %s", len(e.Names), e.Held, e.Names[0])
}

// Check returns a *HeldError when more goes unexplained than the limit allows, or
// all goes and part of it is unexplained, unless confirmed is the id of that very
// hold.
func Check(r Removal, confirmed string) error {
	n := len(r.Unexplained)
	if n == 0 || n <= Limit(r.Held) && r.Left > 0 {
		return nil
	}
	names := slices.Clone(r.Unexplained)
	slices.Sort(names)
	held := &HeldError{ID: ID(names), Names: names, Held: r.Held}
	if held.ID == confirmed {
		return nil
	}
	return held
}

// ID returns the id of a hold: the same for the same sorted names.
func ID(names []string) string {
	h := sha256.New()
	for _, name := range names {
		fmt.Fprintf(h, "%d:%s,", len(name), name)
	}
	return "hold_" + hex.EncodeToString(h.Sum(nil))[:20]
}
