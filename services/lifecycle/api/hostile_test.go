package api_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
	"github.com/siteplane/siteplane/internal/platform/hostile"
	"github.com/siteplane/siteplane/internal/platform/rpcerr"
	"github.com/siteplane/siteplane/services/lifecycle/auth"
)

// specPlace is where a value goes in a spec, and the field that an answer about it names.
type specPlace[V any] struct {
	field string
	put   func(*lifecyclev1.SiteSpec, V)
}

func header(name, value string) []*lifecyclev1.Header {
	return []*lifecyclev1.Header{{Name: name, Value: value}}
}

func redirectTo(base string, code uint32) *lifecyclev1.SiteSpec_Redirect {
	return &lifecyclev1.SiteSpec_Redirect{Redirect: &lifecyclev1.Redirect{BaseUrl: base, StatusCode: code}}
}

// routeTo is /a/ to an address.
func routeTo(prefix, address string) []*lifecyclev1.Route {
	return []*lifecyclev1.Route{{PathPrefix: prefix, Origin: &lifecyclev1.Origin{Targets: []*lifecyclev1.Target{{Address: address}}}}}
}

// textPlaces are all places for the texts of a field.
var textPlaces = map[hostile.Field][]specPlace[string]{
	hostile.Address: {
		{"origin.targets[0].address", func(s *lifecyclev1.SiteSpec, v string) { s.GetOrigin().Targets[0].Address = v }},
		{"routes[0].origin.targets[0].address", func(s *lifecyclev1.SiteSpec, v string) { s.Routes = routeTo("/a/", v) }},
	},
	hostile.BaseURL: {
		{"redirect.base_url", func(s *lifecyclev1.SiteSpec, v string) { s.Backend = redirectTo(v, 308) }},
	},
	hostile.PathPrefix: {
		{"routes[0].path_prefix", func(s *lifecyclev1.SiteSpec, v string) { s.Routes = routeTo(v, "1.1.1.1:80") }},
	},
	hostile.RequestName: {
		{"options.request_headers[0].name", func(s *lifecyclev1.SiteSpec, v string) { s.Options.RequestHeaders = header(v, "a") }},
	},
	hostile.ResponseName: {
		{"options.response_headers[0].name", func(s *lifecyclev1.SiteSpec, v string) { s.Options.ResponseHeaders = header(v, "a") }},
	},
	hostile.HeaderValue: {
		{"options.request_headers[0].value", func(s *lifecyclev1.SiteSpec, v string) { s.Options.RequestHeaders = header("X-A", v) }},
		{"options.response_headers[0].value", func(s *lifecyclev1.SiteSpec, v string) { s.Options.ResponseHeaders = header("X-A", v) }},
	},
}

func newSpec() *lifecyclev1.SiteSpec {
	spec := newSite("").GetSite().GetSpec()
	spec.Options = &lifecyclev1.SiteOptions{}
	return spec
}

// milliseconds may be more than a duration of Go holds.
func milliseconds(ms int64) *durationpb.Duration {
	return &durationpb.Duration{Seconds: ms / 1000, Nanos: int32(ms % 1000 * int64(time.Millisecond))}
}

// wantRefusal fails unless an error says that a field is not valid.
func wantRefusal(t *testing.T, what string, err error, field string) {
	t.Helper()
	named := slices.ContainsFunc(rpcerr.Violations(err), func(v rpcerr.FieldViolation) bool { return v.Field == field })
	if status.Code(err) != codes.InvalidArgument || !named {
		t.Errorf("%.200s of %s is answered %.300v, which names %v", what, field, err, rpcerr.Violations(err))
	}
}

// refusesSpec fails unless neither a new site nor one that there is may have a spec.
func (s *server) refusesSpec(siteID, what, field string, spec *lifecyclev1.SiteSpec) {
	s.Helper()
	_, err := s.sites.CreateSite(as(s.T, s.keyOf[auth.Operator]), &lifecyclev1.CreateSiteRequest{Site: &lifecyclev1.Site{Name: "Bad", Spec: spec}})
	wantRefusal(s.T, what, err, "site.spec."+field)
	_, err = s.updateSpec(siteID, spec)
	wantRefusal(s.T, what, err, "site.spec."+field)
}

// updateSpec gives a site a spec and returns the one that is stored.
func (s *server) updateSpec(siteID string, spec *lifecyclev1.SiteSpec) (stored *lifecyclev1.SiteSpec, err error) {
	got, err := s.sites.UpdateSite(as(s.T, s.keyOf[auth.Operator]), &lifecyclev1.UpdateSiteRequest{
		Site: &lifecyclev1.Site{SiteId: siteID, Spec: spec}, UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"spec"}},
	})
	return got.GetSite().GetSpec(), err
}

// leavesNothing fails unless a subtest changed nothing in the store.
func (s *server) leavesNothing(name string, run func()) {
	s.T.Run(name, func(t *testing.T) {
		defer s.in(t)()
		before := s.changes()
		run()
		if after := s.changes(); after != before {
			t.Errorf("before there were %+v, then %+v", before, after)
		}
	})
}

// S01 to S04, S07: what a tenant must not write is refused where it is written, names
// the field, and leaves nothing.
func TestHostile_specs_are_refused(t *testing.T) {
	s := setup(t)
	siteID := s.create("Shop")
	s.world.Settle()
	for field, values := range hostile.Texts() {
		for _, place := range textPlaces[field] {
			s.leavesNothing(place.field, func() {
				for _, value := range values.Refused {
					spec := newSpec()
					place.put(spec, value)
					s.refusesSpec(siteID, fmt.Sprintf("%q", value), place.field, spec)
				}
			})
		}
	}
	refusesNumbers(s, siteID, hostile.Weights(), specPlace[uint32]{"origin.targets[0].weight", func(s *lifecyclev1.SiteSpec, v uint32) { s.GetOrigin().Targets[0].Weight = v }})
	refusesNumbers(s, siteID, hostile.StatusCodes(), specPlace[uint32]{"redirect.status_code", func(s *lifecyclev1.SiteSpec, v uint32) { s.Backend = redirectTo("https://www.example.com", v) }})
	refusesNumbers(s, siteID, hostile.BodySizes(), specPlace[int64]{"options.max_body_bytes", func(s *lifecyclev1.SiteSpec, v int64) { s.Options.MaxBodyBytes = v }})
	refusesNumbers(s, siteID, hostile.Timeouts(), specPlace[int64]{"options.connect_timeout", func(s *lifecyclev1.SiteSpec, v int64) { s.Options.ConnectTimeout = milliseconds(v) }})
	refusesNumbers(s, siteID, hostile.Timeouts(), specPlace[int64]{"options.read_timeout", func(s *lifecyclev1.SiteSpec, v int64) { s.Options.ReadTimeout = milliseconds(v) }})
	refusesNumbers(s, siteID, []int{33, 1000}, specPlace[int]{"origin.targets", func(s *lifecyclev1.SiteSpec, n int) {
		s.GetOrigin().Targets = slices.Repeat(s.GetOrigin().Targets, n)
	}})
	refusesNumbers(s, siteID, []int{33, 1000}, specPlace[int]{"routes", func(s *lifecyclev1.SiteSpec, n int) {
		for i := range n {
			s.Routes = append(s.Routes, routeTo(fmt.Sprintf("/%d/", i), "1.1.1.1:80")...)
		}
	}})
	refusesNumbers(s, siteID, []int{33, 1000}, specPlace[int]{"options.response_headers", func(s *lifecyclev1.SiteSpec, n int) {
		for i := range n {
			s.Options.ResponseHeaders = append(s.Options.ResponseHeaders, header(fmt.Sprintf("X-%d", i), "a")...)
		}
	}})
}

func refusesNumbers[V any](s *server, siteID string, values []V, place specPlace[V]) {
	s.leavesNothing(place.field, func() {
		for _, value := range values {
			spec := newSpec()
			place.put(spec, value)
			s.refusesSpec(siteID, fmt.Sprint(value), place.field, spec)
		}
	})
}

// What only looks hostile is taken and stored as it is.
func TestHostile_specs_that_are_legal(t *testing.T) {
	s := setup(t)
	siteID := s.create("Shop")
	s.world.Settle()
	for field, values := range hostile.Texts() {
		for _, place := range textPlaces[field] {
			for _, value := range values.Accepted {
				spec := newSpec()
				place.put(spec, value)
				stored, err := s.updateSpec(siteID, spec)
				if err != nil {
					t.Errorf("%q of %s is refused: %v %v", value, place.field, err, rpcerr.Violations(err))
				} else if !proto.Equal(withDefaults(spec), stored) {
					t.Errorf("%q of %s becomes %v", value, place.field, stored)
				}
			}
		}
	}
}

// withDefaults fills in the weights that are left out.
func withDefaults(spec *lifecyclev1.SiteSpec) *lifecyclev1.SiteSpec {
	origins := []*lifecyclev1.Origin{spec.GetOrigin()}
	for _, route := range spec.GetRoutes() {
		origins = append(origins, route.GetOrigin())
	}
	for _, origin := range origins {
		for _, target := range origin.GetTargets() {
			target.Weight = max(target.GetWeight(), 1)
		}
	}
	return spec
}

// S01: hostnames, where a site is made and where one is added.
func TestHostile_hostnames(t *testing.T) {
	s := setup(t)
	siteID := s.create("Shop")
	s.world.Settle()
	names := hostile.Texts()[hostile.Hostname]
	add := func(hostname string) (*lifecyclev1.AddDomainResponse, error) {
		return s.domains.AddDomain(as(s.T, s.keyOf[auth.Operator]), &lifecyclev1.AddDomainRequest{SiteId: siteID, Hostname: hostname})
	}
	s.leavesNothing("are refused", func() {
		for _, name := range names.Refused {
			_, err := add(name)
			wantRefusal(s.T, fmt.Sprintf("%q", name), err, "hostname")
			if name == "" {
				continue // asks for the platform name
			}
			request := newSite("Bad")
			request.PrimaryHostname = name
			_, err = s.sites.CreateSite(as(s.T, s.keyOf[auth.Operator]), request)
			wantRefusal(s.T, fmt.Sprintf("%q", name), err, "primary_hostname")
		}
	})
	t.Run("are taken as they are", func(t *testing.T) {
		for _, name := range names.Accepted {
			if got, err := add(name); err != nil || got.GetDomain().GetHostname() != name {
				t.Errorf("%q becomes %q, %v %v", name, got.GetDomain().GetHostname(), err, rpcerr.Violations(err))
			}
		}
	})
	t.Run("are brought into their form", func(t *testing.T) {
		for name, want := range hostile.Mended() {
			if got, err := add(name); err != nil || got.GetDomain().GetHostname() != want {
				t.Errorf("%q becomes %q, %v %v", name, got.GetDomain().GetHostname(), err, rpcerr.Violations(err))
			}
		}
	})
}

// S01: whatever people call a site, its label under the platform domain is a label.
func TestHostile_names(t *testing.T) {
	s := setup(t)
	create := func(ctx context.Context, name, slug string) (*lifecyclev1.Site, error) {
		request := newSite(name)
		request.Site.Slug = slug
		created, err := s.sites.CreateSite(ctx, request)
		return created.GetSite(), err
	}
	s.leavesNothing("of labels are refused", func() {
		for _, slug := range hostile.Slugs() {
			_, err := create(as(s.T, s.keyOf[auth.Operator]), "Bad", slug)
			wantRefusal(s.T, fmt.Sprintf("%q", slug), err, "site.slug")
		}
	})
	s.leavesNothing("of sites have no control characters", func() {
		for _, name := range hostile.SiteNames() {
			if isControlled(name) {
				_, err := create(as(s.T, s.keyOf[auth.Operator]), name, "")
				wantRefusal(s.T, fmt.Sprintf("%q", name), err, "site.name")
			}
		}
	})
	t.Run("of sites become labels", func(t *testing.T) {
		for _, name := range hostile.SiteNames() {
			if isControlled(name) {
				continue
			}
			got, err := create(as(t, s.keyOf[auth.Operator]), name, "")
			if slug := got.GetSlug(); err != nil || got.GetName() != name || slug == "" || len(slug) > 40 || strings.Trim(slug, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" || strings.Trim(slug, "-") != slug {
				t.Errorf("%q becomes %q with the slug %q, %v", name, got.GetName(), slug, err)
			}
		}
	})
}

// isControlled reports whether a text moves cursors or ends strings.
func isControlled(text string) bool {
	return strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f })
}

// S04: other spellings of an address are stored as the one that edges take.
func TestHostile_addresses_are_brought_into_their_form(t *testing.T) {
	s := setup(t)
	siteID := s.create("Shop")
	s.world.Settle()
	for _, place := range textPlaces[hostile.Address] {
		for address, want := range hostile.MendedAddresses() {
			spec := newSpec()
			place.put(spec, address)
			got, err := s.updateSpec(siteID, spec)
			place.put(spec, want)
			if err != nil || !proto.Equal(withDefaults(spec), got) {
				t.Errorf("%q of %s becomes %v, %v", address, place.field, got, err)
			}
		}
	}
}
