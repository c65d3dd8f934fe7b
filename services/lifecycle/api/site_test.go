package api_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
	"github.com/siteplane/siteplane/internal/platform/rpcerr"
	"github.com/siteplane/siteplane/services/lifecycle/auth"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/site"
	"github.com/siteplane/siteplane/services/lifecycle/store"
)

// methods calls every RPC that names a site.
var methods = map[string]func(context.Context, lifecyclev1.SiteServiceClient, string) error{
	"GetSite": func(ctx context.Context, c lifecyclev1.SiteServiceClient, siteID string) error {
		_, err := c.GetSite(ctx, &lifecyclev1.GetSiteRequest{SiteId: siteID})
		return err
	},
	"UpdateSite": func(ctx context.Context, c lifecyclev1.SiteServiceClient, siteID string) error {
		_, err := c.UpdateSite(ctx, &lifecyclev1.UpdateSiteRequest{Site: &lifecyclev1.Site{SiteId: siteID, Name: "Mine"}})
		return err
	},
	"DeleteSite": func(ctx context.Context, c lifecyclev1.SiteServiceClient, siteID string) error {
		_, err := c.DeleteSite(ctx, &lifecyclev1.DeleteSiteRequest{SiteId: siteID})
		return err
	},
	"RetrySite": func(ctx context.Context, c lifecyclev1.SiteServiceClient, siteID string) error {
		_, err := c.RetrySite(ctx, &lifecyclev1.RetrySiteRequest{SiteId: siteID})
		return err
	},
	"SetPrimaryDomain": func(ctx context.Context, c lifecyclev1.SiteServiceClient, siteID string) error {
		_, err := c.SetPrimaryDomain(ctx, &lifecyclev1.SetPrimaryDomainRequest{SiteId: siteID, DomainId: "dom_1"})
		return err
	},
	"RollbackSite": func(ctx context.Context, c lifecyclev1.SiteServiceClient, siteID string) error {
		_, err := c.RollbackSite(ctx, &lifecyclev1.RollbackSiteRequest{SiteId: siteID, Revision: 1})
		return err
	},
	"ListSiteRevisions": func(ctx context.Context, c lifecyclev1.SiteServiceClient, siteID string) error {
		_, err := c.ListSiteRevisions(ctx, &lifecyclev1.ListSiteRevisionsRequest{SiteId: siteID})
		return err
	},
	"GetSiteTimeline": func(ctx context.Context, c lifecyclev1.SiteServiceClient, siteID string) error {
		_, err := c.GetSiteTimeline(ctx, &lifecyclev1.GetSiteTimelineRequest{SiteId: siteID})
		return err
	},
}

func wantError(t *testing.T, err error, code codes.Code, reason string) {
	t.Helper()
	if status.Code(err) != code || rpcerr.Reason(err) != reason {
		t.Errorf("answered %v (reason %q), want %s %s", err, rpcerr.Reason(err), code, reason)
	}
}

func TestSiteService_lives_through_a_site(t *testing.T) {
	s := setup(t)
	ctx := as(t, s.keyOf[auth.Operator])
	req := newSite("My Shop")
	spec := req.GetSite().GetSpec()
	spec.Routes = []*lifecyclev1.Route{{PathPrefix: "/api/", StripPrefix: true, Origin: &lifecyclev1.Origin{Targets: []*lifecyclev1.Target{{Address: "8.8.8.8:80", Weight: 7}}}}}
	spec.Options = &lifecyclev1.SiteOptions{
		MaxBodyBytes: 5, ConnectTimeout: durationpb.New(time.Second), ReadTimeout: durationpb.New(2 * time.Second), Websocket: true,
		ResponseHeaders: []*lifecyclev1.Header{{Name: "X-A", Value: "1"}}, RequestHeaders: []*lifecyclev1.Header{{Name: "X-B", Value: "2"}},
		Maintenance: true,
	}
	created, err := s.sites.CreateSite(ctx, req)
	s.must(err)
	siteID := created.GetSite().GetSiteId()
	if got := created.GetSite(); got.GetStatus() != lifecyclev1.SiteStatus_SITE_STATUS_CREATED || got.GetSlug() != "my-shop" || got.GetEtag() == "" {
		t.Errorf("created %v", got)
	}
	want := proto.CloneOf(spec)
	want.GetOrigin().Targets[0].Weight = 1 // the default, filled in
	if got := created.GetSite().GetSpec(); !proto.Equal(got, want) {
		t.Errorf("the spec is %v, want %v", got, want)
	}
	if op := created.GetOperation(); op.GetKind() != "create_site" || op.GetState() != lifecyclev1.OperationState_OPERATION_STATE_PENDING || len(op.GetTraceId()) != 32 {
		t.Errorf("the operation is %v", op)
	}

	s.world.Settle()
	got, err := s.sites.GetSite(ctx, &lifecyclev1.GetSiteRequest{SiteId: siteID})
	s.must(err)
	if got.GetSite().GetStatus() != lifecyclev1.SiteStatus_SITE_STATUS_ACTIVE || got.GetOperation() != nil || got.GetSite().GetConfirmedRevision() != 1 {
		t.Errorf("got %v", got)
	}
	domain := got.GetSite().GetPrimaryDomain()
	if domain.GetHostname() != "my-shop.sites.example" || domain.GetMode() != lifecyclev1.DomainMode_DOMAIN_MODE_DIRECT ||
		domain.GetStatus() != lifecyclev1.DomainStatus_DOMAIN_STATUS_ACTIVE || domain.GetKind() != lifecyclev1.DomainKind_DOMAIN_KIND_PLATFORM {
		t.Errorf("the primary domain is %v", domain)
	}
	for _, c := range append(got.GetSite().GetConditions(), domain.GetConditions()...) {
		if c.GetStatus() == lifecyclev1.ConditionStatus_CONDITION_STATUS_UNSPECIFIED || c.GetReason() == "" || c.GetSince() == nil || c.GetTraceId() == "" {
			t.Errorf("condition %v", c)
		}
	}

	timeline, err := s.sites.GetSiteTimeline(ctx, &lifecyclev1.GetSiteTimelineRequest{SiteId: siteID})
	s.must(err)
	checkTimeline(t, timeline.GetEntries())

	deleted, err := s.sites.DeleteSite(ctx, &lifecyclev1.DeleteSiteRequest{SiteId: siteID})
	s.must(err)
	if deleted.GetSite().GetStatus() != lifecyclev1.SiteStatus_SITE_STATUS_DELETING || deleted.GetOperation().GetKind() != "delete_site" {
		t.Errorf("deleted %v", deleted)
	}
	again, err := s.sites.DeleteSite(ctx, &lifecyclev1.DeleteSiteRequest{SiteId: siteID})
	s.must(err)
	if again.GetOperation().GetOperationId() != deleted.GetOperation().GetOperationId() {
		t.Errorf("a second delete gives %v", again.GetOperation())
	}
	s.world.Settle()
	gone, err := s.sites.GetSite(ctx, &lifecyclev1.GetSiteRequest{SiteId: siteID})
	s.must(err)
	if gone.GetSite().GetStatus() != lifecyclev1.SiteStatus_SITE_STATUS_DELETED || gone.GetSite().GetSpec() != nil {
		t.Errorf("the tombstone is %v", gone)
	}
	_, err = s.sites.RetrySite(ctx, &lifecyclev1.RetrySiteRequest{SiteId: siteID})
	wantError(t, err, codes.FailedPrecondition, "ILLEGAL_TRANSITION")
}

func checkTimeline(t *testing.T, entries []*lifecyclev1.TimelineEntry) {
	t.Helper()
	var statuses, outcomes int
	for i, e := range entries {
		if e.GetTime() == nil || e.GetActor() == "" || e.GetOperationId() == "" || e.GetTraceId() == "" || e.GetObjectId() == "" || e.GetOperationKind() == "" {
			t.Errorf("entry %d is %v", i, e)
		}
		if e.GetStatus() != nil {
			statuses++
		}
		if step := e.GetStep(); step.GetPhase() == lifecyclev1.StepPhase_STEP_PHASE_OUTCOME {
			outcomes++
			if step.GetResult() == "" || step.GetDuration() == nil || step.GetExternalResponse() == "" {
				t.Errorf("entry %d is %v", i, e)
			}
		}
	}
	if statuses != 10 || outcomes < 6 {
		t.Errorf("%d changes of status and %d outcomes, want 10 and 6 at least", statuses, outcomes)
	}
}

func TestSiteService_tenants(t *testing.T) {
	s := setup(t)
	created, err := s.sites.CreateSite(as(t, s.keyOf[auth.Operator]), newSite("Shop"))
	s.must(err)
	siteID := created.GetSite().GetSiteId()
	stranger := as(t, s.key(s.world.NewTenant("other"), auth.Admin))
	for name, call := range methods {
		t.Run(name+" of another tenant's site is as of none", func(t *testing.T) {
			wantError(t, call(stranger, s.sites, siteID), codes.NotFound, "NOT_FOUND")
			wantError(t, call(stranger, s.sites, string(id.NewSite())), codes.NotFound, "NOT_FOUND")
			wantError(t, call(stranger, s.sites, "site' OR 1=1 --"), codes.NotFound, "NOT_FOUND")
		})
	}
	t.Run("every RPC with a site id is among them", func(t *testing.T) {
		for _, m := range lifecyclev1.SiteService_ServiceDesc.Methods {
			if _, ok := methods[m.MethodName]; !ok && m.MethodName != "CreateSite" && m.MethodName != "ListSites" {
				t.Errorf("%s is not tried as another tenant", m.MethodName)
			}
		}
	})
	t.Run("lists hold one's own only", func(t *testing.T) {
		list, err := s.sites.ListSites(stranger, &lifecyclev1.ListSitesRequest{})
		if err != nil || len(list.GetSites()) != 0 {
			t.Errorf("got %v, %v", list, err)
		}
	})
	t.Run("a page token is no way in", func(t *testing.T) {
		_, err := s.sites.CreateSite(as(t, s.keyOf[auth.Operator]), newSite("Second"))
		s.must(err)
		page, err := s.sites.ListSites(as(t, s.keyOf[auth.Viewer]), &lifecyclev1.ListSitesRequest{PageSize: 1})
		s.must(err)
		list, err := s.sites.ListSites(stranger, &lifecyclev1.ListSitesRequest{PageToken: page.GetNextPageToken()})
		if err != nil || len(list.GetSites()) != 0 {
			t.Errorf("got %v, %v", list, err)
		}
	})
	if got := s.world.Operations(s.world.Get(siteOf(s, siteID)).Site); len(got) != 1 {
		t.Errorf("after all that the site has operations %v", got)
	}
}

func TestSiteService_credentials(t *testing.T) {
	s := setup(t)
	good := s.keyOf[auth.Admin]
	revoked := s.key(s.world.Caller, auth.Admin)
	s.world.Update(func(ctx context.Context, tx store.Tx) error {
		return tx.RevokeKey(ctx, id.Key("key_"+strings.Split(revoked, "_")[1]), s.world.Clock.Now())
	})
	contexts := map[string]context.Context{
		"no key":         t.Context(),
		"an empty one":   as(t, ""),
		"a malformed":    as(t, "secret"),
		"a typing error": as(t, good+"0"),
		"a revoked":      as(t, revoked),
		"another scheme": metadata.AppendToOutgoingContext(t.Context(), "authorization", "Basic "+good),
		"no scheme":      metadata.AppendToOutgoingContext(t.Context(), "authorization", good),
		"two keys":       metadata.AppendToOutgoingContext(as(t, good), "authorization", "Bearer "+good),
	}
	for name, ctx := range contexts {
		t.Run(name, func(t *testing.T) {
			for method, call := range methods {
				if err := call(ctx, s.sites, "site_1"); status.Code(err) != codes.Unauthenticated || rpcerr.Reason(err) != "BAD_CREDENTIAL" {
					t.Errorf("%s: %v", method, err)
				}
			}
			_, err := s.sites.CreateSite(ctx, newSite("Shop"))
			wantError(t, err, codes.Unauthenticated, "BAD_CREDENTIAL")
			_, err = s.sites.CreateSite(ctx, &lifecyclev1.CreateSiteRequest{}) // the key is looked at first
			wantError(t, err, codes.Unauthenticated, "BAD_CREDENTIAL")
			_, err = s.sites.ListSites(ctx, &lifecyclev1.ListSitesRequest{})
			wantError(t, err, codes.Unauthenticated, "BAD_CREDENTIAL")
			_, err = healthv1.NewHealthClient(s.conn).Check(ctx, &healthv1.HealthCheckRequest{})
			wantError(t, err, codes.Unauthenticated, "BAD_CREDENTIAL")
		})
	}
	t.Run("the scheme may be written in any case", func(t *testing.T) {
		ctx := metadata.AppendToOutgoingContext(t.Context(), "authorization", "bearer "+good)
		_, err := s.sites.ListSites(ctx, &lifecyclev1.ListSitesRequest{})
		s.must(err)
	})
}

func TestSiteService_roles(t *testing.T) {
	s := setup(t)
	created, err := s.sites.CreateSite(as(t, s.keyOf[auth.Operator]), newSite("Shop"))
	s.must(err)
	siteID := created.GetSite().GetSiteId()
	viewer := as(t, s.keyOf[auth.Viewer])
	t.Run("a viewer reads", func(t *testing.T) {
		s.must(methods["GetSite"](viewer, s.sites, siteID))
		s.must(methods["GetSiteTimeline"](viewer, s.sites, siteID))
		_, err := s.sites.ListSites(viewer, &lifecyclev1.ListSitesRequest{})
		s.must(err)
	})
	t.Run("a viewer changes nothing", func(t *testing.T) {
		_, err := s.sites.CreateSite(viewer, newSite("Second"))
		wantError(t, err, codes.PermissionDenied, "NOT_ALLOWED")
		wantError(t, methods["DeleteSite"](viewer, s.sites, siteID), codes.PermissionDenied, "NOT_ALLOWED")
		wantError(t, methods["UpdateSite"](viewer, s.sites, siteID), codes.PermissionDenied, "NOT_ALLOWED")
		wantError(t, methods["RetrySite"](viewer, s.sites, siteID), codes.PermissionDenied, "NOT_ALLOWED")
		wantError(t, methods["SetPrimaryDomain"](viewer, s.sites, siteID), codes.PermissionDenied, "NOT_ALLOWED")
		wantError(t, methods["DeleteSite"](viewer, s.sites, "site_unknown"), codes.PermissionDenied, "NOT_ALLOWED")
	})
	t.Run("every other role changes", func(t *testing.T) {
		for _, role := range []auth.Role{auth.Operator, auth.Admin, auth.PlatformAdmin} {
			_, err := s.sites.CreateSite(as(t, s.keyOf[role]), newSite(string(role)))
			s.must(err)
		}
	})
}

func TestSiteService_bad_input(t *testing.T) {
	s := setup(t)
	ctx := as(t, s.keyOf[auth.Operator])
	request := func(change func(*lifecyclev1.CreateSiteRequest)) *lifecyclev1.CreateSiteRequest {
		req := newSite("Shop")
		change(req)
		return req
	}
	spec := func(change func(*lifecyclev1.SiteSpec)) *lifecyclev1.CreateSiteRequest {
		return request(func(r *lifecyclev1.CreateSiteRequest) { change(r.GetSite().GetSpec()) })
	}
	for name, tt := range map[string]struct {
		req   *lifecyclev1.CreateSiteRequest
		field string
	}{
		"no site":             {&lifecyclev1.CreateSiteRequest{}, "site"},
		"no name":             {request(func(r *lifecyclev1.CreateSiteRequest) { r.Site.Name = "" }), "site.name"},
		"a long name":         {request(func(r *lifecyclev1.CreateSiteRequest) { r.Site.Name = strings.Repeat("a", 101) }), "site.name"},
		"a bad slug":          {request(func(r *lifecyclev1.CreateSiteRequest) { r.Site.Slug = "a.b" }), "site.slug"},
		"a slug with an edge": {request(func(r *lifecyclev1.CreateSiteRequest) { r.Site.Slug = "-a" }), "site.slug"},
		"no spec":             {request(func(r *lifecyclev1.CreateSiteRequest) { r.Site.Spec = nil }), "site.spec"},
		"no backend":          {spec(func(s *lifecyclev1.SiteSpec) { s.Backend = nil }), "site.spec.backend"},
		"no target":           {spec(func(s *lifecyclev1.SiteSpec) { s.GetOrigin().Targets = nil }), "site.spec.origin.targets"},
		"a hostname":          {spec(func(s *lifecyclev1.SiteSpec) { s.GetOrigin().Targets[0].Address = "example.com:80" }), "site.spec.origin.targets[0].address"},
		"metadata":            {spec(func(s *lifecyclev1.SiteSpec) { s.GetOrigin().Targets[0].Address = "169.254.169.254:80" }), "site.spec.origin.targets[0].address"},
		"a weight":            {spec(func(s *lifecyclev1.SiteSpec) { s.GetOrigin().Targets[0].Weight = 101 }), "site.spec.origin.targets[0].weight"},
		"a path": {spec(func(s *lifecyclev1.SiteSpec) {
			s.Routes = []*lifecyclev1.Route{{PathPrefix: "/../", Origin: s.GetOrigin()}}
		}), "site.spec.routes[0].path_prefix"},
		"a control character": {spec(func(s *lifecyclev1.SiteSpec) {
			s.Options = &lifecyclev1.SiteOptions{ResponseHeaders: []*lifecyclev1.Header{{Name: "X-A", Value: "a\nb"}}}
		}), "site.spec.options.response_headers[0].value"},
		"a timeout": {spec(func(s *lifecyclev1.SiteSpec) {
			s.Options = &lifecyclev1.SiteOptions{ReadTimeout: durationpb.New(2 * time.Hour)}
		}), "site.spec.options.read_timeout"},
		"a body limit": {spec(func(s *lifecyclev1.SiteSpec) { s.Options = &lifecyclev1.SiteOptions{MaxBodyBytes: -1} }), "site.spec.options.max_body_bytes"},
		"a long id":    {request(func(r *lifecyclev1.CreateSiteRequest) { r.RequestId = strings.Repeat("a", 65) }), "request_id"},
	} {
		t.Run(name+" is named", func(t *testing.T) {
			_, err := s.sites.CreateSite(ctx, tt.req)
			wantError(t, err, codes.InvalidArgument, "INVALID_FIELDS")
			var fields []string
			for _, v := range rpcerr.Violations(err) {
				fields = append(fields, v.Field)
				if v.Description == "" {
					t.Errorf("nothing is said about %s", v.Field)
				}
			}
			if !slices.Equal(fields, []string{tt.field}) {
				t.Errorf("fields are %v, want %s", fields, tt.field)
			}
		})
	}
	t.Run("nothing was written", func(t *testing.T) {
		list, err := s.sites.ListSites(ctx, &lifecyclev1.ListSitesRequest{})
		if err != nil || len(list.GetSites()) != 0 {
			t.Errorf("got %v, %v", list, err)
		}
	})
	t.Run("empty ids and bad pages are named", func(t *testing.T) {
		for name, call := range methods {
			if err := call(ctx, s.sites, ""); status.Code(err) != codes.InvalidArgument || !strings.HasSuffix(rpcerr.Violations(err)[0].Field, "site_id") {
				t.Errorf("%s: %v", name, err)
			}
		}
		for field, req := range map[string]*lifecyclev1.ListSitesRequest{
			"page_size":  {PageSize: 1001},
			"page_token": {PageToken: "c2l0ZQ"},
		} {
			_, err := s.sites.ListSites(ctx, req)
			wantError(t, err, codes.InvalidArgument, "INVALID_FIELDS")
			if v := rpcerr.Violations(err); len(v) != 1 || v[0].Field != field {
				t.Errorf("violations are %v, want %s", v, field)
			}
		}
	})
	t.Run("a taken slug and a reused request id are told apart", func(t *testing.T) {
		req := request(func(r *lifecyclev1.CreateSiteRequest) { r.Site.Slug, r.RequestId = "taken", "1" })
		_, err := s.sites.CreateSite(ctx, req)
		s.must(err)
		_, err = s.sites.CreateSite(ctx, request(func(r *lifecyclev1.CreateSiteRequest) { r.Site.Slug = "taken" }))
		wantError(t, err, codes.AlreadyExists, "NAME_TAKEN")
		_, err = s.sites.CreateSite(ctx, request(func(r *lifecyclev1.CreateSiteRequest) { r.RequestId = "1" }))
		wantError(t, err, codes.AlreadyExists, "REQUEST_ID_REUSED")
	})
}

func TestSiteService_ListSites(t *testing.T) {
	s := setup(t)
	ctx := as(t, s.keyOf[auth.Operator])
	var want []string
	for i := range 5 {
		created, err := s.sites.CreateSite(ctx, newSite(fmt.Sprint("site ", i)))
		s.must(err)
		want = append(want, created.GetSite().GetSiteId())
	}
	slices.Reverse(want)
	for _, size := range []int32{0, 1, 2, 4, 5, 6} {
		var got []string
		var pages int
		req := &lifecyclev1.ListSitesRequest{PageSize: size}
		for {
			list, err := s.sites.ListSites(ctx, req)
			s.must(err)
			pages++
			for _, listed := range list.GetSites() {
				got = append(got, listed.GetSiteId())
			}
			if req.PageToken = list.GetNextPageToken(); req.PageToken == "" {
				break
			}
		}
		if wanted := (5 + int(max(size, 1)) - 1) / int(max(size, 1)); !slices.Equal(got, want) || size > 0 && pages != wanted {
			t.Errorf("%d pages of %d give %v, want %d of %v", pages, size, got, wanted, want)
		}
	}
}

// A fault of ours is told in one fixed text; the trace id leads to the log.
func TestSiteService_hides_faults(t *testing.T) {
	s := setup(t)
	s.must(s.world.Store.Store.Close())
	defer s.world.Restart()
	err := methods["GetSite"](as(t, s.keyOf[auth.Operator]), s.sites, "site_1")
	wantError(t, err, codes.Internal, "INTERNAL")
	if text := status.Convert(err).Message(); strings.Contains(text, "sql") || strings.Contains(text, "database") {
		t.Errorf("the caller reads %q", text)
	}
	if trace := rpcerr.MetadataOf(err)["trace_id"]; len(trace) != 32 {
		t.Errorf("the trace id is %q", trace)
	}
	if log := s.logs.String(); !strings.Contains(log, "database is closed") {
		t.Errorf("the log does not say why: %s", log)
	}
}

// siteOf is enough of a site for a World to find it.
func siteOf(s *server, siteID string) (found site.Site) {
	found.ID, found.TenantID = id.Site(siteID), s.world.Caller.TenantID
	return found
}
