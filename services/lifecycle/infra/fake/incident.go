package fake

import (
	"time"

	"github.com/siteplane/siteplane/services/lifecycle/infra"
)

// appliedAt is the host's own clock, which says nothing to others: a second for each
// generation.
func (h *Host) appliedAt() time.Time { return time.Unix(int64(h.fence.Generation), 0) }

// Hurt lets something happen to the processes of the host's nginx.
func (h *Host) Hurt(detail string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.incidents = append(h.incidents, infra.Incident{Kind: "MASTER_DEAD", Detail: detail, At: h.appliedAt().Add(time.Millisecond)})
}
