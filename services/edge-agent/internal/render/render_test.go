package render_test

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	crossplane "github.com/nginxinc/nginx-go-crossplane"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	edgev1 "github.com/siteplane/siteplane/gen/siteplane/edge/v1"

	"github.com/siteplane/siteplane/services/edge-agent/internal/render"
)

var update = flag.Bool("update", false, "write the golden files anew")

var layout = render.Layout{
	PublicListen: []string{"127.0.0.1:8088", "[::1]:8088"},
	User:         "nobody nogroup",
	StatusSocket: "/run/sp/private/status.sock", InternalSocket: "/run/sp/private/internal.sock", ProbeSocket: "/run/sp/probe.sock",
	PIDFile: "/run/sp/nginx.pid", ErrorLog: "/var/lib/sp/logs/error.log", TempDir: "/run/sp/temp",
}

// readSites reads testdata/<name>/sites.json, an ApplySites message.
func readSites(t testing.TB, name string) []*edgev1.Site {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name, "sites.json"))
	if err != nil {
		t.Fatal(err)
	}
	var sites edgev1.ApplySites
	if err := protojson.Unmarshal(data, &sites); err != nil {
		t.Fatal(err)
	}
	return sites.GetSites()
}

func mustRender(t testing.TB, sites []*edgev1.Site) *render.Rendering {
	t.Helper()
	return mustRenderFor(t, layout, sites)
}

func mustRenderFor(t testing.TB, layout render.Layout, sites []*edgev1.Site) *render.Rendering {
	t.Helper()
	config, err := render.New(sites)
	if err != nil {
		t.Fatal(err)
	}
	return config.Render(layout)
}

// readLayout returns layout with what testdata/<name>/layout.json changes in it.
func readLayout(t testing.TB, name string) render.Layout {
	t.Helper()
	read := layout
	data, err := os.ReadFile(filepath.Join("testdata", name, "layout.json"))
	if errors.Is(err, os.ErrNotExist) {
		return read
	}
	if err == nil {
		err = json.Unmarshal(data, &read)
	}
	if err != nil {
		t.Fatal(err)
	}
	return read
}

func fileOf(t testing.TB, rendering *render.Rendering, name string) string {
	t.Helper()
	for _, file := range rendering.Files {
		if file.Name == name {
			return string(file.Data)
		}
	}
	t.Fatalf("no file %s", name)
	return ""
}

// Each directory of testdata is a case: sites.json, the layout where it is not
// the plain one, and the files they become.
func TestRender_golden(t *testing.T) {
	cases, err := os.ReadDir("testdata")
	if err != nil || len(cases) == 0 {
		t.Fatal("no golden cases", err)
	}
	for _, c := range cases {
		t.Run(c.Name(), func(t *testing.T) {
			layout := readLayout(t, c.Name())
			rendering := mustRenderFor(t, layout, readSites(t, c.Name()))
			files := append(rendering.Files, render.File{
				Name: render.StatusFile,
				Data: render.Status(layout, 7, rendering.Hash, []string{"/var/lib/sp/generations/7/" + render.MapsFile}),
			})
			for _, file := range files {
				wantGolden(t, filepath.Join("testdata", c.Name(), file.Name), file.Data)
			}
		})
	}
}

// CVE-2026-42533: in nginx before 1.30.4 a map with a regular expression writes past a
// buffer. None of ours has one.
func TestRender_maps_have_no_regular_expressions(t *testing.T) {
	maps := 0
	read(t, readSites(t, "mixed")).walk(func(_ string, around crossplane.Directives, d *crossplane.Directive) {
		if len(around) == 0 || around[len(around)-1].Directive != "map" {
			return
		}
		maps++
		if strings.HasPrefix(d.Directive, "~") {
			t.Errorf("a map has %s", d.Directive)
		}
	})
	if maps == 0 {
		t.Error("there are no maps")
	}
}

func wantGolden(t *testing.T, path string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != string(want) {
		t.Errorf("%s differs; if that is meant, run with -update\n%s", path, got)
	}
}

func TestRender_order_does_not_matter(t *testing.T) {
	layout := readLayout(t, "settings")
	sites := append(readSites(t, "mixed"), forwarding(1, "192.0.2.1:8080", "e.example.com"), forwarding(2, "192.0.2.5:80", "f.example.com"))
	want := mustRenderFor(t, layout, sites)
	for seed := range uint64(20) {
		random := rand.New(rand.NewPCG(seed, 1))
		shuffled := make([]*edgev1.Site, len(sites))
		for to, from := range random.Perm(len(sites)) {
			shuffled[to] = proto.Clone(sites[from]).(*edgev1.Site)
			shuffle(random, shuffled[to].GetHostnames())
			shuffle(random, shuffled[to].GetSpec().GetRoutes())
			shuffle(random, shuffled[to].GetSpec().GetOrigin().GetTargets())
			shuffle(random, shuffled[to].GetSpec().GetOptions().GetResponseHeaders())
		}
		if got := mustRenderFor(t, layout, shuffled); got.Hash != want.Hash {
			t.Fatalf("seed %d gives other bytes", seed)
		}
	}
}

func shuffle[T any](random *rand.Rand, list []T) {
	random.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
}

func TestRender_equal_options_share_a_profile(t *testing.T) {
	site := readSites(t, "mixed")[0]
	var sites []*edgev1.Site
	for _, last := range "abcdef" {
		clone := proto.Clone(site).(*edgev1.Site)
		clone.SiteId = clone.SiteId[:len(clone.SiteId)-1] + string(last)
		clone.Hostnames = []string{string(last) + ".example.com"}
		sites = append(sites, clone)
	}
	sites[0].Spec.Options = &edgev1.Options{MaxBodyBytes: 1 << 20, ConnectTimeoutMs: 5000, ReadTimeoutMs: 60000}
	sites[1].Spec.Options = &edgev1.Options{}
	sites[2].Spec.Options = &edgev1.Options{Websocket: true}
	config, err := render.New(sites)
	if err != nil {
		t.Fatal(err)
	}
	if config.Profiles() != 2 {
		t.Errorf("%d profiles, want 2: given defaults and left out ones are equal", config.Profiles())
	}
}

func TestHash_tells_names_from_bytes(t *testing.T) {
	file := func(name, data string) render.File { return render.File{Name: name, Data: []byte(data)} }
	if render.Hash([]render.File{file("a", "b"), file("c", "d")}) != render.Hash([]render.File{file("c", "d"), file("a", "b")}) {
		t.Error("the order of files changes the hash")
	}
	if render.Hash([]render.File{file("a", "bc")}) == render.Hash([]render.File{file("ab", "c")}) {
		t.Error("names and bytes run together")
	}
}

func TestNew_names_site_and_field(t *testing.T) {
	for want, spoil := range map[string]func([]*edgev1.Site){
		"hostnames[1]":                    func(s []*edgev1.Site) { s[0].Hostnames = []string{"a.example.com", "a.example.com"} },
		"spec.redirect.status_code":       func(s []*edgev1.Site) { s[0].Spec.Backend = redirect("https://a.example", 200) },
		"spec.redirect.base_url":          func(s []*edgev1.Site) { s[0].Spec.Backend = redirect("https://a.example/x", 301) },
		"spec.origin.targets":             func(s []*edgev1.Site) { s[0].Spec.Backend = &edgev1.Spec_Origin{} },
		"spec.origin.targets[0].weight":   func(s []*edgev1.Site) { s[0].Spec.GetOrigin().Targets[0].Weight = 1 << 20 },
		"spec.routes[1].path_prefix":      func(s []*edgev1.Site) { s[0].Spec.Routes = []*edgev1.Route{route("/a"), route("/a/")} },
		"spec.options.max_body_bytes":     func(s []*edgev1.Site) { s[0].Spec.Options = &edgev1.Options{MaxBodyBytes: -1} },
		"spec.options.connect_timeout_ms": func(s []*edgev1.Site) { s[0].Spec.Options = &edgev1.Options{ConnectTimeoutMs: -1} },
		"spec.options.read_timeout_ms":    func(s []*edgev1.Site) { s[0].Spec.Options = &edgev1.Options{ReadTimeoutMs: 1 << 40} },
		"spec.options.request_headers[0].value": func(s []*edgev1.Site) {
			s[0].Spec.Options = &edgev1.Options{RequestHeaders: []*edgev1.Header{{Name: "X-A", Value: "$x"}}}
		},
		"revision": func(s []*edgev1.Site) { s[0].Revision = 0 },
		"site_id":  func(s []*edgev1.Site) { s[0].SiteId = "site_;" },
	} {
		sites := readSites(t, "mixed")[:1]
		spoil(sites)
		_, err := render.New(sites)
		var invalid *render.InvalidSiteError
		if !errors.As(err, &invalid) || invalid.Field != want || invalid.SiteID != sites[0].GetSiteId() {
			t.Errorf("got %v, want %s of %s", err, want, sites[0].GetSiteId())
		}
	}
}

func redirect(base string, code uint32) *edgev1.Spec_Redirect {
	return &edgev1.Spec_Redirect{Redirect: &edgev1.Redirect{BaseUrl: base, StatusCode: code}}
}

func route(prefix string) *edgev1.Route {
	return &edgev1.Route{PathPrefix: prefix, Origin: &edgev1.Origin{Targets: []*edgev1.Target{{Address: "127.0.0.1:9"}}}}
}

func TestRender_only_several_targets_have_an_upstream_where_none_is_kept(t *testing.T) {
	upstreams := fileOf(t, mustRender(t, readSites(t, "mixed")), render.UpstreamsFile)
	if got := strings.Count(upstreams, "upstream "); got != 2 {
		t.Errorf("%d upstream blocks, want 2\n%s", got, upstreams)
	}
}

// forwarding is a site with one address.
func forwarding(number int, address string, hostnames ...string) *edgev1.Site {
	return &edgev1.Site{
		SiteId: fmt.Sprintf("site_01h455vb4pex5vsknk084s%04d", number), Revision: 1, Hostnames: hostnames,
		Spec: &edgev1.Spec{Backend: &edgev1.Spec_Origin{Origin: &edgev1.Origin{Targets: []*edgev1.Target{{Address: address}}}}},
	}
}

// keptFor returns the addresses that have a block of their own, in their order.
func keptFor(t *testing.T, most int, sites ...*edgev1.Site) []string {
	t.Helper()
	keeping := layout
	keeping.KeepaliveOrigins = most
	var addresses []string
	for line := range strings.Lines(fileOf(t, mustRenderFor(t, keeping, sites), render.UpstreamsFile)) {
		if address, ok := strings.CutPrefix(strings.TrimSpace(line), "server "); ok {
			addresses = append(addresses, strings.TrimSuffix(address, ";"))
		}
	}
	return addresses
}

func TestRender_keeps_connections_to_some_origins(t *testing.T) {
	old, young := forwarding(1, "192.0.2.9:80", "a.example.com"), forwarding(2, "192.0.2.2:80", "b.example.com")
	busy := forwarding(3, "192.0.2.3:80", "c.example.com", "d.example.com")
	nameless := forwarding(4, "192.0.2.4:80")
	for _, c := range []struct {
		name string
		most int
		want []string
	}{
		{"none", 0, nil},
		{"none for a negative number", -1, nil},
		{"where most names lead", 1, []string{"192.0.2.3:80"}},
		{"then of the first site", 2, []string{"192.0.2.3:80", "192.0.2.9:80"}},
		{"then of the next", 3, []string{"192.0.2.3:80", "192.0.2.9:80", "192.0.2.2:80"}},
		{"all where there are fewer", 9, []string{"192.0.2.3:80", "192.0.2.9:80", "192.0.2.2:80", "192.0.2.4:80"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, sites := range [][]*edgev1.Site{{old, young, busy, nameless}, {nameless, busy, young, old}} {
				if got := keptFor(t, c.most, sites...); !slices.Equal(got, c.want) {
					t.Errorf("kept %v, want %v", got, c.want)
				}
			}
		})
	}
	t.Run("names of several sites count together, routes too", func(t *testing.T) {
		routed := forwarding(5, "192.0.2.5:80", "e.example.com")
		routed.Spec.Routes = []*edgev1.Route{{PathPrefix: "/a", Origin: young.GetSpec().GetOrigin()}, {PathPrefix: "/b", Origin: young.GetSpec().GetOrigin()}}
		if got := keptFor(t, 1, old, young, routed); !slices.Equal(got, []string{"192.0.2.2:80"}) {
			t.Errorf("kept %v", got)
		}
	})
	t.Run("a site more takes nothing from an older one with as many names", func(t *testing.T) {
		before := keptFor(t, 2, old, young)
		if got := keptFor(t, 2, old, young, forwarding(6, "192.0.2.6:80", "f.example.com")); !slices.Equal(got, before) {
			t.Errorf("kept %v, before %v", got, before)
		}
	})
}

// A block is named after its address, so what comes and goes elsewhere leaves a
// site's lines as they are.
func TestRender_sites_leave_each_other_alone(t *testing.T) {
	keeping := layout
	keeping.KeepaliveOrigins = 1000
	sites := readSites(t, "mixed")
	all := strings.Split(fileOf(t, mustRenderFor(t, keeping, sites), render.MapsFile), "\n")
	for i := range sites {
		without := slices.Delete(slices.Clone(sites), i, i+1)
		for _, line := range strings.Split(fileOf(t, mustRenderFor(t, keeping, without), render.MapsFile), "\n") {
			if !slices.Contains(all, line) {
				t.Errorf("without %s there is %q", sites[i].GetSiteId(), line)
			}
		}
	}
}

func TestRender_again_for_another_layout(t *testing.T) {
	sites := readSites(t, "settings")
	config, err := render.New(sites)
	if err != nil {
		t.Fatal(err)
	}
	logging, keeping := layout, layout
	logging.AccessLog, keeping.KeepaliveOrigins = "/var/log/sp/access.log", 2
	for _, layout := range []render.Layout{layout, logging, layout, keeping, layout, readLayout(t, "settings")} {
		if got, want := config.Render(layout).Hash, mustRenderFor(t, layout, sites).Hash; got != want {
			t.Errorf("%+v gives other bytes the second time", layout)
		}
	}
}
