package relational

import (
	"context"
	"time"

	"github.com/siteplane/siteplane/services/lifecycle/condition"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/network"
	"github.com/siteplane/siteplane/services/lifecycle/saga"
	"github.com/siteplane/siteplane/services/lifecycle/site"
)

// SitesByID returns sites, tombstones included.
func (t *Tx) SitesByID(ctx context.Context, tenant id.Tenant, sites []id.Site) ([]site.Site, error) {
	return all(ctx, t, "read the sites", scanSite,
		`SELECT `+siteColumns+` FROM site WHERE id IN (?texts) AND tenant_id = ?`, texts(sites), tenant)
}

// WantedRevisions returns the wanted revision of each site.
func (t *Tx) WantedRevisions(ctx context.Context, tenant id.Tenant, sites []id.Site) ([]site.Revision, error) {
	revisions, err := all(ctx, t, "read the wanted revisions", scanRevision, `
		SELECT r.site_id, r.number, r.spec, r.rollback_of, r.actor, r.created_at
		FROM site s CROSS JOIN site_revision r ON r.site_id = s.id AND r.number = s.wanted_revision
		WHERE s.id IN (?texts) AND s.tenant_id = ?`, texts(sites), tenant)
	if err != nil {
		return nil, err
	}
	place := make(map[id.Site]*site.Spec, len(revisions))
	for i := range revisions {
		place[revisions[i].SiteID] = &revisions[i].Spec
	}
	endpoints, err := all(ctx, t, "read the wanted endpoints", scanEndpoint, `
		SELECT e.site_id, e.pool, e.address, e.weight
		FROM site s CROSS JOIN endpoint e ON e.site_id = s.id AND e.revision = s.wanted_revision
		WHERE s.id IN (?texts) AND s.tenant_id = ? ORDER BY e.site_id, e.pool, e.ordinal`, texts(sites), tenant)
	for _, e := range endpoints {
		if err := putTarget(place[e.siteID], e); err != nil {
			return nil, err
		}
	}
	return revisions, err
}

// DomainsByID returns domains, tombstones included.
func (t *Tx) DomainsByID(ctx context.Context, tenant id.Tenant, domains []id.Domain) ([]network.Domain, error) {
	return all(ctx, t, "read the domains", scanDomain,
		`SELECT `+domainColumns+` FROM domain WHERE id IN (?texts) AND tenant_id = ?`, texts(domains), tenant)
}

// domainInstruction is an instruction of one of several domains.
type domainInstruction struct {
	domain id.Domain
	network.Instruction
}

func scanDomainInstruction(r Row) (i domainInstruction, err error) {
	err = r.Scan(&i.domain, &i.Purpose, &i.Type, &i.Name, &i.Value, &i.Note)
	return i, err
}

// InstructionsOf returns the instructions of each domain that has some, in order.
func (t *Tx) InstructionsOf(ctx context.Context, domains []id.Domain) (map[id.Domain][]network.Instruction, error) {
	rows, err := all(ctx, t, "read the instructions", scanDomainInstruction, `
		SELECT domain_id, purpose, type, name, value, note FROM instruction
		WHERE domain_id IN (?texts) ORDER BY domain_id, ordinal`, texts(domains))
	of := map[id.Domain][]network.Instruction{}
	for _, i := range rows {
		of[i.domain] = append(of[i.domain], i.Instruction)
	}
	return of, err
}

// ConditionsOf returns the conditions of the objects, those of each ordered by type.
func (t *Tx) ConditionsOf(ctx context.Context, objectIDs []string) ([]condition.Condition, error) {
	return all(ctx, t, "read the conditions", scanCondition, `
		SELECT object_id, type, status, reason, message, evidence, actor, fix, since, trace_id FROM condition
		WHERE object_id IN (?texts) ORDER BY object_id, type`, texts(objectIDs))
}

// ActiveOperations returns the operations of the objects that are not terminal.
func (t *Tx) ActiveOperations(ctx context.Context, objectIDs []string) ([]saga.Operation, error) {
	return all(ctx, t, "read the active operations", scanOperation,
		`SELECT `+operationColumns+` FROM operation WHERE object_id IN (?texts) AND `+active, texts(objectIDs))
}

// Due is when an object is due.
type Due struct {
	Key string
	At  time.Time
}

// ScanDue scans a key and a time.
func ScanDue(r Row) (d Due, err error) {
	err = r.Scan(&d.Key, moment{&d.At})
	return d, err
}

// DueTimes returns when each object is due next.
func (t *Tx) DueTimes(ctx context.Context, keys []string) (map[string]time.Time, error) {
	rows, err := all(ctx, t, "read the due times", ScanDue, `
		SELECT key, due_at FROM work WHERE key IN (?texts) AND wanted_seq > done_seq`, texts(keys))
	return DueByKey(rows), err
}

// DueByKey returns due times by their keys.
func DueByKey(rows []Due) map[string]time.Time {
	of := make(map[string]time.Time, len(rows))
	for _, d := range rows {
		of[d.Key] = d.At
	}
	return of
}
