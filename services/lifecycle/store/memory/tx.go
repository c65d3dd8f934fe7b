package memory

import (
	"context"
	"time"

	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/store"
)

// tx is one transaction; its methods are in the file of their noun.
type tx struct {
	tables
	clock func() time.Time
	// number tells writing transactions apart; 0 for one that cannot write.
	number uint64
	// primaries are the sites that may have got another primary domain.
	primaries []id.Site
	// marked says that work became due, emitted that the outbox grew.
	marked, emitted bool
}

var _ store.Tx = (*tx)(nil)

// settle checks what a transaction must have brought in order by its end.
func (t *tx) settle(ctx context.Context) error {
	for _, siteID := range t.primaries {
		if err := t.checkPrimary(siteID); err != nil {
			return err
		}
	}
	return ctx.Err()
}
