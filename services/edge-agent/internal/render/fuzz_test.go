package render_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	crossplane "github.com/nginxinc/nginx-go-crossplane"

	edgev1 "github.com/siteplane/siteplane/gen/siteplane/edge/v1"

	"github.com/siteplane/siteplane/services/edge-agent/internal/render"
)

// FuzzNew puts hostile text into every field. Whatever passes the encoder must
// give exactly the directives that a harmless site gives, only with other
// parameters.
func FuzzNew(f *testing.F) {
	benign := shape(f, "a.example.com", "127.0.0.1:80", "/api", "X-A", "value", "https://www.example.com")
	for _, seed := range [][6]string{
		{"a.com; } server {", "127.0.0.1:80", "/api", "X-A", "v", "https://a.b"},
		{"a.example", "unix:/x", "/a{", "X-A;", "v\nSet-Cookie: evil=1", "https://a.b;"},
		{"b.example", "[::1]:80", "/b.c", "X_B", "a 'b' {}#;", "http://c.d:8080"},
		{"~^.*$", "$x:80", "/$x", "$x", "${x}", "https://$host"},
	} {
		f.Add(seed[0], seed[1], seed[2], seed[3], seed[4], seed[5])
	}
	f.Fuzz(func(t *testing.T, hostname, address, prefix, name, value, base string) {
		got := shape(t, hostname, address, prefix, name, value, base)
		if got != nil && !slices.Equal(got, benign) {
			t.Errorf("directives\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(benign, "\n"))
		}
	})
}

// shape renders two sites with these values, lets crossplane read the files and
// returns each directive with its depth and number of parameters. It is nil
// when the encoder refuses.
func shape(t testing.TB, hostname, address, prefix, name, value, base string) []string {
	t.Helper()
	origin := &edgev1.Origin{Targets: []*edgev1.Target{{Address: address}, {Address: "127.0.0.2:80"}}}
	headers := []*edgev1.Header{{Name: name, Value: value}}
	sites := []*edgev1.Site{
		{SiteId: "site_01h455vb4pex5vsknk084sn020", Revision: 1, Hostnames: []string{hostname}, Spec: &edgev1.Spec{
			Backend: &edgev1.Spec_Origin{Origin: origin},
			Routes:  []*edgev1.Route{{PathPrefix: prefix, StripPrefix: true, Origin: origin}},
			// Another option keeps the two sites in the order of their profiles.
			Options: &edgev1.Options{RequestHeaders: headers, ResponseHeaders: headers},
		}},
		{SiteId: "site_01h455vb4pex5vsknk084sn021", Revision: 1, Spec: &edgev1.Spec{
			Backend: &edgev1.Spec_Redirect{Redirect: &edgev1.Redirect{BaseUrl: base, StatusCode: 301}},
			Options: &edgev1.Options{RequestHeaders: headers, ResponseHeaders: headers, Websocket: true},
		}},
	}
	config, err := render.New(sites)
	if err != nil {
		return nil
	}
	var lines []string
	for _, file := range config.Render(layout).Files {
		lines = append(lines, directives(t, file)...)
	}
	// Which profile comes first depends on their hashes.
	slices.Sort(lines)
	return lines
}

func directives(t testing.TB, file render.File) []string {
	t.Helper()
	path := filepath.Join(t.TempDir(), file.Name)
	if err := os.WriteFile(path, file.Data, 0o600); err != nil {
		t.Fatal(err)
	}
	payload, err := crossplane.Parse(path, &crossplane.ParseOptions{SingleFile: true, SkipDirectiveContextCheck: true, ParseComments: false})
	if err != nil || payload.Status != "ok" {
		t.Fatalf("crossplane does not read %s: %v %+v", file.Name, err, payload.Errors)
	}
	var lines []string
	var walk func(parent string, block crossplane.Directives)
	walk = func(parent string, block crossplane.Directives) {
		for _, directive := range block {
			label := directive.Directive
			if strings.HasPrefix(parent, "map ") || strings.HasSuffix(parent, "map") {
				label = "entry"
			}
			line := parent + " " + label + " " + strings.Repeat("x", len(directive.Args))
			lines = append(lines, line)
			walk(parent+" "+label, directive.Block)
		}
	}
	walk(file.Name, payload.Config[0].Parsed)
	return lines
}
