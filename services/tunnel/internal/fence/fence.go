// Package fence orders the callers of one tunnel, so that one who was late does
// not undo what a newer one did.
//
// It must not know where the highest fence is kept.
package fence

import (
	"cmp"
	"fmt"
)

// Fence is one caller's place in the order.
type Fence struct {
	// Era is the restore counter of the installation.
	Era uint64 `json:"era"`
	// Epoch is the lease of the tunnel at its caller.
	Epoch uint64 `json:"epoch"`
	// Generation is the snapshot's.
	Generation uint64 `json:"generation"`
}

// Compare orders fences by era, then epoch, then generation.
func (f Fence) Compare(other Fence) int {
	return cmp.Or(cmp.Compare(f.Era, other.Era), cmp.Compare(f.Epoch, other.Epoch), cmp.Compare(f.Generation, other.Generation))
}

// String writes era, epoch and generation.
func (f Fence) String() string { return fmt.Sprintf("%d/%d/%d", f.Era, f.Epoch, f.Generation) }

// Stale refuses a caller that is older than one that was seen.
type Stale struct{ Got, Seen Fence }

// Error names both fences.
func (e *Stale) Error() string {
	return fmt.Sprintf("the fence %s is older than %s, which was seen", e.Got, e.Seen)
}
