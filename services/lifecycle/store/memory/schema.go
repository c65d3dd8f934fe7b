package memory

import (
	"crypto/rand"
	"encoding/hex"

	"github.com/siteplane/siteplane/services/lifecycle/admin"
	"github.com/siteplane/siteplane/services/lifecycle/auth"
	"github.com/siteplane/siteplane/services/lifecycle/condition"
	"github.com/siteplane/siteplane/services/lifecycle/drift"
	"github.com/siteplane/siteplane/services/lifecycle/edge"
	"github.com/siteplane/siteplane/services/lifecycle/event"
	"github.com/siteplane/siteplane/services/lifecycle/hold"
	"github.com/siteplane/siteplane/services/lifecycle/network"
	"github.com/siteplane/siteplane/services/lifecycle/saga"
	"github.com/siteplane/siteplane/services/lifecycle/site"
	"github.com/siteplane/siteplane/services/lifecycle/store"
	"github.com/siteplane/siteplane/services/lifecycle/tunnel"
)

// tables is everything that a database holds. The schema of each table is in the file of
// its noun.
type tables struct {
	era          uint64
	installation string

	tenants table[admin.Tenant]
	keys    table[auth.Key]
	audit   table[admin.Entry]

	sites     table[site.Site]
	revisions table[site.Revision]

	domains      table[network.Domain]
	evidence     table[network.Evidence]
	claims       table[network.Claim]
	contests     table[network.Contest]
	instructions table[instructions]
	zoneGrants   table[network.ZoneGrant]

	conditions table[condition.Condition]
	history    table[historyRow]
	outbox     table[event.Event]

	edges         table[edge.Edge]
	changes       table[edge.Change]
	pins          table[edge.Pin]
	placements    table[edge.Placement]
	tokens        table[edge.JoinToken]
	tunnels       table[tunnel.Tunnel]
	tunnelChanges table[tunnel.Change]

	drifts table[drift.Drift]
	holds  table[hold.Hold]

	operations table[saga.Operation]
	journal    table[saga.Entry]
	work       table[workRow]
	requests   table[store.Request]
}

func newTables() *tables {
	var installation [8]byte
	rand.Read(installation[:]) // never fails
	return &tables{
		era: 1, installation: hex.EncodeToString(installation[:]),
		tenants: newTable(tenantSchema), keys: newTable(keySchema), audit: newTable(auditSchema),
		sites: newTable(siteSchema), revisions: newTable(revisionSchema),
		domains: newTable(domainSchema), evidence: newTable(evidenceSchema), claims: newTable(claimSchema),
		contests: newTable(contestSchema), instructions: newTable(instructionSchema), zoneGrants: newTable(zoneSchema),
		conditions: newTable(conditionSchema), history: newTable(historySchema), outbox: newTable(eventSchema),
		edges: newTable(edgeSchema), changes: newTable(changeSchema), pins: newTable(pinSchema),
		placements: newTable(placementSchema), tokens: newTable(tokenSchema),
		tunnels: newTable(tunnelSchema), tunnelChanges: newTable(tunnelChangeSchema),
		drifts: newTable(driftSchema), holds: newTable(holdSchema),
		operations: newTable(operationSchema), journal: newTable(journalSchema),
		work: newTable(workSchema), requests: newTable(requestSchema),
	}
}
