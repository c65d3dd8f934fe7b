package storetest

import (
	"errors"
	"slices"
	"time"

	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/desired"
	"github.com/siteplane/siteplane/services/lifecycle/drift"
	"github.com/siteplane/siteplane/services/lifecycle/edge"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/site"
	"github.com/siteplane/siteplane/services/lifecycle/store"
)

var placementTests = []test{
	{"a placement is kept as it was written", placementIsKept},
	{"putting a placement again replaces all but when it was created", placementIsReplaced},
	{"placements are listed by name", placementsAreListed},
	{"an unknown placement is not found", unknownPlacement},
	{"the empty name is the default placement's, which is never unknown", defaultPlacement},
	{"a placement that a site has is not deleted", placementInUse},
	{"a deleted site does not keep its placement", placementOfTombstone},
	{"a site is kept with its placement", siteWithPlacement},
	{"no update moves a site to another placement", siteStaysPlaced},
	{"a site of an unknown placement is refused", siteOfUnknownPlacement},
	{"without placements every edge serves every site", everywhere},
	{"a site is served by the edges that have all labels of its placement", placedByLabels},
	{"the default placement is that of the sites without one", placedByDefault},
	{"a site with a placement is not served by the default placement's edges", placedElsewhere},
	{"an edge is asked for what it may have to give up", placedNoMore},
}

var madeAt = time.Date(2026, 5, 4, 3, 2, 1, 123456000, time.UTC)

// newPlacement puts a placement and returns it.
func (f *fixture) newPlacement(name string, labels edge.Labels) edge.Placement {
	f.Helper()
	p := edge.Placement{Name: name, EdgeLabels: labels, CreatedAt: madeAt}
	f.putPlacement(p)
	return p
}

func (f *fixture) putPlacement(p edge.Placement) {
	f.Helper()
	f.update(func(tx store.Tx) error { return tx.PutPlacement(f.ctx, p) })
}

func (f *fixture) getPlacement(name string) edge.Placement {
	f.Helper()
	return read(f, func(tx store.Tx) (edge.Placement, error) { return tx.GetPlacement(f.ctx, name) })
}

func (f *fixture) deletePlacement(name string) error {
	return f.try(func(tx store.Tx) error { return tx.DeletePlacement(f.ctx, name) })
}

// placed inserts a site with a placement that is wanted, and returns it.
func (f *fixture) placed(slug, placement string) site.Site {
	f.Helper()
	s, r := f.blankSite(slug)
	s.Placement, s.Wanted = placement, site.Present
	f.update(func(tx store.Tx) error { return tx.InsertSite(f.ctx, s, r, f.cause("asked for")) })
	return s
}

// labelled inserts an edge with labels and returns it.
func (f *fixture) labelled(name string, labels edge.Labels) edge.Edge {
	f.Helper()
	e := edge.Edge{ID: id.NewEdge(), Name: name, Labels: labels, DriftPolicy: drift.Repair}
	f.update(func(tx store.Tx) error { return tx.PutEdge(f.ctx, e) })
	return e
}

// holds checks which sites an edge shall hold, whether all are asked for or each.
func (f *fixture) holds(e edge.Edge, sites ...site.Site) {
	f.Helper()
	all := read(f, func(tx store.Tx) ([]site.Site, error) { return tx.ListSites(f.ctx, f.tenant, site.Page{Limit: 100}) })
	var asked, want []id.Site
	for _, s := range all {
		asked = append(asked, s.ID)
	}
	for _, s := range sites {
		want = append(want, s.ID)
	}
	slices.Sort(want)
	equal(f, named(f.desiredOn(e, nil)), want)
	equal(f, named(f.desiredOn(e, asked)), want)
	confirmed := read(f, func(tx store.Tx) ([]desired.Row, error) { return tx.ConfirmedRows(f.ctx, e.ID, asked) })
	equal(f, named(confirmed), want)
}

// named returns the sites of rows.
func named(rows []desired.Row) (ids []id.Site) {
	for _, row := range rows {
		ids = append(ids, row.SiteID)
	}
	return ids
}

func placementIsKept(f *fixture) {
	want := edge.Placement{
		Name: "eu", EdgeLabels: edge.Labels{"region": "eu", "disk": "", "a/b.c": "D_1"}, MinReady: 7,
		CanarySoak: 90*time.Second + 5*time.Microsecond, CreatedAt: madeAt,
	}
	f.putPlacement(want)
	equal(f, f.getPlacement("eu"), want)
	equal(f, f.getPlacement(f.newPlacement("bare", nil).Name), edge.Placement{Name: "bare", CreatedAt: madeAt})
}

func placementIsReplaced(f *fixture) {
	want := f.newPlacement("eu", edge.Labels{"region": "eu"})
	other := f.newPlacement("us", edge.Labels{"region": "us"})
	want.EdgeLabels, want.MinReady, want.CanarySoak = edge.Labels{"zone": "a"}, 2, time.Second
	again := want
	again.CreatedAt = madeAt.Add(time.Hour)
	f.putPlacement(again)
	equal(f, f.getPlacement("eu"), want)
	equal(f, f.getPlacement("us"), other)
}

func placementsAreListed(f *fixture) {
	list := func() []edge.Placement {
		return read(f, func(tx store.Tx) ([]edge.Placement, error) { return tx.ListPlacements(f.ctx) })
	}
	equal(f, list(), nil)
	last, first := f.newPlacement("us", edge.Labels{"region": "us"}), f.newPlacement("eu", nil)
	equal(f, list(), []edge.Placement{first, last})
	f.must(f.deletePlacement("eu"))
	equal(f, list(), []edge.Placement{last})
}

func unknownPlacement(f *fixture) {
	f.newPlacement("us", nil)
	f.notFound(f.try(func(tx store.Tx) error { _, err := tx.GetPlacement(f.ctx, "eu"); return err }), "placement", "eu")
	f.notFound(f.try(func(tx store.Tx) error { _, err := tx.GetPlacement(f.ctx, edge.Default); return err }), "placement", edge.Default)
	f.notFound(f.deletePlacement("eu"), "placement", "eu")
}

func defaultPlacement(f *fixture) {
	equal(f, f.getPlacement(""), edge.Placement{Name: edge.Default})
	want := f.newPlacement(edge.Default, edge.Labels{"region": "eu"})
	equal(f, f.getPlacement(""), want)
	equal(f, f.getPlacement(edge.Default), want)
	f.must(f.deletePlacement(edge.Default))
	equal(f, f.getPlacement(""), edge.Placement{Name: edge.Default})
}

func placementInUse(f *fixture) {
	want := f.newPlacement("eu", nil)
	s := f.placed("shop", "eu")
	var refused *lifecycle.PreconditionError
	for _, status := range []site.Status{site.Provisioning, site.Error, site.Deleting} {
		s = f.moveSite(s, status)
		if err := f.deletePlacement("eu"); !errors.As(err, &refused) {
			f.Fatalf("while the site is %s got %v, want a PreconditionError", status, err)
		}
		equal(f, f.getPlacement("eu"), want)
		equal(f, f.getSite(s), s)
	}
}

func placementOfTombstone(f *fixture) {
	f.newPlacement("eu", nil)
	gone, lives := f.placed("gone", "eu"), f.as("stranger").placed("lives", "eu")
	gone = f.moveSite(gone, site.Deleted)
	if err := f.deletePlacement("eu"); err == nil {
		f.Fatal("the placement of a site is gone")
	}
	equal(f, f.getSite(gone), gone)
	f.moveSite(lives, site.Deleted)
	f.must(f.deletePlacement("eu"))
	gone.Placement = ""
	equal(f, f.getSite(gone), gone)
}

func siteWithPlacement(f *fixture) {
	f.newPlacement("eu", nil)
	s := f.placed("shop", "eu")
	equal(f, f.getSite(s), s)
	listed := read(f, func(tx store.Tx) ([]site.Site, error) { return tx.ListSites(f.ctx, f.tenant, site.Page{Limit: 10}) })
	equal(f, listed, []site.Site{s})
}

func siteStaysPlaced(f *fixture) {
	f.newPlacement("eu", nil)
	f.newPlacement("us", nil)
	s := f.placed("shop", "eu")
	for _, other := range []string{"us", "", "unknown"} {
		s.Placement = other
		f.update(func(tx store.Tx) error { return tx.UpdateSite(f.ctx, s) })
		s = f.getSite(s)
		equal(f, s.Placement, "eu")
	}
	equal(f, f.moveSite(s, site.Provisioning).Placement, "eu")
}

func siteOfUnknownPlacement(f *fixture) {
	s, r := f.blankSite("shop")
	s.Placement = "eu"
	insert := func() error {
		return f.try(func(tx store.Tx) error { return tx.InsertSite(f.ctx, s, r, f.cause("asked for")) })
	}
	f.notFound(insert(), "placement", "eu")
	f.newPlacement("eu", nil)
	s.TenantID = "ten_1"
	f.notFound(insert(), "tenant", "ten_1")
}

func everywhere(f *fixture) {
	s := f.placed("shop", "")
	f.holds(f.labelled("one", nil), s)
	f.holds(f.labelled("other", edge.Labels{"region": "eu"}), s)
}

func placedByLabels(f *fixture) {
	f.newPlacement("all", nil)
	f.newPlacement("eu", edge.Labels{"region": "eu"})
	f.newPlacement("fast", edge.Labels{"region": "eu", "disk": "fast"})
	f.newPlacement("blank", edge.Labels{"region": ""})
	free, all, eu, fast, blank := f.placed("free", ""), f.placed("all", "all"), f.placed("eu", "eu"), f.placed("fast", "fast"), f.placed("blank", "blank")
	f.holds(f.labelled("bare", nil), free, all)
	f.holds(f.labelled("us", edge.Labels{"region": "us", "disk": "fast"}), free, all)
	f.holds(f.labelled("blank", edge.Labels{"region": ""}), free, all, blank)
	e := f.labelled("eu", edge.Labels{"region": "eu", "canary": "true"})
	f.holds(e, free, all, eu)
	e.Labels = edge.Labels{"region": "eu", "disk": "fast"}
	f.update(func(tx store.Tx) error { return tx.DescribeEdge(f.ctx, e) })
	f.holds(e, free, all, eu, fast)
	f.newPlacement("eu", edge.Labels{"region": "us"})
	f.holds(e, free, all, fast)
}

func placedByDefault(f *fixture) {
	f.newPlacement("eu", edge.Labels{"region": "eu"})
	f.newPlacement(edge.Default, edge.Labels{"tier": "shared"})
	free, eu := f.placed("free", ""), f.placed("eu", "eu")
	bare, both := f.labelled("bare", nil), f.labelled("both", edge.Labels{"region": "eu", "tier": "shared"})
	f.holds(bare)
	f.holds(f.labelled("shared", edge.Labels{"tier": "shared"}), free)
	f.holds(f.labelled("eu", edge.Labels{"region": "eu"}), eu)
	f.holds(both, free, eu)
	f.must(f.deletePlacement(edge.Default))
	f.holds(bare, free)
	f.holds(both, free, eu)
}

func placedElsewhere(f *fixture) {
	f.newPlacement("eu", edge.Labels{"region": "eu"})
	f.newPlacement(edge.Default, nil)
	free, eu := f.placed("free", ""), f.placed("eu", "eu")
	f.holds(f.labelled("bare", nil), free)
	f.holds(f.labelled("eu", edge.Labels{"region": "eu"}), free, eu)
}

// placedNoMore says that what is not an edge's to hold is left out even where it is
// asked for and not wanted any more: the edge gives it up.
func placedNoMore(f *fixture) {
	f.newPlacement("eu", edge.Labels{"region": "eu"})
	s := f.placed("shop", "eu")
	e := f.labelled("us", edge.Labels{"region": "us"})
	equal(f, f.desiredOn(e, []id.Site{s.ID}), nil)
	s.Wanted = site.Absent
	f.update(func(tx store.Tx) error { return tx.UpdateSite(f.ctx, s) })
	equal(f, f.desiredOn(e, []id.Site{s.ID}), nil)
}
