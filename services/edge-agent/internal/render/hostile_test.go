package render_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	crossplane "github.com/nginxinc/nginx-go-crossplane"
	"google.golang.org/protobuf/proto"

	edgev1 "github.com/siteplane/siteplane/gen/siteplane/edge/v1"
	"github.com/siteplane/siteplane/internal/platform/hostile"

	"github.com/siteplane/siteplane/services/edge-agent/internal/render"
)

const (
	forwardsID  = "site_01h455vb4pex5vsknk084sn020"
	redirectsID = "site_01h455vb4pex5vsknk084sn021"
)

// pair is a site that forwards and one that redirects, with something in every
// field, all of it harmless.
func pair() []*edgev1.Site {
	pool := func() *edgev1.Origin {
		return &edgev1.Origin{Targets: []*edgev1.Target{{Address: "192.0.2.1:80"}, {Address: "192.0.2.2:80", Weight: 2}}}
	}
	return []*edgev1.Site{
		{SiteId: forwardsID, Revision: 1, Hostnames: []string{"forwards.example.com"}, Spec: &edgev1.Spec{
			Backend: &edgev1.Spec_Origin{Origin: pool()},
			Routes: []*edgev1.Route{
				{PathPrefix: "/harmless/stripped", StripPrefix: true, Origin: pool()},
				{PathPrefix: "/harmless/kept", Origin: pool()},
			},
			Options: &edgev1.Options{
				MaxBodyBytes: 1, ConnectTimeoutMs: 1, ReadTimeoutMs: 1,
				RequestHeaders:  []*edgev1.Header{{Name: "X-Request", Value: "harmless"}},
				ResponseHeaders: []*edgev1.Header{{Name: "X-Response", Value: "harmless"}},
			},
		}},
		{SiteId: redirectsID, Revision: 1, Hostnames: []string{"redirects.example.com"}, Spec: &edgev1.Spec{
			Backend: redirect("https://www.example.com", 301),
		}},
	}
}

// textPlaces are all places for the texts of a field.
var textPlaces = map[hostile.Field][]func(forwards, redirects *edgev1.Site, value string){
	hostile.Hostname: {
		func(f, _ *edgev1.Site, v string) { f.Hostnames[0] = v },
		func(_, r *edgev1.Site, v string) { r.Hostnames[0] = v },
	},
	hostile.Address: {
		func(f, _ *edgev1.Site, v string) { f.GetSpec().GetOrigin().Targets[0].Address = v },
		func(f, _ *edgev1.Site, v string) { f.GetSpec().Routes[0].Origin.Targets[1].Address = v },
	},
	hostile.BaseURL: {
		func(_, r *edgev1.Site, v string) { r.GetSpec().GetRedirect().BaseUrl = v },
	},
	hostile.PathPrefix: {
		func(f, _ *edgev1.Site, v string) { f.GetSpec().Routes[0].PathPrefix = v },
		func(f, _ *edgev1.Site, v string) { f.GetSpec().Routes[1].PathPrefix = v },
	},
	hostile.RequestName: {
		func(f, _ *edgev1.Site, v string) { f.GetSpec().GetOptions().RequestHeaders[0].Name = v },
	},
	hostile.ResponseName: {
		func(f, _ *edgev1.Site, v string) { f.GetSpec().GetOptions().ResponseHeaders[0].Name = v },
	},
	hostile.HeaderValue: {
		func(f, _ *edgev1.Site, v string) { f.GetSpec().GetOptions().RequestHeaders[0].Value = v },
		func(f, _ *edgev1.Site, v string) { f.GetSpec().GetOptions().ResponseHeaders[0].Value = v },
	},
}

// with is the harmless pair with one value somewhere.
func with[V any](put func(forwards, redirects *edgev1.Site, value V), value V) []*edgev1.Site {
	sites := pair()
	put(sites[0], sites[1], value)
	return sites
}

// wantHarmless fails unless sites are refused or read as the harmless pair does.
func wantHarmless(t *testing.T, benign []string, sites []*edgev1.Site) (refused bool) {
	t.Helper()
	if _, err := render.New(sites); err != nil {
		if invalid := new(render.InvalidSiteError); !errors.As(err, &invalid) || invalid.SiteID == "" || invalid.Field == "site" {
			t.Errorf("%v does not name site and field", err)
		}
		return true
	}
	wantShape(t, read(t, sites).shape(), benign)
	return false
}

// S01 to S04, S07, I23: what the API refuses does no harm even where it is asked to
// be rendered. This is a second lock, and does not count on the first one.
func TestHostile_texts_are_harmless(t *testing.T) {
	benign := read(t, pair()).shape()
	for field, values := range hostile.Texts() {
		for _, put := range textPlaces[field] {
			for _, value := range values.Refused {
				refused := wantHarmless(t, benign, with(put, value))
				if allowed := onlyAPI(field) && plain(value); !refused && !allowed {
					t.Errorf("%s %q is rendered", field, value)
				}
			}
		}
	}
}

// onlyAPI says that some values of a field are refused for what they lead to, which
// only the API knows: an edge takes private networks and every top-level domain.
func onlyAPI(field hostile.Field) bool { return field == hostile.Hostname || field == hostile.Address }

// plain says that a value has only characters that no syntax of nginx uses.
func plain(value string) bool {
	return strings.Trim(value, "abcdefghijklmnopqrstuvwxyz0123456789.:-[]") == ""
}

// S01: what the API brings into its form is refused in any other.
func TestHostile_mended_hostnames_are_refused_as_they_were(t *testing.T) {
	for written, stored := range hostile.Mended() {
		for name, legal := range map[string]bool{written: false, stored: true} {
			if err := render.Check(with(textPlaces[hostile.Hostname][0], name)[0]); (err == nil) != legal {
				t.Errorf("%q: %v", name, err)
			}
		}
	}
}

// S07: numbers that the API refuses, too.
func TestHostile_numbers_are_harmless(t *testing.T) {
	benign := read(t, pair()).shape()
	for _, value := range hostile.Weights() {
		wantHarmless(t, benign, with(func(f, _ *edgev1.Site, v uint32) { f.GetSpec().GetOrigin().Targets[0].Weight = v }, value))
	}
	for _, value := range hostile.StatusCodes() {
		if !wantHarmless(t, benign, with(func(_, r *edgev1.Site, v uint32) { r.GetSpec().GetRedirect().StatusCode = v }, value)) {
			t.Errorf("a redirect with %d is rendered", value)
		}
	}
	for _, value := range hostile.BodySizes() {
		wantHarmless(t, benign, with(func(f, _ *edgev1.Site, v int64) { f.GetSpec().GetOptions().MaxBodyBytes = v }, value))
	}
	for _, value := range hostile.Timeouts() {
		wantHarmless(t, benign, with(func(f, _ *edgev1.Site, v int64) { f.GetSpec().GetOptions().ConnectTimeoutMs = v }, value))
		wantHarmless(t, benign, with(func(f, _ *edgev1.Site, v int64) { f.GetSpec().GetOptions().ReadTimeoutMs = v }, value))
	}
}

// What only looks hostile is rendered as it is: the parser reads it back.
func TestHostile_what_is_legal_is_rendered(t *testing.T) {
	benign := read(t, pair()).shape()
	for field, values := range hostile.Texts() {
		for _, put := range textPlaces[field] {
			for _, value := range values.Accepted {
				sites := with(put, value)
				if wantHarmless(t, benign, sites) {
					t.Errorf("%s %q is refused: %v", field, value, render.Check(sites[0]))
				} else if !read(t, sites).says(strings.TrimSuffix(value, "/")) {
					t.Errorf("%s %q is not in what is read", field, value)
				}
			}
		}
	}
}

// says reports whether a parameter, or the key of a map, is a value.
func (r text) says(value string) (found bool) {
	r.walk(func(_ string, _ crossplane.Directives, d *crossplane.Directive) {
		found = found || d.Directive == value || slices.Contains(d.Args, value)
	})
	return found
}

// S07: what is too much for one site is refused before anything is made of it.
func TestHostile_counts(t *testing.T) {
	many := func(value *edgev1.Header) []*edgev1.Header { return slices.Repeat([]*edgev1.Header{value}, 65) }
	for field, spoil := range map[string]func(*edgev1.Spec){
		"spec.origin.targets":           func(s *edgev1.Spec) { s.GetOrigin().Targets = slices.Repeat(s.GetOrigin().Targets, 33) },
		"spec.routes[0].origin.targets": func(s *edgev1.Spec) { s.Routes[0].Origin.Targets = slices.Repeat(s.Routes[0].Origin.Targets, 33) },
		"spec.routes":                   func(s *edgev1.Spec) { s.Routes = slices.Repeat(s.Routes, 33) },
		"spec.options.request_headers":  func(s *edgev1.Spec) { s.Options.RequestHeaders = many(s.Options.RequestHeaders[0]) },
		"spec.options.response_headers": func(s *edgev1.Spec) { s.Options.ResponseHeaders = many(s.Options.ResponseHeaders[0]) },
	} {
		site := proto.CloneOf(pair()[0])
		spoil(site.GetSpec())
		var invalid *render.InvalidSiteError
		if err := render.Check(site); !errors.As(err, &invalid) || invalid.Field != field {
			t.Errorf("%v, want %s", err, field)
		}
	}
}
