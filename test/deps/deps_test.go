package deps

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestDirection(t *testing.T) {
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	dependOnSources(t, root)
	graph, err := Load(root)
	if err != nil {
		t.Fatal(err)
	}
	for _, known := range []string{"./cmd/siteplane", "./services/lifecycle/id", "./internal/platform/digest"} {
		if _, found := graph[known]; !found {
			t.Errorf("%s is not among the %d packages listed: is the list complete?", known, len(graph))
		}
	}
	for _, v := range Check(graph, Rules) {
		t.Error(v)
	}
	for _, path := range Uncovered(graph, Rules) {
		t.Errorf("%s has no row in test/deps/rules.go: say what it may import", path)
	}
	for path := range graph {
		if match("./services/lifecycle/...", path) && !inLayer(path) {
			t.Errorf("%s is in no layer of test/deps/rules.go", path)
		}
	}
}

func inLayer(path string) bool {
	return slices.ContainsFunc(layers, func(r Rule) bool { return matchAny(r.Of, path) })
}

// dependOnSources opens every folder of the tree, so that a cached result of this
// test is not taken for an answer about files that have changed since: what the
// go command reads for us does not count as read by us.
func dependOnSources(t *testing.T, root string) {
	t.Helper()
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() && path != root && strings.HasPrefix(entry.Name(), ".") {
			return fs.SkipDir
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestCheck sees to it that every rule can fail: each row is a tree with one
// forbidden import, and no rule is left without a row.
func TestCheck(t *testing.T) {
	const lifecycle = "./services/lifecycle/"
	tests := []struct {
		name     string
		from, to string
		inTest   bool
	}{
		{name: "gen imports platform", from: "./gen/siteplane/edge/v1", to: "./internal/platform/rpc"},
		{name: "platform imports gen", from: "./internal/platform/rpc", to: "./gen/siteplane/edge/v1"},
		{name: "platform's test imports a service", from: "./internal/platform/rpc", to: lifecycle + "id", inTest: true},
		{name: "service imports root", from: "./services/tunnel/app", to: "./cmd/siteplane/internal/up"},
		{name: "service imports simulator", from: "./services/dnsvalidator/app", to: "./simulators/dns"},
		{name: "service imports service", from: "./services/edge-agent/internal/agent", to: "./services/tunnel/app"},
		{name: "service's test imports service", from: lifecycle + "app", to: "./services/tunnel/app", inTest: true},
		{name: "simulator imports service", from: "./simulators/dns", to: "./services/dnsvalidator/app"},
		{name: "root imports beside app", from: "./cmd/siteplane", to: "./services/edge-agent/render"},
		{name: "example imports platform", from: "./examples/go", to: "./internal/platform/cliconfig"},
		{name: "foundation imports domain", from: lifecycle + "id", to: lifecycle + "site"},
		{name: "module root imports id's user", from: "./services/lifecycle", to: lifecycle + "machine"},
		{name: "domain imports adapter", from: lifecycle + "site", to: lifecycle + "store/sqlite"},
		{name: "domain imports app", from: lifecycle + "saga", to: lifecycle + "app"},
		{name: "adapter imports app", from: lifecycle + "reconcile", to: lifecycle + "app"},
		{name: "app imports api", from: lifecycle + "app", to: lifecycle + "api"},
		{name: "api imports program", from: lifecycle + "api", to: lifecycle + "cmd/lifecycle"},
		{name: "api imports store", from: lifecycle + "api", to: lifecycle + "store/sqlite"},
		{name: "service's wiring imports program", from: lifecycle + "service", to: lifecycle + "cmd/lifecycle"},
		{name: "api imports the wiring", from: lifecycle + "api", to: lifecycle + "service"},
		{name: "program imports store", from: lifecycle + "cmd/lifecycle", to: lifecycle + "store/sqlite"},
		{name: "domain imports grpc", from: lifecycle + "site", to: "google.golang.org/grpc/codes"},
		{name: "domain imports protobuf", from: lifecycle + "edge", to: "google.golang.org/protobuf/proto"},
		{name: "domain imports pgx", from: lifecycle + "worker", to: "github.com/jackc/pgx/v5/pgxpool"},
		{name: "domain imports sqlite", from: lifecycle + "worker", to: "modernc.org/sqlite"},
		{name: "domain imports the telemetry SDK", from: lifecycle + "event", to: "go.opentelemetry.io/otel/sdk/trace"},
		{name: "domain imports gen", from: lifecycle + "network", to: "./gen/siteplane/lifecycle/v1"},
	}
	caught := map[string]bool{}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			p := Package{Path: test.from, Imports: []string{test.to, "fmt"}}
			if test.inTest {
				p = Package{Path: test.from, TestImports: []string{test.to, "testing"}}
			}
			found := Check(Graph{p.Path: p}, Rules)
			if len(found) == 0 {
				t.Fatalf("nothing forbids that %s imports %s", test.from, test.to)
			}
			for _, v := range found {
				caught[v.Because] = true
				if !strings.HasPrefix(v.String(), test.from+" imports "+test.to+": ") {
					t.Errorf("violation %q does not name %s and %s", v, test.from, test.to)
				}
			}
		})
	}
	for _, rule := range Rules {
		if !caught[rule.Because] {
			t.Errorf("no row breaks the rule %q", rule.Because)
		}
	}
}

func TestCheck_follows_our_packages(t *testing.T) {
	graph := Graph{
		"./services/lifecycle/site": {Path: "./services/lifecycle/site", Imports: []string{"./internal/platform/x"}},
		"./internal/platform/x":     {Path: "./internal/platform/x", Imports: []string{"google.golang.org/grpc"}},
	}
	found := Check(graph, Rules)
	want := "./services/lifecycle/site imports ./internal/platform/x imports google.golang.org/grpc: "
	if len(found) != 1 || !strings.HasPrefix(found[0].String(), want) {
		t.Fatalf("violations %q, want one that begins %q", found, want)
	}
}

func TestCheck_allows_what_the_layers_allow(t *testing.T) {
	graph := Graph{
		"./services/lifecycle/app": {
			Path:        "./services/lifecycle/app",
			Imports:     []string{"./services/lifecycle/store/sqlite", "./services/lifecycle/site", "google.golang.org/grpc"},
			TestImports: []string{"./services/lifecycle/app"},
		},
		"./services/lifecycle/store/sqlite": {Path: "./services/lifecycle/store/sqlite", Imports: []string{"modernc.org/sqlite"}},
	}
	if found := Check(graph, Rules); len(found) != 0 {
		t.Fatalf("violations %q, want none", found)
	}
}

func TestUncovered(t *testing.T) {
	graph := Graph{"./elsewhere": {}, "./services/tunnel/app": {}}
	if got := Uncovered(graph, Rules); !slices.Equal(got, []string{"./elsewhere"}) {
		t.Fatalf("uncovered %q, want only ./elsewhere", got)
	}
}

func TestLoad(t *testing.T) {
	root := t.TempDir()
	files := map[string]string{
		"go.work":       "go 1.26.0\n\nuse (\n\t.\n\t./gen\n)\n",
		"go.mod":        "module " + prefix + "\n\ngo 1.26.0\n",
		"one/one.go":    "package one\n\nimport _ \"" + prefix + "/gen/two\"\n",
		"one/x_test.go": "package one_test\n\nimport _ \"" + prefix + "\"\n",
		"gen/go.mod":    "module " + prefix + "/gen\n\ngo 1.26.0\n",
		"gen/two/t.go":  "package two\n\nimport _ \"fmt\"\n\nvar broken int = \"\"\n",
	}
	for name, text := range files {
		full := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(full, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	graph, err := Load(root)
	if err != nil {
		t.Fatal(err)
	}
	one, two := graph["./one"], graph["./gen/two"]
	if !slices.Equal(one.Imports, []string{"./gen/two"}) || !slices.Equal(one.TestImports, []string{"."}) {
		t.Errorf("./one imports %q, in tests %q", one.Imports, one.TestImports)
	}
	if !slices.Equal(two.Imports, []string{"fmt"}) {
		t.Errorf("./gen/two imports %q", two.Imports)
	}
}
