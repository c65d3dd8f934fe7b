package render_test

import (
	"bytes"
	"io"
	"regexp"
	"slices"
	"strings"
	"testing"

	crossplane "github.com/nginxinc/nginx-go-crossplane"

	edgev1 "github.com/siteplane/siteplane/gen/siteplane/edge/v1"

	"github.com/siteplane/siteplane/services/edge-agent/internal/render"
)

// text is what nginx would read, file by file.
type text struct {
	files  []render.File
	parsed map[string]crossplane.Directives
}

// everything is a layout with all that an operator can switch on.
func everything() render.Layout {
	l := layout
	l.AccessLog, l.KeepaliveOrigins = "/var/lib/sp/logs/access.log", 1000
	l.TrustedProxies, l.RealIPHeader = []string{"192.0.2.0/24"}, "X-Forwarded-For"
	return l
}

// read renders sites for everything and has somebody else's parser read every file.
func read(t testing.TB, sites []*edgev1.Site) text {
	t.Helper()
	rendering := mustRenderFor(t, everything(), sites)
	status := render.Status(everything(), 7, "hash over the others", []string{"/var/lib/sp/generations/7/" + render.MapsFile})
	r := text{
		files:  append(slices.Clone(rendering.Files), render.File{Name: render.StatusFile, Data: status}),
		parsed: map[string]crossplane.Directives{},
	}
	for _, file := range r.files {
		payload, err := crossplane.Parse(file.Name, &crossplane.ParseOptions{
			SingleFile: true, SkipDirectiveContextCheck: true, ParseComments: true,
			Open: func(string) (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(file.Data)), nil },
		})
		if err != nil || payload.Status != "ok" {
			t.Fatalf("crossplane does not read %s: %v %+v\n%s", file.Name, err, payload.Errors, file.Data)
		}
		r.parsed[file.Name] = payload.Config[0].Parsed
	}
	return r
}

// walk visits every directive with the blocks around it, outermost first.
func (r text) walk(visit func(file string, around crossplane.Directives, d *crossplane.Directive)) {
	for _, file := range r.files {
		var down func(around, block crossplane.Directives)
		down = func(around, block crossplane.Directives) {
			for _, d := range block {
				visit(file.Name, around, d)
				down(append(slices.Clip(around), d), d.Block)
			}
		}
		down(nil, r.parsed[file.Name])
	}
}

// all returns the directives of a name at the top of a file.
func (r text) all(file, name string) (found crossplane.Directives) {
	for _, d := range r.parsed[file] {
		if d.Directive == name {
			found = append(found, d)
		}
	}
	return found
}

// raw returns the bytes of the lines that a directive and its block stand on.
func (r text) raw(file string, d *crossplane.Directive) string {
	for _, f := range r.files {
		if f.Name == file {
			lines, last := strings.Split(string(f.Data), "\n"), d.Line
			for _, inner := range d.Block {
				last = inner.Line + 1
			}
			return strings.Join(lines[d.Line-1:last], "\n")
		}
	}
	return ""
}

// shape is all that a configuration says apart from the values of sites: which
// directives there are, in which blocks, with how many parameters of which kind. It
// is sorted, for the order of directives and of blocks does not count.
func (r text) shape() (shapes []string) {
	for _, file := range r.files {
		for _, d := range r.parsed[file.Name] {
			if d.Directive == "http" { // shorter where something differs
				shapes = append(shapes, shapesOf(file.Name+" http: ", d.Block, false)...)
			} else {
				shapes = append(shapes, shapesOf(file.Name+": ", crossplane.Directives{d}, false)...)
			}
		}
	}
	slices.Sort(shapes)
	return shapes
}

func shapesOf(where string, block crossplane.Directives, isMap bool) (shapes []string) {
	for _, d := range block {
		if d.Directive == "#" {
			continue
		}
		label := d.Directive
		if isMap {
			label = "entry:" + kind(label)
		}
		for i, arg := range d.Args {
			if isHeader := strings.HasSuffix(d.Directive, "_header"); isHeader && i < 2 {
				label += " x" + variables(arg) // no word means anything else there
			} else {
				label += " " + kind(arg)
			}
		}
		if d.Block != nil {
			label += " {" + strings.Join(shapesOf("", d.Block, d.Directive == "map"), "; ") + "}"
		}
		shapes = append(shapes, where+label)
	}
	slices.Sort(shapes)
	return shapes
}

// kind is what nginx makes of a parameter: the words and signs that change its
// meaning, and the variables in it.
func kind(arg string) string {
	switch {
	case slices.Contains([]string{"default", "default_server", "hostnames", "volatile", "include", "always", "break", "=", "~", "~*", "^~", "_"}, arg):
		return arg
	case strings.HasPrefix(arg, "unix:"), strings.HasPrefix(arg, "~"), strings.HasPrefix(arg, "*"), strings.HasPrefix(arg, "."):
		return arg[:1]
	}
	return "x" + variables(arg)
}

var (
	variable = regexp.MustCompile(`\$\{?[A-Za-z_][A-Za-z0-9_]*`)
	counter  = regexp.MustCompile(`\d+$`)
)

// variables names those in a parameter; those of routes are alike.
func variables(arg string) (names string) {
	for _, name := range variable.FindAllString(arg, -1) {
		names += counter.ReplaceAllString(name, "")
	}
	return names
}

// wantShape fails with what two shapes do not share.
func wantShape(t testing.TB, got, want []string) {
	t.Helper()
	less, more := without(want, got), without(got, want)
	if len(less)+len(more) > 0 {
		t.Errorf("the shape has\n\t%s\ninstead of\n\t%s", strings.Join(more, "\n\t"), strings.Join(less, "\n\t"))
	}
}

// without takes each of some texts once from others.
func without(from, texts []string) []string {
	rest := slices.Clone(from)
	for _, text := range texts {
		if i := slices.Index(rest, text); i >= 0 {
			rest = slices.Delete(rest, i, i+1)
		}
	}
	return rest
}

// serverNames returns the names of all public servers, and of all others, sorted.
func (r text) serverNames() (public, internal []string) {
	for _, server := range r.all(render.ServersFile, "server") {
		names, isPublic := namesOf(server)
		if isPublic {
			public = append(public, names...)
		} else {
			internal = append(internal, names...)
		}
	}
	slices.Sort(public)
	slices.Sort(internal)
	return public, internal
}

func namesOf(server *crossplane.Directive) (names []string, public bool) {
	for _, d := range server.Block {
		switch {
		case d.Directive == "server_name":
			names = append(names, d.Args...)
		case d.Directive == "listen" && !strings.HasPrefix(d.Args[0], "unix:"):
			public = true
		}
	}
	return names, public
}
