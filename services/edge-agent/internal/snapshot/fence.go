package snapshot

import (
	"cmp"
	"fmt"

	edgev1 "github.com/siteplane/siteplane/gen/siteplane/edge/v1"
)

// Fence orders the callers of one edge, by era, then epoch, then generation.
type Fence struct {
	Era        uint64 `json:"era"`
	Epoch      uint64 `json:"epoch"`
	Generation uint64 `json:"generation"`
}

// FenceOf reads a message; a missing one is the lowest fence.
func FenceOf(message *edgev1.Fence) Fence {
	return Fence{Era: message.GetEra(), Epoch: message.GetEpoch(), Generation: message.GetGeneration()}
}

// Message returns the fence as a message.
func (f Fence) Message() *edgev1.Fence {
	return &edgev1.Fence{Era: f.Era, Epoch: f.Epoch, Generation: f.Generation}
}

// Compare returns -1, 0 or 1.
func (f Fence) Compare(other Fence) int {
	return cmp.Or(cmp.Compare(f.Era, other.Era), cmp.Compare(f.Epoch, other.Epoch), cmp.Compare(f.Generation, other.Generation))
}

// sameCaller tells whether both come from one lease of one installation.
func (f Fence) sameCaller(other Fence) bool { return f.Era == other.Era && f.Epoch == other.Epoch }

// String returns era/epoch/generation.
func (f Fence) String() string { return fmt.Sprintf("%d/%d/%d", f.Era, f.Epoch, f.Generation) }

// StaleFenceError says that the edge has seen a higher fence.
type StaleFenceError struct{ Given, Seen Fence }

// Error names both fences.
func (e *StaleFenceError) Error() string {
	return fmt.Sprintf("fence %s is older than %s, which this edge has seen", e.Given, e.Seen)
}
