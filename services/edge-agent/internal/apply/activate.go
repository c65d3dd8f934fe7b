package apply

import (
	"context"
	"strconv"
	"time"

	"github.com/siteplane/siteplane/services/edge-agent/internal/nginx"
	"github.com/siteplane/siteplane/services/edge-agent/internal/render"
)

type duration = time.Duration

// activate starts or reloads nginx and proves want. demand says how much of the
// order must be over.
func (a *Applier) activate(ctx context.Context, want nginx.Want, demand func(nginx.Order) nginx.Order) (duration, error) {
	begun := time.Now()
	master, err := a.config.Nginx.Master()
	if err != nil {
		return 0, err
	}
	name, give := "nginx.reload", a.config.Nginx.Reload
	if master == 0 {
		name, give = "nginx.start", a.config.Nginx.Start
	}
	var order nginx.Order
	_, err = a.step(ctx, name, want.Generation, func(ctx context.Context) error {
		order, err = give(ctx)
		return err
	})
	if err != nil {
		return time.Since(begun), err
	}
	_, err = a.step(ctx, "prove", want.Generation, func(ctx context.Context) error {
		return a.config.Nginx.Prove(ctx, demand(order), want)
	})
	if err == nil {
		a.proven = &want
	}
	return time.Since(begun), err
}

// rollBack puts the files before back and makes nginx run them. Old workers may
// answer: those that never stopped are as good as new ones.
func (a *Applier) rollBack(ctx context.Context, undo func() error) error {
	generation := uint64(0)
	if a.proven != nil {
		generation = a.proven.Generation
	}
	_, err := a.step(ctx, "rollback", generation, func(ctx context.Context) error {
		if err := undo(); err != nil {
			return err
		}
		if a.proven == nil {
			return nil
		}
		_, err := a.activate(ctx, *a.proven, nginx.Order.Again)
		return err
	})
	return err
}

// testLayout is layout with everything that nginx opens moved below prefix.
func testLayout(layout render.Layout, prefix string) render.Layout {
	layout.PublicListen = make([]string, len(layout.PublicListen))
	for i := range layout.PublicListen {
		layout.PublicListen[i] = "unix:" + prefix + "/public" + strconv.Itoa(i) + ".sock"
	}
	layout.StatusSocket = prefix + "/status.sock"
	layout.InternalSocket = prefix + "/internal.sock"
	layout.PIDFile = prefix + "/nginx.pid"
	layout.ErrorLog = prefix + "/error.log"
	layout.TempDir = prefix
	return layout
}
