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
	if err := a.config.Nginx.Resume(); err != nil {
		return 0, err
	}
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
	a.reached(Ordered)
	_, err = a.step(ctx, "prove", want.Generation, func(ctx context.Context) error {
		return a.config.Nginx.Prove(ctx, demand(order), want)
	})
	return time.Since(begun), err
}

// rollBack puts the files before back and makes nginx run them. Old workers may
// answer: those that never stopped are as good as new ones.
func (a *Applier) rollBack(ctx context.Context, undo func() error) error {
	_, err := a.step(ctx, "rollback", a.record.Want.Generation, func(ctx context.Context) error {
		if err := undo(); err != nil {
			return err
		}
		if a.record.Files == nil {
			return nil
		}
		if err := a.mend(); err != nil {
			return err
		}
		if _, err := a.activate(ctx, a.record.Want, nginx.Order.Again); err != nil {
			return err
		}
		a.prove(a.record.Want, a.record.Files, true)
		return nil
	})
	return err
}

// mend writes the last good files anew where somebody had edited them, so that
// the way back never makes an edit run.
func (a *Applier) mend() error {
	if a.held == nil || len(a.fileDrifts()) == 0 {
		return nil
	}
	files, err := a.render(a.held)
	if err != nil {
		return err
	}
	complete := a.complete(files)
	staged, err := a.config.Generations.Stage(complete)
	if err != nil {
		return err
	}
	if err := staged.Sync(); err != nil {
		return err
	}
	if _, err := staged.Swap(files.want.Generation); err != nil {
		return err
	}
	a.record.Want, a.record.Files = files.want, sums(complete)
	return nil
}

// testLayout is layout with everything that nginx opens moved below prefix, for
// whichever user runs the test: nginx warns of a user directive that only root
// can follow.
func testLayout(layout render.Layout, prefix string) render.Layout {
	layout.User = ""
	layout.PublicListen = make([]string, len(layout.PublicListen))
	for i := range layout.PublicListen {
		layout.PublicListen[i] = "unix:" + prefix + "/public" + strconv.Itoa(i) + ".sock"
	}
	layout.TLSListen = make([]string, len(layout.TLSListen))
	for i := range layout.TLSListen {
		layout.TLSListen[i] = "unix:" + prefix + "/tls" + strconv.Itoa(i) + ".sock"
	}
	layout.StatusSocket = prefix + "/status.sock"
	layout.InternalSocket = prefix + "/internal.sock"
	layout.PIDFile = prefix + "/nginx.pid"
	layout.ErrorLog = prefix + "/error.log"
	if layout.AccessLog != "" {
		layout.AccessLog = prefix + "/access.log"
	}
	layout.TempDir = prefix
	return layout
}
