package render_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	edgev1 "github.com/siteplane/siteplane/gen/siteplane/edge/v1"
	"github.com/siteplane/siteplane/internal/platform/hostile"

	"github.com/siteplane/siteplane/services/edge-agent/internal/render"
)

// texts are one value for each field; what fuzzing changes.
type texts map[hostile.Field]string

// fuzz has check look at a generator of sites for each structure and texts.
func fuzz(f *testing.F, check func(*testing.T, *generator)) {
	corpus := hostile.Texts()
	for structure, seed := range [][6]string{
		{"a.example.com", "127.0.0.1:80", "/api", "X-A", "value", "https://www.example.com"},
		{"a.com; } server {", "127.0.0.1:80", "/api", "X-A", "v", "https://a.b"},
		{"a.example", "unix:/x", "/a{", "X-A;", "v\nSet-Cookie: evil=1", "https://a.b;"},
		{"b.example", "[::1]:80", "/b.c", "X_B", "a 'b' {}#;", "http://c.d:8080"},
		{"~^.*$", "$x:80", "/$x", "$x", "${x}", "https://$host"},
		{"default.example", "10.0.0.1:1", "/a/b/", "x-a", "default", "http://a.b"},
	} {
		for step := range uint64(8) { // a few structures each
			f.Add(8*uint64(structure)+step, seed[0], seed[1], seed[2], seed[3], seed[4], seed[5])
		}
	}
	f.Fuzz(func(t *testing.T, structure uint64, hostname, address, prefix, name, value, base string) {
		check(t, newGenerator(structure, corpus, texts{
			hostile.Hostname: hostname, hostile.Address: address, hostile.PathPrefix: prefix, hostile.BaseURL: base,
			hostile.RequestName: name, hostile.ResponseName: name, hostile.HeaderValue: value,
		}))
	})
}

// FuzzNew renders any sites (S01 to S04, I23). What is not refused must read exactly
// as sites do that have the same features and nothing but harmless values, and the
// names of servers are the hostnames of the sites.
func FuzzNew(f *testing.F) {
	fuzz(f, func(t *testing.T, g *generator) {
		sites := g.sites(5)
		got := read(t, sites)
		wantShape(t, got.shape(), read(t, twins(sites)).shape())
		var public, internal []string
		for _, site := range sites {
			public = append(public, site.GetHostnames()...)
			internal = append(internal, site.GetSiteId()+".site.internal")
		}
		slices.Sort(public)
		slices.Sort(internal)
		gotPublic, gotInternal := got.serverNames()
		if !slices.Equal(gotPublic, public) || !slices.Equal(gotInternal, internal) {
			t.Errorf("servers are named %q and %q, want %q and %q", gotPublic, gotInternal, public, internal)
		}
	})
}

// FuzzNew_others renders any sites with and without one more (I22): whatever that one
// is, nothing about the others changes.
func FuzzNew_others(f *testing.F) {
	fuzz(f, func(t *testing.T, g *generator) {
		sites := g.sites(5)
		if len(sites) == 0 {
			return
		}
		others := sites[1:]
		wantShape(t, read(t, sites).about(others), read(t, others).about(others))
	})
}

// generator makes up sites out of a number and some texts; the same give the same.
type generator struct {
	*rand.Rand
	corpus map[hostile.Field]hostile.Values
	texts  texts
}

func newGenerator(structure uint64, corpus map[hostile.Field]hostile.Values, texts texts) *generator {
	return &generator{rand.New(rand.NewPCG(structure, 0)), corpus, texts}
}

// sites are at most n that an edge would take together. The first has the latest id.
func (g *generator) sites(n int) (sites []*edgev1.Site) {
	for number := range g.IntN(n) + 1 {
		site := g.site(fmt.Sprintf("site_01h455vb4pex5vsknk084sn0%02d", n-number))
		if _, err := render.New(append(slices.Clone(sites), site)); err == nil {
			sites = append(sites, site)
		}
	}
	return sites
}

func (g *generator) site(id string) *edgev1.Site {
	site := &edgev1.Site{SiteId: id, Revision: 1 + g.Int64N(9), Spec: &edgev1.Spec{Options: g.options()}}
	for range g.IntN(4) {
		site.Hostnames = append(site.Hostnames, g.text(hostile.Hostname))
	}
	if g.IntN(3) == 0 {
		site.Spec.Backend = redirect(g.text(hostile.BaseURL), []uint32{301, 302, 307, 308}[g.IntN(4)])
	} else {
		site.Spec.Backend = &edgev1.Spec_Origin{Origin: g.origin()}
	}
	for range g.IntN(3) {
		route := &edgev1.Route{PathPrefix: g.text(hostile.PathPrefix), StripPrefix: g.flip(), Origin: g.origin()}
		site.Spec.Routes = append(site.Spec.Routes, route)
	}
	return site
}

func (g *generator) origin() *edgev1.Origin {
	origin := &edgev1.Origin{}
	for range g.IntN(3) + 1 {
		target := &edgev1.Target{Address: g.text(hostile.Address), Weight: g.Uint32N(3)}
		origin.Targets = append(origin.Targets, target)
	}
	return origin
}

func (g *generator) options() *edgev1.Options {
	options := &edgev1.Options{
		MaxBodyBytes: g.Int64N(3) << 10, ConnectTimeoutMs: g.Int64N(2) * 1500, ReadTimeoutMs: g.Int64N(2) * 1000,
		Websocket: g.flip(), Maintenance: g.IntN(8) == 0,
	}
	for range g.IntN(3) {
		options.RequestHeaders = append(options.RequestHeaders, &edgev1.Header{Name: g.text(hostile.RequestName), Value: g.text(hostile.HeaderValue)})
	}
	for range g.IntN(3) {
		options.ResponseHeaders = append(options.ResponseHeaders, &edgev1.Header{Name: g.text(hostile.ResponseName), Value: g.text(hostile.HeaderValue)})
	}
	return options
}

func (g *generator) flip() bool { return g.IntN(2) == 0 }

// text is mostly legal, so that sites are not all refused.
func (g *generator) text(field hostile.Field) string {
	values := g.corpus[field]
	switch g.IntN(24) {
	case 0:
		return values.Refused[g.IntN(len(values.Refused))]
	case 1, 2, 3, 4, 5, 6, 7, 8:
		return g.texts[field]
	}
	return values.Accepted[g.IntN(len(values.Accepted))]
}

// twins are sites of the same structure and with the same numbers, in which every text
// is replaced by a harmless one: the same by the same.
func twins(sites []*edgev1.Site) []*edgev1.Site {
	plain := map[string]int{}
	text := func(format, value string) string {
		if _, known := plain[format+value]; !known {
			plain[format+value] = len(plain) + 1
		}
		return fmt.Sprintf(format, plain[format+value])
	}
	origin := func(origin *edgev1.Origin) {
		for _, target := range origin.GetTargets() {
			target.Address = text("192.0.2.1:%d", target.GetAddress())
		}
	}
	var copies []*edgev1.Site
	for _, site := range sites {
		site = proto.CloneOf(site)
		spec := site.GetSpec()
		for i, hostname := range site.GetHostnames() {
			site.Hostnames[i] = text("harmless-%d.example.com", hostname)
		}
		origin(spec.GetOrigin())
		if redirect := spec.GetRedirect(); redirect != nil {
			redirect.BaseUrl = text("https://harmless-%d.example.com", redirect.GetBaseUrl())
		}
		for _, route := range spec.GetRoutes() {
			route.PathPrefix = text("/harmless-%d", strings.TrimSuffix(route.GetPathPrefix(), "/"))
			origin(route.GetOrigin())
		}
		for _, header := range append(slices.Clone(spec.GetOptions().GetRequestHeaders()), spec.GetOptions().GetResponseHeaders()...) {
			header.Name, header.Value = text("X-Harmless-%d", header.GetName()), text("harmless %d", header.GetValue())
		}
		copies = append(copies, site)
	}
	return copies
}
