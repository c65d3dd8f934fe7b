package cloudflare

import (
	"context"
	"errors"
	"time"

	"github.com/siteplane/siteplane/services/tunnel/internal/fence"
)

// gate stands before every change of one apply: it stops the apply when a newer
// one has come, and keeps until when a change whose outcome is unknown may take
// effect, and what lists may not show yet.
type gate struct {
	API

	state   State
	recent  recent
	fence   fence.Fence
	timeout time.Duration
	writes  int
}

// Do makes one change, unless a newer caller was seen.
func (g *gate) Do(ctx context.Context, change Change) error {
	if err := g.state.Check(g.fence); err != nil {
		return err
	}
	if err := g.state.MarkBusy(time.Now().Add(g.timeout)); err != nil {
		return err
	}
	if name := made(change); name != "" {
		g.recent.made.note(name)
	}
	err := g.API.Do(ctx, change)
	if err == nil {
		g.writes++
	}
	if _, id := subject(change); id != "" && (err == nil || !over(err)) {
		g.recent.gone.note(id)
	}
	if over(err) {
		return errors.Join(err, g.state.ClearBusy())
	}
	return err
}
