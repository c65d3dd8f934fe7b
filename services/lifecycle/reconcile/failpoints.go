package reconcile

import (
	"github.com/siteplane/siteplane/services/lifecycle/failpoint"
	"github.com/siteplane/siteplane/services/lifecycle/infra/marked"
)

// The moments of the edge and tunnel workers around their transactions.
const (
	beforeEdgePack     failpoint.Name = "work.edge.before_pack"
	afterEdgePack      failpoint.Name = "work.edge.after_pack"
	beforeEdgeProved   failpoint.Name = "work.edge.before_proved"
	afterEdgeProved    failpoint.Name = "work.edge.after_proved"
	beforeTunnelPack   failpoint.Name = "work.tunnel.before_pack"
	afterTunnelPack    failpoint.Name = "work.tunnel.after_pack"
	beforeTunnelProved failpoint.Name = "work.tunnel.before_proved"
	afterTunnelProved  failpoint.Name = "work.tunnel.after_proved"
)

// Failpoints returns the names of all moments at which the work may be cut off:
// those of every step of every operation, of every outbound call, and of the
// workers' own transactions.
func Failpoints() (names []failpoint.Name) {
	for _, d := range (&Reconciler{}).definitions() {
		names = append(names, d.Failpoints()...)
	}
	names = append(names, marked.Names()...)
	return append(names, beforeEdgePack, afterEdgePack, beforeEdgeProved, afterEdgeProved,
		beforeTunnelPack, afterTunnelPack, beforeTunnelProved, afterTunnelProved)
}
