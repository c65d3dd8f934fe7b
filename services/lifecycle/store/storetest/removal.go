package storetest

import (
	"fmt"
	"time"

	"github.com/siteplane/siteplane/services/lifecycle/desired"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/network"
	"github.com/siteplane/siteplane/services/lifecycle/saga"
	"github.com/siteplane/siteplane/services/lifecycle/site"
	"github.com/siteplane/siteplane/services/lifecycle/store"
)

var removalTests = []test{
	{"a removed site has the last operation of the kinds", siteIsRemoved},
	{"a site that is wanted is not removed, whatever was done to it", presentIsNotRemoved},
	{"the tombstone of a purged site is removed", tombstoneIsRemoved},
	{"a site without an operation of the kinds is left out", removedWithoutOperation},
	{"an operation that makes something takes it away unless it succeeds", makersThatFailed},
	{"a hostname is as wanted as anybody wants it, and has the last operation of all its domains", hostnameIsRemoved},
	{"the tombstone of a purged domain explains its hostname", hostnameOfTombstone},
	{"a hostname without a domain, or without an operation of the kinds, is left out", hostnameWithoutOperation},
	{"many sites and hostnames may be asked for at once", removalsOfMany},
}

func (f *fixture) removedSites(sites []id.Site, kinds ...string) map[id.Site]id.Operation {
	f.Helper()
	return read(f, func(tx store.Tx) (map[id.Site]id.Operation, error) {
		return tx.RemovedSites(f.ctx, sites, desired.Removers{Taking: kinds})
	})
}

func (f *fixture) removedHostnames(hostnames []string, kinds ...string) map[string]desired.Removal {
	f.Helper()
	return read(f, func(tx store.Tx) (map[string]desired.Removal, error) {
		return tx.RemovedHostnames(f.ctx, hostnames, desired.Removers{Taking: kinds})
	})
}

// ended inserts an operation of a kind that has ended, a second after the one
// before, and returns its id.
func (f *fixture) ended(kind, object string) id.Operation {
	f.Helper()
	o := f.blankOperation(object)
	o.Kind, o.State, o.CreatedAt = kind, saga.Succeeded, f.after(time.Second)
	f.update(func(tx store.Tx) error { return tx.InsertOperation(f.ctx, o) })
	return o.ID
}

func siteIsRemoved(f *fixture) {
	s := f.newSite("shop")
	f.ended("delete_site", string(s.ID))
	last := f.ended("release_site", string(s.ID))
	f.ended("update_site", string(s.ID))
	asked := []id.Site{"site_1", s.ID, s.ID}
	equal(f, f.removedSites(asked, "delete_site", "release_site"), map[id.Site]id.Operation{s.ID: last})
	f.now = f.now.Add(-time.Hour)
	f.ended("delete_site", string(s.ID)) // written later, opened before
	equal(f, f.removedSites(asked, "delete_site", "release_site"), map[id.Site]id.Operation{s.ID: last})
}

func presentIsNotRemoved(f *fixture) {
	s, gone := f.present(f.newSite("shop")), f.newSite("gone")
	f.ended("delete_site", string(s.ID))
	op := f.ended("delete_site", string(gone.ID))
	equal(f, f.removedSites([]id.Site{s.ID, gone.ID}, "delete_site"), map[id.Site]id.Operation{gone.ID: op})
}

func tombstoneIsRemoved(f *fixture) {
	s := f.moveSite(f.newSite("shop"), site.Deleting, site.Deleted)
	op := f.ended("delete_site", string(s.ID))
	f.purge(s)
	equal(f, f.removedSites([]id.Site{s.ID}, "delete_site"), map[id.Site]id.Operation{s.ID: op})
}

func removedWithoutOperation(f *fixture) {
	s, never := f.newSite("shop"), f.newSite("never")
	f.ended("update_site", string(s.ID))
	sites, none := []id.Site{s.ID, never.ID}, map[id.Site]id.Operation{}
	equal(f, f.removedSites(sites, "delete_site"), none)
	equal(f, f.removedSites(sites), none)
	equal(f, f.removedSites(nil, "update_site"), none)
}

func makersThatFailed(f *fixture) {
	s := f.newSite("shop")
	d := f.newDomain(s, "a.example.com")
	by := desired.Removers{Taking: []string{"release"}, Making: []string{"create"}}
	for _, object := range []string{string(s.ID), string(d.ID)} {
		f.ended("create", object) // it succeeded
	}
	for _, state := range terminalStates[1:] {
		opened := map[string]id.Operation{}
		for _, object := range []string{string(s.ID), string(d.ID)} {
			f.ended("create", object)
			o := f.blankOperation(object)
			o.Kind, o.State, o.CreatedAt = "create", state, f.after(time.Second)
			f.update(func(tx store.Tx) error { return tx.InsertOperation(f.ctx, o) })
			opened[object] = o.ID
		}
		f.update(func(tx store.Tx) error {
			sites, err := tx.RemovedSites(f.ctx, []id.Site{s.ID}, by)
			f.must(err)
			equal(f, sites, map[id.Site]id.Operation{s.ID: opened[string(s.ID)]})
			names, err := tx.RemovedHostnames(f.ctx, []string{d.Hostname}, by)
			equal(f, names, map[string]desired.Removal{d.Hostname: {Wanted: d.Wanted, OperationID: opened[string(d.ID)]}})
			return err
		})
	}
	f.ended("create", string(s.ID)) // what was made after all was not taken away
	f.ended("create", string(d.ID))
	f.update(func(tx store.Tx) error {
		sites, err := tx.RemovedSites(f.ctx, []id.Site{s.ID}, by)
		f.must(err)
		equal(f, sites, map[id.Site]id.Operation{})
		names, err := tx.RemovedHostnames(f.ctx, []string{d.Hostname}, by)
		equal(f, names, map[string]desired.Removal{})
		return err
	})
}

// domainAt inserts a domain with a level, a second after the one before.
func (f *fixture) domainAt(s site.Site, hostname string, level network.Wanted) network.Domain {
	f.Helper()
	f.after(time.Second)
	d := f.newDomain(s, hostname)
	f.publish(d, level)
	return f.getDomain(d)
}

func hostnameIsRemoved(f *fixture) {
	s, other := f.newSite("shop"), f.as("stranger")
	stranger := other.newSite("other")
	released := f.domainAt(s, "a.example.com", network.Hidden)
	f.moveDomain(released, network.Releasing, network.Released)
	shown := f.domainAt(s, "b.example.com", network.OnEdge)
	other.now = f.now
	newer := other.domainAt(stranger, "a.example.com", network.Public)
	f.now = other.now
	f.ended("release_domain", string(newer.ID))
	f.ended("lower_domain", string(newer.ID))
	last := f.ended("release_domain", string(released.ID))
	f.ended("activate_domain", string(newer.ID))
	lowered := f.ended("lower_domain", string(shown.ID))
	held := f.domainAt(s, "c.example.com", network.Public)
	other.now = f.now
	other.domainAt(stranger, "c.example.com", network.Hidden) // wants it and does not have it
	f.now = other.now
	taken := f.ended("lower_domain", string(held.ID))
	asked := []string{"b.example.com", "a.example.com", "a.example.com", "c.example.com"}
	equal(f, f.removedHostnames(asked, "release_domain", "lower_domain"), map[string]desired.Removal{
		"a.example.com": {Wanted: network.Public, OperationID: last},
		"b.example.com": {Wanted: network.OnEdge, OperationID: lowered},
		"c.example.com": {Wanted: network.Public, OperationID: taken},
	})
}

func hostnameOfTombstone(f *fixture) {
	s := f.newSite("shop")
	d := f.moveDomain(f.domainAt(s, "a.example.com", network.Hidden), network.Releasing, network.Released)
	op := f.ended("release_domain", string(d.ID))
	f.purge(s)
	equal(f, f.removedHostnames([]string{"a.example.com"}, "release_domain"), map[string]desired.Removal{
		"a.example.com": {Wanted: network.Hidden, OperationID: op},
	})
}

func hostnameWithoutOperation(f *fixture) {
	s := f.newSite("shop")
	d := f.domainAt(s, "a.example.com", network.Hidden)
	f.ended("activate_domain", string(d.ID))
	f.domainAt(s, "never.example.com", network.Hidden)
	hostnames := []string{"a.example.com", "never.example.com", "nobody.example.com"}
	none := map[string]desired.Removal{}
	equal(f, f.removedHostnames(hostnames, "release_domain"), none)
	equal(f, f.removedHostnames(hostnames), none)
	equal(f, f.removedHostnames(nil, "activate_domain"), none)
}

func removalsOfMany(f *fixture) {
	s := f.newSite("shop")
	sites, hostnames := []id.Site{s.ID}, []string{"a.example.com"}
	d := f.domainAt(s, "a.example.com", network.Hidden)
	deleted, released := f.ended("delete_site", string(s.ID)), f.ended("release_domain", string(d.ID))
	for i := range 5000 {
		sites = append(sites, id.Site(fmt.Sprintf("site_%d", i)))
		hostnames = append(hostnames, fmt.Sprintf("h%d.example.com", i))
	}
	equal(f, f.removedSites(sites, "delete_site"), map[id.Site]id.Operation{s.ID: deleted})
	equal(f, f.removedHostnames(hostnames, "release_domain"), map[string]desired.Removal{
		"a.example.com": {Wanted: network.Hidden, OperationID: released},
	})
}
