package app

import (
	"context"

	"github.com/siteplane/siteplane/services/lifecycle/monitor"
	"github.com/siteplane/siteplane/services/lifecycle/store"
)

// RunChecks has every monitor look at one snapshot of the database: at the newest rows
// of the history or, if whole is set, at all of it. Of each monitor up to limit
// findings are shown, 0 stands for few. It writes nothing.
func (c *ControlPlane) RunChecks(ctx context.Context, whole bool, limit int) (report monitor.Report, err error) {
	err = c.store.View(ctx, func(tx store.Tx) error {
		report, err = monitor.Run(ctx, tx, monitor.Settings{Config: c.cfg, Now: c.clock(), Whole: whole, Limit: limit})
		return err
	})
	return report, err
}
