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

// PruneTokens deletes the join tokens that ended a while ago, as the sequencer does.
func (c *ControlPlane) PruneTokens(ctx context.Context) error { return c.pruneTokens(ctx) }
