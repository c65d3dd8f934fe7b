package render_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	crossplane "github.com/nginxinc/nginx-go-crossplane"
	"google.golang.org/protobuf/reflect/protoreflect"

	edgev1 "github.com/siteplane/siteplane/gen/siteplane/edge/v1"
)

// taint is a value that is found nowhere else, and the only places for it: a
// directive with the number of its parameter, or the key or value of a map.
type taint struct {
	value, sign string
	places      []string
}

// taints are by field of a site, in the notation of the API.
var taints = map[string]taint{
	"hostnames":                           {"tntaa.example.com", "tntaa", []string{"server_name", "map key"}},
	"spec.origin.targets.address":         {"192.0.2.171:80", "192.0.2.171", []string{"map value", "upstream server 0"}},
	"spec.redirect.base_url":              {"https://tntbb.example.com", "tntbb", []string{"map value"}},
	"spec.routes.path_prefix":             {"/tntcc/", "tntcc", []string{"location 0", "location 1", "rewrite 0"}},
	"spec.routes.origin.targets.address":  {"192.0.2.172:80", "192.0.2.172", []string{"map value", "upstream server 0"}},
	"spec.options.response_headers.name":  {"X-Tntdd", "Tntdd", []string{"add_header 0"}},
	"spec.options.response_headers.value": {"tntee", "tntee", []string{"add_header 1"}},
	"spec.options.request_headers.name":   {"X-Tntff", "Tntff", []string{"proxy_set_header 0"}},
	"spec.options.request_headers.value":  {"tntgg", "tntgg", []string{"proxy_set_header 1"}},
}

// ours are texts that no tenant writes.
var ours = []string{"site_id"}

// S02: what a tenant wrote stands in parameters of its own and nowhere else: in no
// comment, name of a variable, of a block, of a log or of a file.
func TestRender_tenants_bytes_are_only_where_they_belong(t *testing.T) {
	forwards, redirects := tainted(t, "spec.redirect"), tainted(t, "spec.origin")
	forwards.SiteId, redirects.SiteId = forwardsID, redirectsID
	pooled := tainted(t, "spec.redirect") // the same, with several targets
	pooled.SiteId, pooled.Hostnames = "site_01h455vb4pex5vsknk084sn022", []string{"pooled.example.com"}
	double := func(o *edgev1.Origin) {
		o.Targets = append(o.Targets, &edgev1.Target{Address: "192.0.2.1:80"})
	}
	double(pooled.GetSpec().GetOrigin())
	double(pooled.GetSpec().Routes[0].Origin)
	redirects.Hostnames = []string{"tntaa-redirects.example.com"}

	got := read(t, []*edgev1.Site{forwards, redirects, pooled})
	for field, taint := range taints {
		places, seen := got.holding(taint.sign)
		for _, place := range places {
			if !slices.Contains(taint.places, place) {
				t.Errorf("%s is in %q", field, place)
			}
		}
		if len(places) == 0 {
			t.Errorf("%s is nowhere", field)
		}
		if whole := got.count(taint.sign); whole != seen {
			t.Errorf("%s is in the files %d times, in parameters %d times", field, whole, seen)
		}
	}
}

// tainted is a site whose every text is tainted; a text without a taint fails the
// test, so that a new field gets a row above.
func tainted(t *testing.T, without string) *edgev1.Site {
	t.Helper()
	site := &edgev1.Site{}
	var fill func(at string, m protoreflect.Message)
	fill = func(at string, m protoreflect.Message) {
		fields := m.Descriptor().Fields()
		for i := range fields.Len() {
			field := fields.Get(i)
			name := strings.TrimPrefix(at+"."+field.TextName(), ".")
			if name == without || slices.Contains(ours, name) {
				continue
			}
			switch {
			case field.IsList() && field.Message() != nil:
				list := m.Mutable(field).List()
				fill(name, list.AppendMutable().Message())
			case field.Message() != nil:
				fill(name, m.Mutable(field).Message())
			case field.Kind() == protoreflect.StringKind || field.Kind() == protoreflect.BytesKind:
				taint, ok := taints[name]
				if !ok {
					t.Fatalf("%s can hold a tenant's text: give it a row in taints", name)
				}
				if value := protoreflect.ValueOfString(taint.value); field.IsList() {
					m.Mutable(field).List().Append(value)
				} else {
					m.Set(field, value)
				}
			}
		}
	}
	fill("", site.ProtoReflect())
	site.Revision = 1
	for _, route := range site.GetSpec().GetRoutes() {
		route.StripPrefix = true
	}
	if redirect := site.GetSpec().GetRedirect(); redirect != nil {
		redirect.StatusCode = 301
	}
	return site
}

// holding returns the places where a text is read, and how often in all.
func (r text) holding(sign string) (places []string, seen int) {
	note := func(place, text string) {
		if n := strings.Count(text, sign); n > 0 {
			places, seen = append(places, place), seen+n
		}
	}
	r.walk(func(_ string, around crossplane.Directives, d *crossplane.Directive) {
		place := func(i int) string { return fmt.Sprintf("%s %d", d.Directive, i) }
		if len(around) > 0 {
			switch outer := around[len(around)-1].Directive; {
			case outer == "map":
				note("map key", d.Directive)
				place = func(int) string { return "map value" }
			case outer == "upstream":
				place = func(i int) string { return fmt.Sprintf("upstream %s %d", d.Directive, i) }
			case d.Directive == "server_name":
				place = func(int) string { return d.Directive }
			}
		}
		if d.Comment != nil {
			note("comment", *d.Comment)
		}
		for i, arg := range d.Args {
			note(place(i), arg)
		}
	})
	return places, seen
}

// count says how often a text is in the files and their names.
func (r text) count(sign string) (n int) {
	for _, file := range r.files {
		n += strings.Count(file.Name, sign) + strings.Count(string(file.Data), sign)
	}
	return n
}
