package memory

import (
	"context"
	"slices"

	"github.com/siteplane/siteplane/services/lifecycle/desired"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/network"
	"github.com/siteplane/siteplane/services/lifecycle/saga"
	"github.com/siteplane/siteplane/services/lifecycle/site"
)

// removes reports whether an operation takes away: it is of a kind that does, or of one
// that makes and it did not succeed.
func removes(o *saga.Operation, by desired.Removers) bool {
	return slices.Contains(by.Taking, o.Kind) || o.State != saga.Succeeded
}

// lastOf returns the last operation on any of the objects that takes away or makes, nil
// for none.
func (t *tx) lastOf(objects []string, by desired.Removers) (last *saga.Operation) {
	for _, object := range objects {
		for o := range t.operations.in(operationOf, saga.Operation{ObjectID: object}) {
			if !slices.Contains(by.Taking, o.Kind) && !slices.Contains(by.Making, o.Kind) {
				continue
			}
			if last == nil || byOpening(last, o) < 0 {
				last = o
			}
		}
	}
	return last
}

// RemovedSites returns those of the sites that are wanted ABSENT, with the last
// operation on each that took it away.
func (t *tx) RemovedSites(_ context.Context, sites []id.Site, by desired.Removers) (map[id.Site]id.Operation, error) {
	removed := map[id.Site]id.Operation{}
	for _, siteID := range sites {
		s, ok := t.sites.get(site.Site{ID: siteID})
		if !ok || s.Wanted != site.Absent {
			continue
		}
		if o := t.lastOf([]string{string(siteID)}, by); o != nil && removes(o, by) {
			removed[siteID] = o.ID
		}
	}
	return removed, nil
}

// RemovedHostnames returns how far each hostname is wanted, with the last operation
// on it, whosever it was, if that took it away.
func (t *tx) RemovedHostnames(_ context.Context, hostnames []string, by desired.Removers) (map[string]desired.Removal, error) {
	removed := map[string]desired.Removal{}
	for _, hostname := range hostnames {
		wanted := network.Hidden
		var objects []string
		for d := range t.domains.in(domainNamed, network.Domain{Hostname: hostname}) {
			objects = append(objects, string(d.ID))
			if d.Wanted != network.Hidden { // of one at most
				wanted = d.Wanted
			}
		}
		if o := t.lastOf(objects, by); o != nil && removes(o, by) {
			removed[hostname] = desired.Removal{Wanted: wanted, OperationID: o.ID}
		}
	}
	return removed, nil
}
