// Package deps holds the rules about which package may import which, and the
// test that the tree keeps them. It owns the rules as data (rules.go) and knows
// nothing of what the packages do.
package deps

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// prefix is where all our import paths begin. Rules write ours relative to it,
// as the go command does: "./services/lifecycle/site".
const prefix = "github.com/siteplane/siteplane"

// Package is one package of ours and what it imports.
type Package struct {
	Path        string
	Imports     []string
	TestImports []string // of its tests, inside and outside the package
}

// Graph is every package of the workspace by path.
type Graph map[string]Package

// Load asks the go command for the packages of every module that root's go.work
// lists. Packages that do not compile are listed too.
func Load(root string) (Graph, error) {
	modules, err := goList(root, "-m", "-f", "{{.Path}}/...")
	if err != nil {
		return nil, err
	}
	args := []string{"-e", "-json=ImportPath,Imports,TestImports,XTestImports"}
	out, err := goList(root, append(args, strings.Fields(string(modules))...)...)
	if err != nil {
		return nil, err
	}
	return parse(out)
}

func goList(root string, args ...string) ([]byte, error) {
	cmd := exec.Command("go", append([]string{"list"}, args...)...)
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "GOWORK="+filepath.Join(root, "go.work"), "PWD="+root)
	out, err := cmd.Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			return nil, fmt.Errorf("list packages: %w\n%s", err, exit.Stderr)
		}
		return nil, fmt.Errorf("list packages: %w", err)
	}
	return out, nil
}

func parse(list []byte) (Graph, error) {
	graph := Graph{}
	decoder := json.NewDecoder(strings.NewReader(string(list)))
	for {
		var listed struct {
			ImportPath                         string
			Imports, TestImports, XTestImports []string
		}
		err := decoder.Decode(&listed)
		if errors.Is(err, io.EOF) {
			return graph, nil
		}
		if err != nil {
			return nil, fmt.Errorf("read the list of packages: %w", err)
		}
		p := Package{
			Path:        relative(listed.ImportPath),
			Imports:     relativeAll(listed.Imports),
			TestImports: relativeAll(slices.Concat(listed.TestImports, listed.XTestImports)),
		}
		graph[p.Path] = p
	}
}

func relativeAll(paths []string) []string {
	var out []string
	for _, p := range paths {
		out = append(out, relative(p))
	}
	return out
}

// relative turns our import paths into the form of the rules and leaves others.
func relative(path string) string {
	switch rest, ours := strings.CutPrefix(path, prefix); {
	case ours && rest == "":
		return "."
	case ours && rest[0] == '/':
		return "." + rest
	default:
		return path
	}
}

func ours(path string) bool { return path == "." || strings.HasPrefix(path, "./") }
