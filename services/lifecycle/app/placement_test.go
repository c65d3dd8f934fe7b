package app_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/admin"
	"github.com/siteplane/siteplane/services/lifecycle/app"
	"github.com/siteplane/siteplane/services/lifecycle/app/apptest"
	"github.com/siteplane/siteplane/services/lifecycle/auth"
	"github.com/siteplane/siteplane/services/lifecycle/edge"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/site"
	"github.com/siteplane/siteplane/services/lifecycle/worker"
)

// fleet is a scene with three edges, of which the second has the label region=eu and
// the third both that and canary=true.
func fleet(t *testing.T) (s scene, bare, eu, canary id.Edge) {
	t.Helper()
	w := apptest.New(t, apptest.Options{Edges: 3})
	w.Run()
	s = scene{w, t}
	bare, eu, canary = w.EdgeIDs()[0], w.EdgeIDs()[1], w.EdgeIDs()[2]
	s.label(eu, edge.Labels{"region": "eu"})
	s.label(canary, edge.Labels{"region": "eu", "canary": "true"})
	w.RunFor(time.Minute)
	return s, bare, eu, canary
}

func (s scene) label(edgeID id.Edge, labels edge.Labels) app.EdgeView {
	s.t.Helper()
	view, err := s.App.UpdateEdge(s.t.Context(), s.Caller, edgeID, app.EdgeChange{Labels: &labels}, "")
	must(s.t, err)
	return view
}

func (s scene) put(p edge.Placement) app.PlacementView {
	s.t.Helper()
	view, err := s.App.PutPlacement(s.t.Context(), s.Caller, p, "")
	must(s.t, err)
	return view
}

// eu is a placement of edges in Europe.
func eu() edge.Placement {
	return edge.Placement{Name: "eu", EdgeLabels: edge.Labels{"region": "eu"}}
}

// placed creates a site with a placement.
func (s scene) placed(name, placement string) site.Site {
	s.t.Helper()
	in := named(name)
	in.Placement = placement
	view, err := s.App.CreateSite(s.t.Context(), s.Caller, in, "")
	must(s.t, err)
	return view.Site
}

// holding are the edges that hold a site.
func (s scene) holding(of site.Site) (edges []id.Edge) {
	for _, e := range s.EdgeIDs() {
		if s.Edges.Host(e).Holds(of.ID) {
			edges = append(edges, e)
		}
	}
	return edges
}

func (s scene) wantOn(of site.Site, edges ...id.Edge) {
	s.t.Helper()
	if got := s.holding(of); !slices.Equal(got, edges) {
		s.t.Errorf("%s is on %v, want %v", of.Name, got, edges)
	}
}

// needsWhole are the edges that are sent everything next, and due are those that are
// looked at now.
func (s scene) needsWhole() (needs, due []id.Edge) {
	for _, e := range s.EdgeIDs() {
		if s.Edge(e).NeedsWhole {
			needs = append(needs, e)
		}
		if s.dueNow(worker.Edge, string(e)) {
			due = append(due, e)
		}
	}
	return needs, due
}

func (s scene) wantAnew(edges ...id.Edge) {
	s.t.Helper()
	needs, due := s.needsWhole()
	if !slices.Equal(needs, edges) {
		s.t.Errorf("%v are sent everything, want %v", needs, edges)
	}
	for _, e := range edges {
		if !slices.Contains(due, e) {
			s.t.Errorf("%s is not looked at now", e)
		}
	}
}

// lastAudit is what the audit kept last.
func (s scene) lastAudit() admin.Entry {
	s.t.Helper()
	entries, err := s.App.ListAudit(s.t.Context(), s.PlatformAdmin(), admin.AuditPage{Limit: 1}, true)
	must(s.t, err)
	return entries[0]
}

func TestPutPlacement(t *testing.T) {
	t.Run("answers and lists what was asked for, and the edges that it has", func(t *testing.T) {
		s, _, _, _ := fleet(t)
		p := eu()
		p.MinReady, p.CanarySoak = 1, 10*time.Second
		us := s.put(edge.Placement{Name: "us", EdgeLabels: edge.Labels{"region": "us"}})
		first := s.put(p)
		p.CreatedAt = s.Clock.Now()
		want := app.PlacementView{Placement: p, Edges: 2, Canaries: 1}
		if diff := cmp.Diff(want, first); diff != "" {
			t.Errorf("not as wanted (-want +got):\n%s", diff)
		}
		s.Clock.Advance(time.Hour)
		p.MinReady, p.CreatedAt = 2, s.Clock.Now()
		want.Placement.MinReady = 2
		if diff := cmp.Diff(want, s.put(p)); diff != "" {
			t.Errorf("replaced, it is not as wanted (-want +got):\n%s", diff)
		}
		got, err := s.App.ListPlacements(t.Context())
		if diff := cmp.Diff([]app.PlacementView{want, us}, got); diff != "" || err != nil {
			t.Errorf("listed otherwise: %v\n%s", err, diff)
		}
		s.Evict(s.EdgeIDs()[2])
		if got, err := s.App.ListPlacements(t.Context()); err != nil || got[0].Edges != 1 || got[0].Canaries != 0 {
			t.Errorf("with an evicted edge it is listed as %+v, %v", got, err)
		}
	})
	t.Run("writes down what was and what is, and tells of what is new", func(t *testing.T) {
		s, _, _, _ := fleet(t)
		p := eu()
		s.put(p)
		p.CanarySoak = 10 * time.Second
		s.put(p)
		before := s.Dump()
		const plain, soaking = `{"edge_labels":{"region":"eu"},"min_ready":0,"canary_soak":"0s"}`, `{"edge_labels":{"region":"eu"},"min_ready":0,"canary_soak":"10s"}`
		if e := s.lastAudit(); e.Before != plain || e.After != soaking || e.ObjectID != "eu" || e.TenantID != "" {
			t.Errorf("the audit has %+v", e)
		}
		s.put(p)
		if added := s.Dump().Added(before); added["outbox"] != 0 || added["audit"] != 1 {
			t.Errorf("what changes nothing leaves %v", added)
		}
	})
	t.Run("has the edges sent everything that the sites of it come to or leave", func(t *testing.T) {
		s, bare, eu2, canary := fleet(t)
		s.put(eu())
		s.wantAnew() // nobody has it yet
		shop := s.placed("Shop", "eu")
		s.Settle()
		s.wantOn(shop, eu2, canary)
		s.put(edge.Placement{Name: "eu", EdgeLabels: edge.Labels{"canary": "true"}, MinReady: 1})
		s.wantAnew(eu2)
		s.Run()
		s.put(edge.Placement{Name: "eu"})
		s.wantAnew(bare, eu2)
		s.Settle()
		s.wantOn(shop, bare, eu2, canary)
	})
	t.Run("moves the sites without one where it is the default", func(t *testing.T) {
		s, bare, eu2, canary := fleet(t)
		shop, other := s.placed("Shop", ""), s.placed("Other", edge.Default)
		s.Settle()
		s.wantOn(shop, bare, eu2, canary)
		stays := s.put(edge.Placement{Name: "all"})
		in := s.placed("Stays", "all")
		s.Settle()
		s.put(edge.Placement{Name: edge.Default, EdgeLabels: edge.Labels{"region": "eu"}})
		s.wantAnew(bare)
		s.Settle()
		s.wantOn(shop, eu2, canary)
		s.wantOn(other, eu2, canary)
		s.wantOn(in, bare, eu2, canary)
		if stays.Edges != 3 {
			t.Errorf("the other placement is %+v", stays)
		}
	})
	t.Run("has canaries looked at that need to soak no more", func(t *testing.T) {
		s, _, _, canary := fleet(t)
		p := eu()
		p.CanarySoak = time.Hour
		s.put(p)
		s.Run()
		p.CanarySoak = 0
		s.put(p)
		if needs, due := s.needsWhole(); len(needs) != 0 || !slices.Contains(due, canary) {
			t.Errorf("%v are sent everything, %v are looked at", needs, due)
		}
	})
	t.Run("holds what many sites leave, until somebody lets it go", func(t *testing.T) {
		s, _, eu2, _ := fleet(t)
		s.put(eu())
		for i := range 8 {
			s.placed(fmt.Sprintf("Shop %d", i), "eu")
		}
		s.Settle()
		s.label(eu2, nil)
		s.RunFor(time.Minute)
		holds := s.Holds()
		if len(holds) != 1 || holds[0].Target.ID != string(eu2) || len(s.Edges.Host(eu2).Sites()) != 8 {
			t.Fatalf("the holds are %+v, and it has %d sites", holds, len(s.Edges.Host(eu2).Sites()))
		}
		s.Confirm(holds[0])
		s.RunFor(time.Minute)
		if left := s.Edges.Host(eu2).Sites(); len(left) != 0 {
			t.Errorf("it still has %d sites", len(left))
		}
	})
	t.Run("may ask for more edges than there are", func(t *testing.T) {
		s, _, eu2, canary := fleet(t)
		p := eu()
		p.MinReady = 3
		s.put(p)
		shop := s.placed("Shop", "eu")
		s.RunFor(time.Minute)
		if got := s.Get(shop); got.Site.Status != site.Provisioning || got.Operation == nil {
			t.Errorf("the site is %+v", got.Site)
		}
		s.wantOn(shop, eu2, canary)
		p.MinReady = 2
		s.put(p)
		s.RunFor(time.Minute)
		if got := s.Get(shop).Site.Status; got != site.Active {
			t.Errorf("with as many as there are the site is %s", got)
		}
	})
}

func TestPutPlacement_refuses(t *testing.T) {
	s, _, _, _ := fleet(t)
	many := edge.Labels{}
	for i := range 33 {
		many[fmt.Sprintf("key%d", i)] = ""
	}
	for name, test := range map[string]struct {
		placement edge.Placement
		field     string
	}{
		"no name":                {edge.Placement{}, "placement.name"},
		"a name with capitals":   {edge.Placement{Name: "EU"}, "placement.name"},
		"a name that ends badly": {edge.Placement{Name: "eu-"}, "placement.name"},
		"a label without a key":  {edge.Placement{Name: "eu", EdgeLabels: edge.Labels{"": "eu"}}, "placement.edge_labels"},
		"a key with capitals":    {edge.Placement{Name: "eu", EdgeLabels: edge.Labels{"Region": "eu"}}, "placement.edge_labels"},
		"a value with a space":   {edge.Placement{Name: "eu", EdgeLabels: edge.Labels{"region": "e u"}}, "placement.edge_labels"},
		"a value of two lines":   {edge.Placement{Name: "eu", EdgeLabels: edge.Labels{"region": "eu\n"}}, "placement.edge_labels"},
		"too many labels":        {edge.Placement{Name: "eu", EdgeLabels: many}, "placement.edge_labels"},
		"fewer than no edges":    {edge.Placement{Name: "eu", MinReady: -1}, "placement.min_ready"},
		"too many edges":         {edge.Placement{Name: "eu", MinReady: 1001}, "placement.min_ready"},
		"a soak below nothing":   {edge.Placement{Name: "eu", CanarySoak: -1}, "placement.canary_soak"},
		"a soak without an end":  {edge.Placement{Name: "eu", CanarySoak: 8 * 24 * time.Hour}, "placement.canary_soak"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := s.App.PutPlacement(t.Context(), s.Caller, test.placement, "")
			wantViolation(t, err, test.field, "")
		})
	}
	if got, err := s.App.ListPlacements(t.Context()); len(got) != 0 || err != nil {
		t.Errorf("there are %+v, %v", got, err)
	}
}

func TestDeletePlacement(t *testing.T) {
	remove := func(s scene, name string) error { return s.App.DeletePlacement(s.t.Context(), s.Caller, name, "") }
	t.Run("not while sites have it, whoever's", func(t *testing.T) {
		s, _, _, _ := fleet(t)
		s.put(eu())
		in := named("Shop")
		in.Placement = "eu"
		view, err := s.App.CreateSite(t.Context(), s.NewTenant("other"), in, "")
		must(t, err)
		wantPrecondition(t, remove(s, "eu"))
		s.Settle()
		wantPrecondition(t, remove(s, "eu"))
		s.Delete(view.Site)
		wantPrecondition(t, remove(s, "eu"))
		s.Settle()
		must(t, remove(s, "eu"))
		s.wantAnew()
		wantNotFound(t, remove(s, "eu"))
	})
	t.Run("leaves every edge to the sites that had the default one", func(t *testing.T) {
		s, bare, eu2, canary := fleet(t)
		s.put(edge.Placement{Name: edge.Default, EdgeLabels: edge.Labels{"region": "eu"}})
		shop := s.placed("Shop", "")
		s.Settle()
		s.wantOn(shop, eu2, canary)
		must(t, remove(s, edge.Default))
		s.wantAnew(bare)
		s.Settle()
		s.wantOn(shop, bare, eu2, canary)
	})
	t.Run("writes down what was", func(t *testing.T) {
		s, _, _, _ := fleet(t)
		s.put(eu())
		must(t, remove(s, "eu"))
		if e := s.lastAudit(); e.Before == "" || e.After != "" || e.ObjectID != "eu" {
			t.Errorf("the audit has %+v", e)
		}
	})
	t.Run("no unknown one", func(t *testing.T) {
		s, _, _, _ := fleet(t)
		for _, name := range []string{"eu", edge.Default, ""} {
			wantNotFound(t, remove(s, name))
		}
	})
}

func TestUpdateEdge(t *testing.T) {
	t.Run("replaces what is given and leaves what is not", func(t *testing.T) {
		s, bare, _, _ := fleet(t)
		was := s.Edge(bare)
		view := s.label(bare, edge.Labels{"region": "us", "tier": ""})
		if !maps.Equal(view.Edge.Labels, edge.Labels{"region": "us", "tier": ""}) || !slices.Equal(view.Edge.PublicAddresses, was.PublicAddresses) {
			t.Errorf("with labels it is %+v", view.Edge)
		}
		addresses := []string{"192.0.2.1", "2001:DB8::1", "::ffff:192.0.2.1", "192.0.2.1"}
		view, err := s.App.UpdateEdge(t.Context(), s.Caller, bare, app.EdgeChange{PublicAddresses: &addresses}, "")
		must(t, err)
		if want := []string{"192.0.2.1", "2001:db8::1"}; !slices.Equal(view.Edge.PublicAddresses, want) || len(view.Edge.Labels) != 2 {
			t.Errorf("with addresses it is %+v", view.Edge)
		}
		view, err = s.App.UpdateEdge(t.Context(), s.Caller, bare, app.EdgeChange{PublicAddresses: &[]string{}, Labels: &edge.Labels{}}, "")
		must(t, err)
		if len(view.Edge.PublicAddresses) != 0 || len(view.Edge.Labels) != 0 {
			t.Errorf("without anything it is %+v", view.Edge)
		}
		if got := s.Edge(bare); got.Name != was.Name || got.Address != was.Address || got.ProvenGeneration != was.ProvenGeneration {
			t.Errorf("the rest is %+v, was %+v", got, was)
		}
	})
	t.Run("writes down what was and what is", func(t *testing.T) {
		s, _, eu2, _ := fleet(t)
		name := s.Edge(eu2).Name
		s.label(eu2, nil)
		e := s.lastAudit()
		want := fmt.Sprintf(`{"name":%q,"labels":{"region":"eu"},"public_addresses":["%s"]}`, name, s.Edge(eu2).PublicAddresses[0])
		if e.Before != want || e.ObjectID != string(eu2) || e.TenantID != "" || e.After == e.Before {
			t.Errorf("the audit has %+v, want %s before", e, want)
		}
		before := s.Dump()
		s.label(eu2, nil)
		if added := s.Dump().Added(before); added["outbox"] != 0 || added["audit"] != 1 {
			t.Errorf("what changes nothing leaves %v", added)
		}
	})
	t.Run("has an edge sent everything that other placements select then", func(t *testing.T) {
		s, bare, eu2, canary := fleet(t)
		s.put(eu())
		shop := s.placed("Shop", "eu")
		more := s.placed("More", "")
		s.Settle()
		s.label(bare, edge.Labels{"tier": "free"})
		s.wantAnew()
		s.label(bare, edge.Labels{"region": "eu"})
		s.wantAnew(bare)
		s.Settle()
		s.wantOn(shop, bare, eu2, canary)
		s.label(eu2, edge.Labels{"region": "us"})
		s.wantAnew(eu2)
		s.Settle()
		s.wantOn(shop, bare, canary)
		s.wantOn(more, bare, eu2, canary)
	})
	t.Run("has the others looked at when a canary is none any more", func(t *testing.T) {
		s, bare, eu2, canary := fleet(t)
		s.label(canary, edge.Labels{"region": "eu"})
		needs, due := s.needsWhole()
		if len(needs) != 0 || !slices.Equal(due, []id.Edge{bare, eu2, canary}) {
			t.Errorf("%v are sent everything, %v are looked at", needs, due)
		}
	})
	t.Run("refuses what is wrong", func(t *testing.T) {
		s, bare, _, _ := fleet(t)
		update := func(edgeID id.Edge, change app.EdgeChange) error {
			_, err := s.App.UpdateEdge(t.Context(), s.Caller, edgeID, change, "")
			return err
		}
		wantViolation(t, update(bare, app.EdgeChange{}), "labels", "")
		wantViolation(t, update(bare, app.EdgeChange{Labels: &edge.Labels{"A": ""}}), "labels.labels", "")
		for _, address := range []string{"", "shop.example", "192.0.2.1:80", "fe80::1%eth0", "192.0.2.0/24"} {
			wantViolation(t, update(bare, app.EdgeChange{PublicAddresses: &[]string{address}}), "public_addresses.addresses", "")
		}
		good := app.EdgeChange{Labels: &edge.Labels{"region": "eu"}}
		wantNotFound(t, update("edge_1", good))
		s.Evict(bare)
		wantPrecondition(t, update(bare, good))
	})
}

func TestCreateSite_with_a_placement(t *testing.T) {
	s, bare, eu2, canary := fleet(t)
	s.put(eu())
	t.Run("is on its edges only", func(t *testing.T) {
		shop := s.placed("Shop", "eu")
		s.Settle()
		if got := s.Get(shop); got.Site.Placement != "eu" || got.Site.Status != site.Active {
			t.Errorf("the site is %+v", got.Site)
		}
		s.wantOn(shop, eu2, canary)
	})
	t.Run("has none with the default one", func(t *testing.T) {
		plain := s.placed("Plain", edge.Default)
		s.Settle()
		if got := s.Get(plain).Site; got.Placement != "" {
			t.Errorf("the site is %+v", got)
		}
		s.wantOn(plain, bare, eu2, canary)
	})
	t.Run("is refused with one that there is not", func(t *testing.T) {
		in := named("Nowhere")
		in.Placement = "us"
		_, err := s.App.CreateSite(t.Context(), s.Caller, in, "")
		wantViolation(t, err, "site.placement", "")
	})
	t.Run("keeps it", func(t *testing.T) {
		shop := s.placed("Kept", "eu")
		plain := s.placed("Not kept", "")
		update := func(of site.Site, placement string) error {
			change := renamed("Renamed " + of.Slug)
			change.Placement = &placement
			_, err := s.App.UpdateSite(t.Context(), s.Caller, of.ID, change, "")
			return err
		}
		for _, wrong := range []string{"", "us", edge.Default} {
			wantViolation(t, update(shop, wrong), "site.placement", "")
		}
		wantViolation(t, update(plain, "eu"), "site.placement", "")
		must(t, errors.Join(update(shop, "eu"), update(plain, ""), update(plain, edge.Default)))
		if got := s.Get(shop).Site; got.Placement != "eu" || got.Name != "Renamed kept" {
			t.Errorf("the site is %+v", got)
		}
	})
	t.Run("is in the audit with it", func(t *testing.T) {
		s.placed("Audited", "eu")
		if e := s.lastAudit(); e.Action != "CreateSite" || !strings.Contains(e.After, `"placement":"eu"`) {
			t.Errorf("the audit has %+v", e)
		}
	})
}

// What a tenant sees and does of placements is no more than to choose one.
func TestPlacements_of_tenants(t *testing.T) {
	s, _, _, _ := fleet(t)
	s.put(eu())
	key := s.As(s.NewTenant("acme").TenantID, auth.Operator)
	in := named("Shop")
	in.Placement = "eu"
	view, err := s.App.CreateSite(t.Context(), key, in, "")
	must(t, err)
	if view.Site.Placement != "eu" {
		t.Errorf("the site is %+v", view.Site)
	}
	var limited *lifecycle.NotFoundError
	if _, err := s.App.GetSite(t.Context(), s.Caller, view.Site.ID); !errors.As(err, &limited) {
		t.Errorf("another tenant is answered %v", err)
	}
}
