package storetest

import (
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/network"
	"github.com/siteplane/siteplane/services/lifecycle/store"
)

var instructionTests = []test{
	{"instructions are kept in their order", instructionsAreKept},
	{"putting instructions replaces all that were there", instructionsAreReplaced},
	{"instructions of another domain are left alone", instructionsAreApart},
	{"instructions for an unknown domain, or another tenant's, are refused", instructionsForStranger},
	{"instructions without a known purpose are refused and leave what was there", instructionWithoutPurpose},
}

func (f *fixture) instructions(d network.Domain) []network.Instruction {
	f.Helper()
	return read(f, func(tx store.Tx) ([]network.Instruction, error) { return tx.Instructions(f.ctx, d.ID) })
}

func (f *fixture) putInstructions(d network.Domain, instructions ...network.Instruction) {
	f.Helper()
	f.update(func(tx store.Tx) error { return tx.PutInstructions(f.ctx, d, instructions) })
}

// fullInstructions has every purpose and an order that no column sorts by.
func fullInstructions() []network.Instruction {
	return []network.Instruction{
		{Purpose: network.Keep, Type: "TXT", Name: "_siteplane-challenge.shop.example.com", Value: "keep", Note: "until then"},
		{Purpose: network.Ownership, Type: "TXT", Name: "_siteplane-challenge.shop.example.com", Value: "token"},
		{Purpose: network.Traffic, Type: "CNAME", Name: "shop.example.com", Value: "target.example.net", Note: `"at" the root`},
		{Purpose: network.Traffic, Type: "AAAA", Name: "shop.example.com", Value: "2001:db8::1"},
		{Purpose: network.Traffic, Type: "A", Name: "shop.example.com", Value: "192.0.2.1"},
		{Purpose: network.Preparation, Type: "TXT", Name: "_acme-challenge.shop.example.com", Value: "prepare"},
	}
}

func instructionsAreKept(f *fixture) {
	d := f.newDomain(f.newSite("shop"), "shop.example.com")
	equal(f, f.instructions(d), nil)
	f.putInstructions(d, fullInstructions()...)
	equal(f, f.instructions(d), fullInstructions())
}

func instructionsAreReplaced(f *fixture) {
	d := f.newDomain(f.newSite("shop"), "shop.example.com")
	f.putInstructions(d, fullInstructions()...)
	fewer := fullInstructions()[2:4]
	f.putInstructions(d, fewer...)
	equal(f, f.instructions(d), fewer)
	f.putInstructions(d)
	equal(f, f.instructions(d), nil)
}

func instructionsAreApart(f *fixture) {
	s := f.newSite("shop")
	one, other := f.newDomain(s, "shop.example.com"), f.newDomain(s, "blog.example.com")
	f.putInstructions(one, fullInstructions()...)
	f.putInstructions(other, fullInstructions()[1])
	f.putInstructions(other)
	equal(f, f.instructions(one), fullInstructions())
}

func instructionsForStranger(f *fixture) {
	d := f.newDomain(f.newSite("shop"), "shop.example.com")
	f.putInstructions(d, fullInstructions()...)
	unknown, foreign := d, d
	unknown.ID, foreign.TenantID = id.NewDomain(), f.newTenant("stranger")
	for _, d := range []network.Domain{unknown, foreign} {
		for _, instructions := range [][]network.Instruction{nil, fullInstructions()[:1]} {
			err := f.try(func(tx store.Tx) error { return tx.PutInstructions(f.ctx, d, instructions) })
			f.notFound(err, "domain", string(d.ID))
		}
	}
	equal(f, f.instructions(d), fullInstructions())
}

func instructionWithoutPurpose(f *fixture) {
	d := f.newDomain(f.newSite("shop"), "shop.example.com")
	f.putInstructions(d, fullInstructions()...)
	odd := []network.Instruction{{Purpose: "fun", Type: "TXT", Name: "shop.example.com", Value: "ha"}}
	f.refused(func(tx store.Tx) error { return tx.PutInstructions(f.ctx, d, odd) })
	equal(f, f.instructions(d), fullInstructions())
}
