package relational

import (
	"context"
	"time"

	"github.com/siteplane/siteplane/services/lifecycle/condition"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/network"
	"github.com/siteplane/siteplane/services/lifecycle/saga"
	"github.com/siteplane/siteplane/services/lifecycle/site"
	"github.com/siteplane/siteplane/services/lifecycle/store"
)

// SitesByID returns sites, tombstones included.
func (t *Tx) SitesByID(ctx context.Context, tenant id.Tenant, sites []id.Site) ([]site.Site, error) {
	return all(ctx, t, "read the sites", scanSite,
		`SELECT `+siteColumns+` FROM site WHERE id IN (?texts) AND tenant_id = ?`, texts(sites), tenant)
}

// Details returns what is shown of a tenant's sites and domains.
func (t *Tx) Details(ctx context.Context, tenant id.Tenant, sites []id.Site, domains []id.Domain) (d store.Details, err error) {
	objects := append(texts(sites), texts(domains)...)
	var endpoints []endpoint
	var instructions []domainInstruction
	var dues []due
	err = t.conn.Together(ctx, []Asked{
		wantedRevisions(&d.Revisions, tenant, sites),
		wantedEndpoints(&endpoints, tenant, sites),
		domainsByID(&d.Domains, tenant, domains),
		instructionsOf(&instructions, domains),
		conditionsOf(&d.Conditions, objects),
		activeOperations(&d.Operations, objects),
		asking(&dues, "read the due times", scanDue, t.conn.Due(), objects),
	})
	if err != nil {
		return store.Details{}, err
	}
	d.Instructions, d.Due = byDomain(instructions), byKey(dues)
	return d, putWantedTargets(d.Revisions, endpoints)
}

func wantedRevisions(out *[]site.Revision, tenant id.Tenant, sites []id.Site) Asked {
	return asking(out, "read the wanted revisions", scanRevision, `
		SELECT r.site_id, r.number, r.spec, r.rollback_of, r.actor, r.created_at
		FROM site s CROSS JOIN site_revision r ON r.site_id = s.id AND r.number = s.wanted_revision
		WHERE s.id IN (?texts) AND s.tenant_id = ?`, texts(sites), tenant)
}

func wantedEndpoints(out *[]endpoint, tenant id.Tenant, sites []id.Site) Asked {
	return asking(out, "read the wanted endpoints", scanEndpoint, `
		SELECT e.site_id, e.pool, e.address, e.weight
		FROM site s CROSS JOIN endpoint e ON e.site_id = s.id AND e.revision = s.wanted_revision
		WHERE s.id IN (?texts) AND s.tenant_id = ? ORDER BY e.site_id, e.pool, e.ordinal`, texts(sites), tenant)
}

// putWantedTargets gives the origins of revisions their targets.
func putWantedTargets(revisions []site.Revision, endpoints []endpoint) error {
	place := make(map[id.Site]*site.Spec, len(revisions))
	for i := range revisions {
		place[revisions[i].SiteID] = &revisions[i].Spec
	}
	for _, e := range endpoints {
		if err := putTarget(place[e.siteID], e); err != nil {
			return err
		}
	}
	return nil
}

func domainsByID(out *[]network.Domain, tenant id.Tenant, domains []id.Domain) Asked {
	return asking(out, "read the domains", scanDomain,
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

func instructionsOf(out *[]domainInstruction, domains []id.Domain) Asked {
	return asking(out, "read the instructions", scanDomainInstruction, `
		SELECT domain_id, purpose, type, name, value, note FROM instruction
		WHERE domain_id IN (?texts) ORDER BY domain_id, ordinal`, texts(domains))
}

func byDomain(instructions []domainInstruction) map[id.Domain][]network.Instruction {
	of := map[id.Domain][]network.Instruction{}
	for _, i := range instructions {
		of[i.domain] = append(of[i.domain], i.Instruction)
	}
	return of
}

func conditionsOf(out *[]condition.Condition, objects Texts) Asked {
	return asking(out, "read the conditions", scanCondition, `
		SELECT object_id, type, status, reason, message, evidence, actor, fix, since, trace_id FROM condition
		WHERE object_id IN (?texts) ORDER BY object_id, type`, objects)
}

func activeOperations(out *[]saga.Operation, objects Texts) Asked {
	return asking(out, "read the active operations", scanOperation,
		`SELECT `+operationColumns+` FROM operation WHERE object_id IN (?texts) AND `+active, objects)
}

// due is when an object is due.
type due struct {
	key string
	at  time.Time
}

func scanDue(r Row) (d due, err error) {
	err = r.Scan(&d.key, moment{&d.at})
	return d, err
}

func byKey(rows []due) map[string]time.Time {
	of := make(map[string]time.Time, len(rows))
	for _, d := range rows {
		of[d.key] = d.at
	}
	return of
}
