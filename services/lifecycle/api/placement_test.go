package api_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/auth"
	"github.com/siteplane/siteplane/services/lifecycle/edge"
)

// inEurope is a placement of edges in Europe.
func inEurope() *lifecyclev1.Placement {
	return &lifecyclev1.Placement{
		Name: "eu", EdgeLabels: map[string]string{"region": "eu"}, MinReady: 1, CanarySoak: durationpb.New(10 * time.Second),
	}
}

// label gives the first edge labels.
func (s *server) label(labels map[string]string) (*lifecyclev1.UpdateEdgeResponse, error) {
	return s.infra.UpdateEdge(as(s.T, s.keyOf[auth.PlatformAdmin]), &lifecyclev1.UpdateEdgeRequest{
		EdgeId: string(s.world.EdgeIDs()[0]), Labels: &lifecyclev1.EdgeLabels{Labels: labels},
	})
}

func TestInfrastructureService_placements(t *testing.T) {
	s := setup(t)
	ctx, tenant := as(t, s.keyOf[auth.PlatformAdmin]), as(t, s.keyOf[auth.Viewer])
	labelled, err := s.label(map[string]string{"region": "eu", "canary": "true"})
	s.must(err)
	if got := labelled.GetEdge().GetLabels(); len(got) != 2 || got["region"] != "eu" {
		t.Errorf("the edge has %v", got)
	}
	want := inEurope()
	want.EdgeCount, want.CanaryCount = 1, 1
	t.Run("are made and listed, for every key", func(t *testing.T) {
		made, err := s.infra.PutPlacement(ctx, &lifecyclev1.PutPlacementRequest{Placement: inEurope()})
		s.must(err)
		want.CreateTime = made.GetPlacement().GetCreateTime()
		list, err := s.infra.ListPlacements(tenant, &lifecyclev1.ListPlacementsRequest{})
		s.must(err)
		if got := list.GetPlacements(); want.CreateTime == nil || !proto.Equal(made.GetPlacement(), want) || len(got) != 1 || !proto.Equal(got[0], want) {
			t.Errorf("made %v, listed %v, want %v", made, list, want)
		}
	})
	t.Run("are chosen by tenants", func(t *testing.T) {
		in := newSite("Shop")
		in.Site.Placement = "eu"
		made, err := s.sites.CreateSite(as(t, s.keyOf[auth.Operator]), in)
		s.must(err)
		s.world.Settle()
		got := s.got(made.GetSite().GetSiteId())
		if made.GetSite().GetPlacement() != "eu" || got.GetPlacement() != "eu" || got.GetStatus() != lifecyclev1.SiteStatus_SITE_STATUS_ACTIVE {
			t.Errorf("made %v, got %v", made, got)
		}
		for _, placement := range []string{"", "default"} {
			in := newSite("Plain " + placement)
			in.Site.Placement = placement
			made, err := s.sites.CreateSite(as(t, s.keyOf[auth.Operator]), in)
			s.must(err)
			if made.GetSite().GetPlacement() != "" {
				t.Errorf("with %q made %v", placement, made)
			}
		}
	})
	t.Run("are not made up by tenants", func(t *testing.T) {
		for _, placement := range []string{"us", "EU", "-", "a_b"} {
			in := newSite("Nowhere")
			in.Site.Placement = placement
			_, err := s.sites.CreateSite(as(t, s.keyOf[auth.Operator]), in)
			wantViolation(t, err, "site.placement", "")
		}
		in := newSite("Nowhere")
		in.Site.Placement = strings.Repeat("a", 41)
		_, err := s.sites.CreateSite(as(t, s.keyOf[auth.Operator]), in)
		wantError(t, err, codes.InvalidArgument, "INVALID_FIELDS")
	})
	t.Run("are not deleted while sites have them", func(t *testing.T) {
		_, err := s.infra.DeletePlacement(ctx, &lifecyclev1.DeletePlacementRequest{Name: "eu"})
		wantError(t, err, codes.FailedPrecondition, "PRECONDITION")
		_, err = s.infra.DeletePlacement(ctx, &lifecyclev1.DeletePlacementRequest{Name: "us"})
		wantError(t, err, codes.NotFound, "NOT_FOUND")
		_, err = s.infra.DeletePlacement(ctx, &lifecyclev1.DeletePlacementRequest{})
		wantViolation(t, err, "name", "")
	})
	t.Run("are not put wrong", func(t *testing.T) {
		for field, spoil := range map[string]func(p *lifecyclev1.Placement){
			"placement.name":        func(p *lifecyclev1.Placement) { p.Name = "E U" },
			"placement.edge_labels": func(p *lifecyclev1.Placement) { p.EdgeLabels = map[string]string{"Region": "eu"} },
			"placement.min_ready":   func(p *lifecyclev1.Placement) { p.MinReady = -1 },
			"placement.canary_soak": func(p *lifecyclev1.Placement) { p.CanarySoak = durationpb.New(-time.Second) },
		} {
			p := inEurope()
			spoil(p)
			_, err := s.infra.PutPlacement(ctx, &lifecyclev1.PutPlacementRequest{Placement: p})
			wantViolation(t, err, field, "")
		}
		for _, seconds := range []int64{1 << 62, -1 << 62} {
			p := inEurope()
			p.CanarySoak = &durationpb.Duration{Seconds: seconds, Nanos: -7}
			_, err := s.infra.PutPlacement(ctx, &lifecyclev1.PutPlacementRequest{Placement: p})
			wantViolation(t, err, "placement.canary_soak", "")
		}
		_, err := s.infra.PutPlacement(ctx, &lifecyclev1.PutPlacementRequest{})
		wantViolation(t, err, "placement", "")
	})
	t.Run("the same over REST", func(t *testing.T) {
		platform, viewer := s.keyOf[auth.PlatformAdmin], s.keyOf[auth.Viewer]
		put := s.call("PUT", "/v1/placements/us", platform, `{"placement": {"name": "us", "edgeLabels": {"region": "us"}, "canarySoak": "1.5s"}}`)
		if put.code != http.StatusOK || put.at("placement", "name") != "us" || put.at("placement", "canarySoak") != "1.500s" {
			t.Errorf("put %d %v", put.code, put.body)
		}
		if a := s.call("GET", "/v1/placements", viewer, nil); a.code != http.StatusOK || a.at("placements", 1, "name") != "us" || a.at("placements", 0, "edgeLabels", "region") != "eu" {
			t.Errorf("listed %d %v", a.code, a.body)
		}
		for _, key := range []string{viewer, s.keyOf[auth.Admin]} {
			wantRefused(t, s.call("PUT", "/v1/placements/us", key, `{"placement": {}}`), http.StatusForbidden, "7", "NOT_ALLOWED")
			wantRefused(t, s.call("DELETE", "/v1/placements/us", key, nil), http.StatusForbidden, "7", "NOT_ALLOWED")
		}
		if a := s.call("DELETE", "/v1/placements/us", platform, nil); a.code != http.StatusOK {
			t.Errorf("deleted %d %v", a.code, a.body)
		}
	})
}

func TestSiteService_UpdateSite_keeps_the_placement(t *testing.T) {
	s := setup(t)
	ctx := as(t, s.keyOf[auth.Operator])
	for _, name := range []string{"eu", "us"} {
		p := inEurope()
		p.Name, p.EdgeLabels = name, nil
		_, err := s.infra.PutPlacement(as(t, s.keyOf[auth.PlatformAdmin]), &lifecyclev1.PutPlacementRequest{Placement: p})
		s.must(err)
	}
	in := newSite("Shop")
	in.Site.Placement = "eu"
	made, err := s.sites.CreateSite(ctx, in)
	s.must(err)
	s.world.Settle()
	read := s.got(made.GetSite().GetSiteId())
	renamed := func(placement string, paths ...string) error {
		w := proto.CloneOf(read)
		w.Name, w.Etag, w.Placement = "Renamed", "", placement
		_, err := s.sites.UpdateSite(ctx, masked(w, paths...))
		return err
	}
	wantViolation(t, renamed("us"), "site.placement", "")
	wantViolation(t, renamed("eu", "placement"), "update_mask.paths[0]", "")
	s.must(renamed("eu"))
	s.must(renamed(""))
	s.must(renamed("us", "name")) // what the mask leaves out is not read
	_, err = s.sites.UpdateSite(ctx, &lifecyclev1.UpdateSiteRequest{Site: &lifecyclev1.Site{SiteId: read.GetSiteId(), Placement: "us"}})
	wantViolation(t, err, "update_mask", "")
	if got := s.got(read.GetSiteId()); got.GetPlacement() != "eu" || got.GetName() != "Renamed" {
		t.Errorf("the site is %v", got)
	}
}

func TestInfrastructureService_UpdateEdge(t *testing.T) {
	s := setup(t)
	ctx := as(t, s.keyOf[auth.PlatformAdmin])
	edgeID := string(s.world.EdgeIDs()[0])
	update := func(change func(req *lifecyclev1.UpdateEdgeRequest)) (*lifecyclev1.Edge, error) {
		req := &lifecyclev1.UpdateEdgeRequest{EdgeId: edgeID}
		change(req)
		answer, err := s.infra.UpdateEdge(ctx, req)
		return answer.GetEdge(), err
	}
	addresses := func(list ...string) func(req *lifecyclev1.UpdateEdgeRequest) {
		return func(req *lifecyclev1.UpdateEdgeRequest) {
			req.PublicAddresses = &lifecyclev1.EdgeAddresses{Addresses: list}
		}
	}
	t.Run("gives addresses and leaves the labels", func(t *testing.T) {
		_, err := s.label(map[string]string{"region": "eu"})
		s.must(err)
		e, err := update(addresses("192.0.2.1", "2001:db8::1"))
		if err != nil || len(e.GetPublicAddresses()) != 2 || e.GetLabels()["region"] != "eu" || e.GetEdgeId() != edgeID || e.GetName() == "" {
			t.Errorf("updated %v, %v", e, err)
		}
		if e, err = update(addresses()); err != nil || len(e.GetPublicAddresses()) != 0 || len(e.GetLabels()) != 1 {
			t.Errorf("updated %v, %v", e, err)
		}
		list, err := s.infra.ListEdges(ctx, &lifecyclev1.ListEdgesRequest{})
		if err != nil || len(list.GetEdges()[0].GetLabels()) != 1 {
			t.Errorf("listed %v, %v", list, err)
		}
	})
	t.Run("names what is wrong", func(t *testing.T) {
		_, err := update(addresses("shop.example"))
		wantViolation(t, err, "public_addresses.addresses[0]", "")
		_, err = update(addresses("fe80::1%eth0"))
		wantError(t, err, codes.InvalidArgument, "INVALID_FIELDS")
		_, err = update(func(*lifecyclev1.UpdateEdgeRequest) {})
		wantViolation(t, err, "labels", "")
		_, err = update(func(req *lifecyclev1.UpdateEdgeRequest) { req.EdgeId = "" })
		wantError(t, err, codes.InvalidArgument, "INVALID_FIELDS")
		_, err = update(func(req *lifecyclev1.UpdateEdgeRequest) {
			req.EdgeId, req.Labels = "edge_unknown", &lifecyclev1.EdgeLabels{}
		})
		wantError(t, err, codes.NotFound, "NOT_FOUND")
	})
	t.Run("not of one that was evicted", func(t *testing.T) {
		s.world.Evict(s.world.EdgeIDs()[0])
		_, err := s.label(nil)
		wantError(t, err, codes.FailedPrecondition, "PRECONDITION")
	})
}

// The protos have the rules of labels for edges, package edge those for placements.
func TestLabels_follow_one_rule(t *testing.T) {
	s := setup(t)
	long := strings.Repeat("a", 63)
	for _, text := range []string{
		"", "a", "0", "A", "region", "Region", "a-b", "a.b", "a_b", "a/b", "a-", "-a", "a/", "/a", ".", "a b", "a\n", "\n", "é", "a=b", "a,b",
		long, long + "a", "a\x00", "a\u200b", "ſ", "K",
	} {
		for what, labels := range map[string]map[string]string{"key": {text: "x"}, "value": {"x": text}} {
			var problems lifecycle.Violations
			edge.Labels(labels).Check(&problems, "labels")
			_, err := s.label(labels)
			if refused := problems.Err() != nil; refused != (err != nil) {
				t.Errorf("%s %q: the protos say %v, the placement's rule %v", what, text, err, problems)
			}
		}
	}
}
