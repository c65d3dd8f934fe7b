package api_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
	"github.com/siteplane/siteplane/services/lifecycle/auth"
)

// got reads a site of the first tenant.
func (s *server) got(siteID string) *lifecyclev1.Site {
	s.Helper()
	found, err := s.sites.GetSite(as(s.T, s.keyOf[auth.Viewer]), &lifecyclev1.GetSiteRequest{SiteId: siteID})
	s.must(err)
	return found.GetSite()
}

// websocketSpec differs from a new site's spec in one option.
func websocketSpec() *lifecyclev1.SiteSpec {
	spec := newSite("").GetSite().GetSpec()
	spec.Options = &lifecyclev1.SiteOptions{Websocket: true}
	return spec
}

func masked(site *lifecyclev1.Site, paths ...string) *lifecyclev1.UpdateSiteRequest {
	return &lifecyclev1.UpdateSiteRequest{Site: site, UpdateMask: &fieldmaskpb.FieldMask{Paths: paths}}
}

func TestSiteService_UpdateSite(t *testing.T) {
	s := setup(t)
	ctx := as(t, s.keyOf[auth.Operator])
	siteID := s.create("Shop")
	s.world.Settle()
	t.Run("brings a new revision to the edges", func(t *testing.T) {
		updated, err := s.sites.UpdateSite(ctx, masked(&lifecyclev1.Site{SiteId: siteID, Spec: websocketSpec(), Etag: s.got(siteID).GetEtag()}, "spec"))
		s.must(err)
		if got := updated.GetSite(); got.GetRevision() != 2 || got.GetConfirmedRevision() != 1 || got.GetName() != "Shop" || !got.GetSpec().GetOptions().GetWebsocket() {
			t.Errorf("updated %v", got)
		}
		if op := updated.GetOperation(); op.GetKind() != "update_site" || op.GetObjectId() != siteID || len(op.GetTraceId()) != 32 {
			t.Errorf("the operation is %v", op)
		}
		s.world.Settle()
		if got := s.got(siteID); got.GetConfirmedRevision() != 2 || got.GetStatus() != lifecyclev1.SiteStatus_SITE_STATUS_ACTIVE {
			t.Errorf("in the end it is %v", got)
		}
	})
	t.Run("changes only what the mask names", func(t *testing.T) {
		updated, err := s.sites.UpdateSite(ctx, masked(&lifecyclev1.Site{SiteId: siteID, Name: "The Shop", Spec: newSite("").GetSite().GetSpec()}, "name"))
		s.must(err)
		if got := updated.GetSite(); got.GetName() != "The Shop" || got.GetRevision() != 2 || updated.GetOperation() != nil {
			t.Errorf("updated %v", updated)
		}
	})
	t.Run("without a mask, what is given", func(t *testing.T) {
		updated, err := s.sites.UpdateSite(ctx, &lifecyclev1.UpdateSiteRequest{Site: &lifecyclev1.Site{SiteId: siteID, Name: "Shop"}})
		s.must(err)
		if got := updated.GetSite(); got.GetName() != "Shop" || got.GetRevision() != 2 {
			t.Errorf("updated %v", got)
		}
	})
	t.Run("a site as it was read changes nothing", func(t *testing.T) {
		before := s.got(siteID)
		updated, err := s.sites.UpdateSite(ctx, &lifecyclev1.UpdateSiteRequest{Site: before})
		s.must(err)
		if got := updated.GetSite(); got.GetEtag() != before.GetEtag() || updated.GetOperation() != nil {
			t.Errorf("updated %v", updated)
		}
	})
	t.Run("an etag that is not the site's is a lost race", func(t *testing.T) {
		stale := s.got(siteID).GetEtag()
		_, err := s.sites.UpdateSite(ctx, masked(&lifecyclev1.Site{SiteId: siteID, Name: "First", Etag: stale}, "name"))
		s.must(err)
		for _, etag := range []string{stale, "0", "-1", "no etag", strings.Repeat("z", 40)} {
			_, err := s.sites.UpdateSite(ctx, masked(&lifecyclev1.Site{SiteId: siteID, Name: "Second", Etag: etag}, "name"))
			wantError(t, err, codes.Aborted, "LOST_RACE")
		}
		if got := s.got(siteID).GetName(); got != "First" {
			t.Errorf("the name is %q", got)
		}
	})
	t.Run("a request that is repeated changes nothing", func(t *testing.T) {
		req := masked(&lifecyclev1.Site{SiteId: siteID, Spec: newSite("").GetSite().GetSpec(), Etag: s.got(siteID).GetEtag()}, "spec")
		req.RequestId = "update-1"
		first, err := s.sites.UpdateSite(ctx, req)
		s.must(err)
		s.world.Settle()
		again, err := s.sites.UpdateSite(ctx, req)
		s.must(err)
		if !proto.Equal(again, first) {
			t.Errorf("first answered %v, then %v", first, again)
		}
		req.Site.Spec = websocketSpec()
		_, err = s.sites.UpdateSite(ctx, req)
		wantError(t, err, codes.AlreadyExists, "REQUEST_ID_REUSED")
	})
	t.Run("not of one that is on its way out", func(t *testing.T) {
		other := s.create("Other")
		s.must(methods["DeleteSite"](ctx, s.sites, other))
		wantError(t, methods["UpdateSite"](ctx, s.sites, other), codes.FailedPrecondition, "PRECONDITION")
	})
}

func TestSiteService_UpdateSite_names_what_is_wrong(t *testing.T) {
	s := setup(t)
	ctx := as(t, s.keyOf[auth.Operator])
	siteID := s.create("Shop")
	s.world.Settle()
	etag := s.got(siteID).GetEtag()
	spec := func(change func(*lifecyclev1.SiteSpec)) *lifecyclev1.UpdateSiteRequest {
		w := websocketSpec()
		change(w)
		return masked(&lifecyclev1.Site{SiteId: siteID, Spec: w}, "spec")
	}
	for name, tt := range map[string]struct {
		req   *lifecyclev1.UpdateSiteRequest
		field string
	}{
		"no id":                {masked(&lifecyclev1.Site{Name: "a"}, "name"), "site.site_id"},
		"nothing to change":    {masked(&lifecyclev1.Site{SiteId: siteID}), "update_mask"},
		"a path of no field":   {masked(&lifecyclev1.Site{SiteId: siteID, Name: "a"}, "name", "colour"), "update_mask.paths[1]"},
		"a path that is fixed": {masked(&lifecyclev1.Site{SiteId: siteID, Slug: "a"}, "slug"), "update_mask.paths[0]"},
		"a path below a spec":  {masked(&lifecyclev1.Site{SiteId: siteID, Spec: websocketSpec()}, "spec.options"), "update_mask.paths[0]"},
		"a path to all":        {masked(&lifecyclev1.Site{SiteId: siteID, Name: "a"}, "*"), "update_mask.paths[0]"},
		"an empty name":        {masked(&lifecyclev1.Site{SiteId: siteID, Spec: websocketSpec()}, "name", "spec"), "site.name"},
		"a long name":          {masked(&lifecyclev1.Site{SiteId: siteID, Name: strings.Repeat("a", 101)}), "site.name"},
		"no spec":              {masked(&lifecyclev1.Site{SiteId: siteID, Name: "a"}, "spec"), "site.spec"},
		"no backend":           {spec(func(w *lifecyclev1.SiteSpec) { w.Backend = nil }), "site.spec.backend"},
		"a weight":             {spec(func(w *lifecyclev1.SiteSpec) { w.GetOrigin().Targets[0].Weight = 101 }), "site.spec.origin.targets[0].weight"},
		"a hostname":           {spec(func(w *lifecyclev1.SiteSpec) { w.GetOrigin().Targets[0].Address = "example.com:80" }), "site.spec.origin.targets[0].address"},
		"a timeout":            {spec(func(w *lifecyclev1.SiteSpec) { w.Options.ReadTimeout = durationpb.New(2 * time.Hour) }), "site.spec.options.read_timeout"},
		"a control character": {spec(func(w *lifecyclev1.SiteSpec) {
			w.Options.ResponseHeaders = []*lifecyclev1.Header{{Name: "X-A", Value: "a\nb"}}
		}), "site.spec.options.response_headers[0].value"},
		"a long request id": {&lifecyclev1.UpdateSiteRequest{Site: &lifecyclev1.Site{SiteId: siteID, Name: "a"}, RequestId: strings.Repeat("a", 65)}, "request_id"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := s.sites.UpdateSite(ctx, tt.req)
			wantViolation(t, err, tt.field, "")
		})
	}
	t.Run("what the mask leaves out need not be right", func(t *testing.T) {
		_, err := s.sites.UpdateSite(ctx, masked(&lifecyclev1.Site{SiteId: siteID, Name: "Shop", Slug: "-", Spec: &lifecyclev1.SiteSpec{}}, "name"))
		s.must(err)
	})
	if got := s.got(siteID); got.GetEtag() != etag {
		t.Errorf("the site was changed: %v", got)
	}
}

func TestREST_UpdateSite(t *testing.T) {
	s := setup(t)
	key := s.keyOf[auth.Operator]
	siteID := s.create("Shop")
	s.world.Settle()
	path := "/v1/sites/" + siteID
	t.Run("with a mask", func(t *testing.T) {
		a := s.call("PATCH", path, key, `{"site": {"name": "ignored", "spec": {"redirect": {"baseUrl": "https://shop.example"}}}, "updateMask": "spec"}`)
		if a.code != http.StatusOK || a.at("site", "revision") != "2" || a.at("site", "name") != "Shop" || a.at("site", "spec", "redirect", "statusCode") != "308" ||
			a.at("operation", "kind") != "update_site" {
			t.Errorf("updated %d %v", a.code, a.body)
		}
		s.world.Settle()
	})
	t.Run("without one, and with its etag", func(t *testing.T) {
		etag := s.call("GET", path, key, nil).at("site", "etag")
		body := `{"site": {"name": "The Shop", "etag": "` + etag + `"}}`
		if a := s.call("PATCH", path, key, body); a.code != http.StatusOK || a.at("site", "name") != "The Shop" || a.at("site", "revision") != "2" {
			t.Errorf("updated %d %v", a.code, a.body)
		}
		wantRefused(t, s.call("PATCH", path, key, body), http.StatusConflict, "10", "LOST_RACE")
	})
	t.Run("the site is that of the path", func(t *testing.T) {
		other := s.create("Other")
		if a := s.call("PATCH", path, key, `{"site": {"siteId": "`+other+`", "name": "Mine"}}`); a.code != http.StatusOK || a.at("site", "siteId") != siteID {
			t.Errorf("updated %d %v", a.code, a.body)
		}
	})
	t.Run("errors", func(t *testing.T) {
		wantRefused(t, s.call("PATCH", path, key, `{"site": {"slug": "x"}, "updateMask": "slug"}`), http.StatusBadRequest, "3", "INVALID_FIELDS")
		wantRefused(t, s.call("PATCH", path, key, `{}`), http.StatusBadRequest, "3", "INVALID_FIELDS")
		wantRefused(t, s.call("PATCH", path, s.keyOf[auth.Viewer], `{"site": {"name": "x"}}`), http.StatusForbidden, "7", "NOT_ALLOWED")
		wantRefused(t, s.call("PATCH", path, s.key(s.world.NewTenant("other"), auth.Admin), `{"site": {"name": "x"}}`), http.StatusNotFound, "5", "NOT_FOUND")
	})
}
