package cli

import (
	"encoding/json"
	"time"

	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
)

// tenantView shows one tenant with its limits.
type tenantView struct {
	tenant *lifecyclev1.Tenant
	now    time.Time
}

func (v *tenantView) json() (json.RawMessage, error) { return protoJSON(v.tenant) }

func (v *tenantView) write(p *page) {
	facts := [][]string{{"ID", v.tenant.GetTenantId()}, {"Name", v.tenant.GetName()}, {"State", tenantState(v.tenant.GetState())}}
	if reason := v.tenant.GetSuspendReason(); reason != "" {
		facts = append(facts, []string{"Because", reason})
	}
	p.table(append(facts, []string{"Created", moment(v.tenant.GetCreateTime(), v.now)})...)
	if v.tenant.GetState() != lifecyclev1.TenantState_TENANT_STATE_DELETED {
		writeLimits(p, v.tenant)
	}
}

// tenantListView shows tenants as one table or one JSON object.
type tenantListView struct {
	tenants []*lifecyclev1.Tenant
	now     time.Time
}

func (v *tenantListView) json() (json.RawMessage, error) { return listJSON("tenants", v.tenants) }

func (v *tenantListView) write(p *page) {
	rows := [][]string{{"ID", "NAME", "STATE", "SITES", "DOMAINS", "PENDING CLAIMS", "AGE"}}
	for _, tenant := range v.tenants {
		row := []string{tenant.GetTenantId(), tenant.GetName(), tenantState(tenant.GetState())}
		for _, limit := range limits {
			if limit.used != nil {
				row = append(row, usedOf(limit, tenant))
			}
		}
		rows = append(rows, append(row, age(tenant.GetCreateTime(), v.now)))
	}
	p.table(rows...)
}
