package app

import "context"

// Remembered returns how many tenants and keys the calls at work have left in memory.
func (c *ControlPlane) Remembered() (tenants, keys int) {
	return len(c.pace.buckets), len(c.uses.last)
}

// PruneEvents deletes what need not be kept any more, as the running sequencer does.
func (c *ControlPlane) PruneEvents(ctx context.Context) error { return c.pruneEvents(ctx) }

// The bounds of streams.
const (
	RecheckKey = recheckKey
	SignOfLife = signOfLife
	MaxStreams = maxStreams
	WatchPage  = watchPage
)
