package storetest

import (
	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/admin"
	"github.com/siteplane/siteplane/services/lifecycle/drift"
	"github.com/siteplane/siteplane/services/lifecycle/edge"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/network"
	"github.com/siteplane/siteplane/services/lifecycle/saga"
	"github.com/siteplane/siteplane/services/lifecycle/site"
	"github.com/siteplane/siteplane/services/lifecycle/store"
	"github.com/siteplane/siteplane/services/lifecycle/worker"
)

// cause is a cause whose reason tells rows apart.
func (f *fixture) cause(reason string) lifecycle.Cause {
	return lifecycle.Cause{
		Actor: "worker:site", Reason: reason, OperationID: "op_1",
		TraceID: "0af7651916cd43dd8448eb211c80319c", At: f.now,
	}
}

func (f *fixture) newTenant(name string) id.Tenant {
	f.Helper()
	tenant := admin.Tenant{ID: id.NewTenant(), Name: name, CreatedAt: f.now}
	f.update(func(tx store.Tx) error { return tx.InsertTenant(f.ctx, tenant) })
	return tenant.ID
}

// as is the same store in the hands of a new tenant.
func (f *fixture) as(tenant string) *fixture {
	f.Helper()
	other := *f
	other.tenant = f.newTenant(tenant)
	return &other
}

// blankSite is a site that was not inserted yet.
func (f *fixture) blankSite(slug string) (site.Site, site.Revision) {
	s := site.Site{
		ID: id.NewSite(), TenantID: f.tenant, Name: "The " + slug, Slug: slug, Status: site.Created,
		Wanted: site.Absent, WantedRevision: 1, Version: 1, CreatedAt: f.now, UpdatedAt: f.now,
	}
	spec := site.Spec{Origin: &site.Origin{Targets: []site.Target{{Address: "192.0.2.1:80", Weight: 1}}}}
	return s, site.Revision{SiteID: s.ID, Number: 1, Spec: spec, CreatedAt: f.now}
}

// newSite inserts a site and returns it.
func (f *fixture) newSite(slug string) site.Site {
	f.Helper()
	s, r := f.blankSite(slug)
	f.update(func(tx store.Tx) error { return tx.InsertSite(f.ctx, s, r, f.cause("asked for")) })
	return s
}

func (f *fixture) getSite(s site.Site) site.Site {
	f.Helper()
	return read(f, func(tx store.Tx) (site.Site, error) { return tx.GetSite(f.ctx, s.TenantID, s.ID) })
}

// moveSite writes transitions of a site without asking the machine.
func (f *fixture) moveSite(s site.Site, statuses ...site.Status) site.Site {
	f.Helper()
	for _, to := range statuses {
		c := f.siteChange(s, to)
		f.update(func(tx store.Tx) error { return tx.TransitionSite(f.ctx, c) })
		s = f.getSite(s)
	}
	return s
}

func (f *fixture) siteChange(s site.Site, to site.Status) lifecycle.Change {
	return lifecycle.Change{
		ObjectID: string(s.ID), TenantID: string(s.TenantID),
		From: string(s.Status), Event: "moved", To: string(to), Cause: f.cause("to " + string(to)),
	}
}

func (f *fixture) blankDomain(s site.Site, hostname string) network.Domain {
	return network.Domain{
		ID: id.NewDomain(), TenantID: s.TenantID, SiteID: s.ID, Hostname: hostname, Kind: network.Custom,
		Status: network.PendingDNS, Wanted: network.Hidden, Version: 1, CreatedAt: f.now, UpdatedAt: f.now,
	}
}

// newDomain inserts a domain and returns it.
func (f *fixture) newDomain(s site.Site, hostname string) network.Domain {
	f.Helper()
	d := f.blankDomain(s, hostname)
	f.update(func(tx store.Tx) error { return tx.InsertDomain(f.ctx, d, f.cause("asked for")) })
	return d
}

// rival inserts a domain of a new tenant and returns it.
func (f *fixture) rival(tenant, hostname string) network.Domain {
	f.Helper()
	other := f.as(tenant)
	return other.newDomain(other.newSite(tenant), hostname)
}

func (f *fixture) getDomain(d network.Domain) network.Domain {
	f.Helper()
	return read(f, func(tx store.Tx) (network.Domain, error) { return tx.GetDomain(f.ctx, d.TenantID, d.ID) })
}

// moveDomain writes transitions of a domain without asking the machine.
func (f *fixture) moveDomain(d network.Domain, statuses ...network.Status) network.Domain {
	f.Helper()
	for _, to := range statuses {
		c := f.domainChange(d, to)
		f.update(func(tx store.Tx) error { return tx.TransitionDomain(f.ctx, c) })
		d = f.getDomain(d)
	}
	return d
}

func (f *fixture) domainChange(d network.Domain, to network.Status) lifecycle.Change {
	return lifecycle.Change{
		ObjectID: string(d.ID), TenantID: string(d.TenantID),
		From: string(d.Status), Event: "moved", To: string(to), Cause: f.cause("to " + string(to)),
	}
}

// newEdge inserts an edge and returns it.
func (f *fixture) newEdge(name string) edge.Edge {
	f.Helper()
	e := edge.Edge{
		ID: id.NewEdge(), Name: name, Address: "127.0.0.1:9000",
		PublicAddresses: []string{"127.0.0.1", "::1"}, NeedsWhole: true, DriftPolicy: drift.Repair,
	}
	f.update(func(tx store.Tx) error { return tx.PutEdge(f.ctx, e) })
	return e
}

func (f *fixture) blankOperation(objectID string) saga.Operation {
	return saga.Operation{
		ID: id.NewOperation(), TenantID: f.tenant, Kind: "create_site", ObjectKind: worker.Site, ObjectID: objectID,
		State: saga.Pending, Actor: "key:1", TraceParent: "00-trace-span-01", CreatedAt: f.now, UpdatedAt: f.now,
	}
}

// newOperation inserts an operation and returns it.
func (f *fixture) newOperation(objectID string) saga.Operation {
	f.Helper()
	o := f.blankOperation(objectID)
	f.update(func(tx store.Tx) error { return tx.InsertOperation(f.ctx, o) })
	return o
}
