package storetest

import (
	"time"

	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/network"
	"github.com/siteplane/siteplane/services/lifecycle/store"
)

var evidenceTests = []test{
	{"evidence is kept and replaced by kind", evidenceIsKept},
	{"evidence that was never taken is the zero value", evidenceIsZero},
	{"evidence for another tenant's domain is refused", evidenceOfStranger},
}

func (f *fixture) evidence(d network.Domain, kind network.EvidenceKind) network.Evidence {
	f.Helper()
	return read(f, func(tx store.Tx) (network.Evidence, error) { return tx.GetEvidence(f.ctx, d.ID, kind) })
}

func evidenceIsKept(f *fixture) {
	d := f.newDomain(f.newSite("shop"), "shop.example.com")
	nonce := network.Evidence{
		DomainID: d.ID, TenantID: d.TenantID, Kind: network.EvidenceNonce,
		PositiveAt: f.now, Detail: `{"seen":["a"]}`, TraceID: "t1",
	}
	resolves, ownership := nonce, nonce
	resolves.Kind, ownership.Kind = network.EvidenceResolves, network.EvidenceOwnership
	for _, e := range []network.Evidence{nonce, resolves, ownership} {
		f.update(func(tx store.Tx) error { return tx.PutEvidence(f.ctx, e) })
	}
	nonce.ContradictedAt, nonce.PositiveAt, nonce.Detail = f.now.Add(time.Minute), time.Time{}, "{}"
	f.update(func(tx store.Tx) error { return tx.PutEvidence(f.ctx, nonce) })
	equal(f, f.evidence(d, network.EvidenceNonce), nonce)
	equal(f, f.evidence(d, network.EvidenceResolves), resolves)
	equal(f, f.evidence(d, network.EvidenceOwnership), ownership)
}

func evidenceIsZero(f *fixture) {
	d := f.newDomain(f.newSite("shop"), "shop.example.com")
	equal(f, f.evidence(d, network.EvidenceNonce), network.Evidence{})
}

func evidenceOfStranger(f *fixture) {
	d := f.newDomain(f.newSite("shop"), "shop.example.com")
	for _, tenant := range []id.Tenant{f.newTenant("stranger"), "ten_1"} {
		e := network.Evidence{DomainID: d.ID, TenantID: tenant, Kind: network.EvidenceNonce, Detail: "{}"}
		f.notFound(f.try(func(tx store.Tx) error { return tx.PutEvidence(f.ctx, e) }), "domain", string(d.ID))
	}
}
