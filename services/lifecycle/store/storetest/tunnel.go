package storetest

import (
	"github.com/siteplane/siteplane/services/lifecycle/condition"
	"github.com/siteplane/siteplane/services/lifecycle/drift"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/network"
	"github.com/siteplane/siteplane/services/lifecycle/store"
	"github.com/siteplane/siteplane/services/lifecycle/tunnel"
)

var tunnelTests = []test{
	{"a tunnel is kept as it was written", tunnelIsKept},
	{"an unknown tunnel is not found", unknownTunnel},
	{"putting a tunnel again replaces its name only", tunnelIsReplaced},
	{"a tunnel that is put keeps its policy, or repairs when it has none", tunnelPolicy},
	{"an update writes all but the name", tunnelUpdates},
	{"tunnels are listed by id", tunnelsAreListed},
	{"each change is a row of its own with a higher number", tunnelChangesAreCounted},
	{"exactly the changes given are deleted", tunnelChangesAreDeleted},
	{"the number of a deleted change is never used again", tunnelNumbersAreNotReused},
	{"changes of another tunnel are not deleted", foreignTunnelChangesStay},
	{"a domain's changes are those on all tunnels", tunnelChangesOfDomain},
	{"a change of an unknown tunnel or domain, or another tenant's, is refused", tunnelChangeOfUnknown},
}

// newTunnel inserts a tunnel and returns it.
func (f *fixture) newTunnel(name string) tunnel.Tunnel {
	f.Helper()
	u := tunnel.Tunnel{ID: id.NewTunnel(), Name: name, DriftPolicy: drift.Repair}
	f.update(func(tx store.Tx) error { return tx.PutTunnel(f.ctx, u) })
	return u
}

func (f *fixture) getTunnel(u tunnel.Tunnel) tunnel.Tunnel {
	f.Helper()
	return read(f, func(tx store.Tx) (tunnel.Tunnel, error) { return tx.GetTunnel(f.ctx, u.ID) })
}

// provenTunnel is a tunnel with every field of its answers set.
func (f *fixture) provenTunnel(u tunnel.Tunnel) tunnel.Tunnel {
	u.Generation, u.ProvenGeneration, u.ProvenDigest, u.LastSeenAt = 1<<40, 1<<39, "abc", f.now
	u.FaultReason, u.FaultMessage, u.FaultActor = "CF_TOKEN", "the token is refused", condition.Operator
	u.DriftPolicy = drift.Hold
	return u
}

func tunnelIsKept(f *fixture) {
	u := f.newTunnel("one")
	equal(f, f.getTunnel(u), u)
	whole := f.provenTunnel(tunnel.Tunnel{ID: id.NewTunnel(), Name: "whole"})
	f.update(func(tx store.Tx) error { return tx.PutTunnel(f.ctx, whole) })
	equal(f, f.getTunnel(whole), whole)
}

func unknownTunnel(f *fixture) {
	f.newTunnel("one")
	f.notFound(f.try(func(tx store.Tx) error { _, err := tx.GetTunnel(f.ctx, "tun_1"); return err }), "tunnel", "tun_1")
	f.notFound(f.try(func(tx store.Tx) error { return tx.UpdateTunnel(f.ctx, tunnel.Tunnel{ID: "tun_1"}) }), "tunnel", "tun_1")
}

func tunnelIsReplaced(f *fixture) {
	want := f.provenTunnel(f.newTunnel("one"))
	f.update(func(tx store.Tx) error { return tx.UpdateTunnel(f.ctx, want) })
	want.Name = "other"
	f.update(func(tx store.Tx) error { return tx.PutTunnel(f.ctx, tunnel.Tunnel{ID: want.ID, Name: "other"}) })
	equal(f, f.getTunnel(want), want)
}

func tunnelUpdates(f *fixture) {
	bystander := f.newTunnel("bystander")
	want := f.provenTunnel(f.newTunnel("one"))
	given := want
	given.Name = "other"
	f.update(func(tx store.Tx) error { return tx.UpdateTunnel(f.ctx, given) })
	equal(f, f.getTunnel(want), want)
	equal(f, f.getTunnel(bystander), bystander)
}

func tunnelPolicy(f *fixture) {
	u := tunnel.Tunnel{ID: id.NewTunnel(), Name: "one"}
	put := func(p drift.Policy) drift.Policy {
		u.DriftPolicy = p
		f.update(func(tx store.Tx) error { return tx.PutTunnel(f.ctx, u) })
		return f.getTunnel(u).DriftPolicy
	}
	equal(f, put(""), drift.Repair)
	equal(f, put(drift.Hold), drift.Repair)
	u.ID = id.NewTunnel()
	equal(f, put(drift.Hold), drift.Hold)
	equal(f, put(""), drift.Hold)
	u.DriftPolicy = ""
	f.refused(func(tx store.Tx) error { return tx.UpdateTunnel(f.ctx, u) })
}

func tunnelsAreListed(f *fixture) {
	list := func() []tunnel.Tunnel {
		return read(f, func(tx store.Tx) ([]tunnel.Tunnel, error) { return tx.ListTunnels(f.ctx) })
	}
	equal(f, list(), nil)
	one, two := f.newTunnel("two"), f.newTunnel("one")
	equal(f, list(), []tunnel.Tunnel{one, two})
}

// tunnelChange adds a change of a domain on a tunnel and returns the last of the
// tunnel.
func (f *fixture) tunnelChange(u tunnel.Tunnel, d network.Domain, operation string) tunnel.Change {
	f.Helper()
	c := tunnel.Change{TunnelID: u.ID, DomainID: d.ID, TenantID: d.TenantID, OperationID: operation, TraceParent: "00-t-s-01"}
	f.update(func(tx store.Tx) error { return tx.AddTunnelChange(f.ctx, c) })
	changes := f.tunnelChanges(u)
	return changes[len(changes)-1]
}

func (f *fixture) tunnelChanges(u tunnel.Tunnel) []tunnel.Change {
	f.Helper()
	return read(f, func(tx store.Tx) ([]tunnel.Change, error) { return tx.TunnelChanges(f.ctx, u.ID) })
}

func (f *fixture) tunnelChangesOf(d network.Domain) []tunnel.Change {
	f.Helper()
	return read(f, func(tx store.Tx) ([]tunnel.Change, error) { return tx.TunnelChangesOf(f.ctx, d.ID) })
}

func (f *fixture) deleteTunnelChanges(u tunnel.Tunnel, seqs ...int64) {
	f.Helper()
	f.update(func(tx store.Tx) error { return tx.DeleteTunnelChanges(f.ctx, u.ID, seqs) })
}

func tunnelChangesAreCounted(f *fixture) {
	u, d := f.newTunnel("one"), f.newDomain(f.newSite("shop"), "shop.example.com")
	first := f.tunnelChange(u, d, "op_1")
	second := f.tunnelChange(u, d, "op_2")
	if second.Seq <= first.Seq {
		f.Errorf("the second change has the number %d after %d", second.Seq, first.Seq)
	}
	equal(f, f.tunnelChanges(u), []tunnel.Change{first, second})
	want := tunnel.Change{
		TunnelID: u.ID, Seq: first.Seq, DomainID: d.ID, TenantID: d.TenantID, OperationID: "op_1", TraceParent: "00-t-s-01",
	}
	equal(f, first, want)
}

func tunnelChangesAreDeleted(f *fixture) {
	u, s := f.newTunnel("one"), f.newSite("shop")
	d := f.newDomain(s, "shop.example.com")
	first := f.tunnelChange(u, d, "op_1")
	second := f.tunnelChange(u, d, "op_2")
	third := f.tunnelChange(u, f.newDomain(s, "blog.example.com"), "op_3")
	f.deleteTunnelChanges(u, first.Seq, third.Seq)
	equal(f, f.tunnelChanges(u), []tunnel.Change{second})
	f.deleteTunnelChanges(u)
	equal(f, f.tunnelChanges(u), []tunnel.Change{second})
}

func tunnelNumbersAreNotReused(f *fixture) {
	u, d := f.newTunnel("one"), f.newDomain(f.newSite("shop"), "shop.example.com")
	first := f.tunnelChange(u, d, "op_1")
	f.deleteTunnelChanges(u, first.Seq)
	if second := f.tunnelChange(u, d, "op_2"); second.Seq <= first.Seq {
		f.Errorf("the number %d was used after %d", second.Seq, first.Seq)
	}
}

func foreignTunnelChangesStay(f *fixture) {
	one, other := f.newTunnel("one"), f.newTunnel("other")
	c := f.tunnelChange(one, f.newDomain(f.newSite("shop"), "shop.example.com"), "op_1")
	f.deleteTunnelChanges(other, c.Seq)
	equal(f, f.tunnelChanges(one), []tunnel.Change{c})
	equal(f, f.tunnelChanges(other), nil)
}

func tunnelChangesOfDomain(f *fixture) {
	one, other, s := f.newTunnel("one"), f.newTunnel("other"), f.newSite("shop")
	d := f.newDomain(s, "shop.example.com")
	want := []tunnel.Change{f.tunnelChange(one, d, "op_1"), f.tunnelChange(other, d, "op_1")}
	f.tunnelChange(one, f.newDomain(s, "blog.example.com"), "op_2")
	equal(f, f.tunnelChangesOf(d), want)
}

func tunnelChangeOfUnknown(f *fixture) {
	u, d := f.newTunnel("one"), f.newDomain(f.newSite("shop"), "shop.example.com")
	add := func(tunnelID id.Tunnel, domain id.Domain, tenant id.Tenant) error {
		return f.try(func(tx store.Tx) error {
			return tx.AddTunnelChange(f.ctx, tunnel.Change{TunnelID: tunnelID, DomainID: domain, TenantID: tenant})
		})
	}
	f.notFound(add("tun_1", d.ID, f.tenant), "tunnel", "tun_1")
	f.notFound(add(u.ID, "dom_1", f.tenant), "domain", "dom_1")
	f.notFound(add(u.ID, d.ID, f.newTenant("stranger")), "domain", string(d.ID))
	equal(f, f.tunnelChanges(u), nil)
}
