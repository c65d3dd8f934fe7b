package render_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	crossplane "github.com/nginxinc/nginx-go-crossplane"
	"google.golang.org/protobuf/proto"

	edgev1 "github.com/siteplane/siteplane/gen/siteplane/edge/v1"
	"github.com/siteplane/siteplane/internal/platform/hostile"

	"github.com/siteplane/siteplane/services/edge-agent/internal/render"
)

// about is all that a configuration says about some sites: their lines in the maps
// and the blocks that these name, byte for byte, the directives of the servers that
// have their names, and what is not about sites at all.
func (r text) about(sites []*edgev1.Site) (said []string) {
	hosts := map[string]bool{}
	for _, site := range sites {
		hosts[site.GetSiteId()+".site.internal"] = true
		for _, hostname := range site.GetHostnames() {
			hosts[hostname] = true
		}
	}
	upstreams := map[string]string{}
	r.walk(func(file string, _ crossplane.Directives, d *crossplane.Directive) {
		if d.Directive == "upstream" {
			upstreams[d.Args[0]] = r.raw(file, d)
		}
	})
	for _, file := range r.files {
		for _, d := range r.parsed[file.Name] {
			switch {
			case d.Directive == "map":
				said = append(said, r.entries(file.Name, d, hosts, upstreams)...)
			case d.Directive == "server":
				said = append(said, serverOf(d, hosts)...)
			case d.Directive == "http":
				said = append(said, spelled(d.Block)...)
			case d.Directive != "upstream" && d.Directive != "#":
				said = append(said, spelled(crossplane.Directives{d})...)
			}
		}
	}
	return said
}

// entries are the lines of a map that have a host, with the blocks that they name.
func (r text) entries(file string, d *crossplane.Directive, hosts map[string]bool, upstreams map[string]string) (said []string) {
	for _, entry := range d.Block {
		if entry.Directive == "#" || !hosts[entry.Directive] {
			continue
		}
		said = append(said, strings.Join(d.Args, " ")+": "+r.raw(file, entry)+"\n"+upstreams[entry.Args[0]])
	}
	return said
}

// serverOf says for each host that a server has what else the server says; a server
// without names is everybody's.
func serverOf(server *crossplane.Directive, hosts map[string]bool) (said []string) {
	names, public := namesOf(server)
	var rest crossplane.Directives
	for _, d := range server.Block {
		if d.Directive != "server_name" {
			rest = append(rest, d)
		}
	}
	body := strings.Join(spelled(rest), "; ")
	if names == nil {
		return []string{body}
	}
	for _, name := range names {
		if hosts[name] {
			said = append(said, fmt.Sprintf("%s, public %t: %s", name, public, body))
		}
	}
	return said
}

// spelled writes directives out, in their order and without the sizes of hash
// tables, which grow with the number of names.
func spelled(block crossplane.Directives) (lines []string) {
	for _, d := range block {
		if d.Directive == "#" || strings.HasSuffix(d.Directive, "_hash_max_size") {
			continue
		}
		line := fmt.Sprintf("%s %q", d.Directive, d.Args)
		if d.Block != nil {
			line += " {" + strings.Join(spelled(d.Block), "; ") + "}"
		}
		lines = append(lines, line)
	}
	return lines
}

// I22: one more site of every kind, hostile ones above all, leaves the others as they
// were.
func TestRender_says_the_same_about_others(t *testing.T) {
	others := pair()
	alone := read(t, others).about(others)
	if len(alone) < 30 {
		t.Fatalf("too little is looked at: %q", alone)
	}
	corpus := hostile.Texts()
	for seed := range uint64(200) {
		one := newGenerator(seed, corpus, texts{}).site("site_01h455vb4pex5vsknk084sn001")
		twin := proto.CloneOf(others[0]) // in the same profile
		twin.SiteId, twin.Hostnames = "site_01h455vb4pex5vsknk084sn010", []string{"twin.example.com"}
		for _, more := range []*edgev1.Site{one, twin} {
			if _, err := render.New(append(slices.Clone(others), more)); err == nil {
				wantShape(t, read(t, append(slices.Clone(others), more)).about(others), alone)
			}
		}
	}
}
