package main

import (
	"fmt"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/semver"
)

// siblingVersion is what every sibling is required at; the replace decides what is used.
const siblingVersion = "v0.0.0"

// Problem is one line of one go.mod that is missing or wrong, with its repair.
type Problem struct {
	Module *Module
	Text   string
	fix    func(*modfile.File) error
}

func (p Problem) String() string { return path.Join(p.Module.Rel, "go.mod") + ": " + p.Text }

// Problems applies both rules to every module.
func Problems(w *Workspace) []Problem {
	var found []Problem
	for _, m := range w.Modules {
		found = append(found, siblingRequires(w, m)...)
		found = append(found, siblingReplaces(w, m)...)
	}
	return append(found, unequalVersions(w)...)
}

// siblingRequires compares the siblings that m requires with those that its
// packages reach.
func siblingRequires(w *Workspace, m *Module) []Problem {
	var found []Problem
	needed := reached(w, m)
	required := map[string]string{}
	for _, r := range m.File.Require {
		required[r.Mod.Path] = r.Mod.Version
	}
	for _, s := range w.Modules {
		version, has := required[s.Path]
		switch {
		case needed[s] && !has:
			found = append(found, Problem{m, fmt.Sprintf("needs `require %s %s`", s.Path, siblingVersion), setRequire(s.Path)})
		case needed[s] && version != siblingVersion:
			found = append(found, Problem{m, fmt.Sprintf("requires the sibling %s at %s, not %s", s.Path, version, siblingVersion), setRequire(s.Path)})
		case !needed[s] && has:
			found = append(found, Problem{m, fmt.Sprintf("requires %s and imports nothing of it", s.Path),
				func(f *modfile.File) error { return f.DropRequire(s.Path) }})
		}
	}
	return found
}

func setRequire(sibling string) func(*modfile.File) error {
	return func(f *modfile.File) error { return f.AddRequire(sibling, siblingVersion) }
}

// siblingReplaces compares the replaces of m with the siblings in its module
// graph: more than it imports, because a sibling's own requires are resolved too.
func siblingReplaces(w *Workspace, m *Module) []Problem {
	var found []Problem
	graph := closure(w, m)
	replaced := map[string]string{}
	for _, r := range m.File.Replace {
		replaced[r.Old.Path] = r.New.Path
	}
	for _, s := range w.Modules {
		target, has := replaced[s.Path]
		want := relativePath(m, s)
		switch {
		case graph[s] && target != want:
			found = append(found, Problem{m, fmt.Sprintf("needs `replace %s => %s`", s.Path, want),
				func(f *modfile.File) error { return f.AddReplace(s.Path, "", want, "") }})
		case !graph[s] && has:
			found = append(found, Problem{m, fmt.Sprintf("replaces %s and does not need it", s.Path),
				func(f *modfile.File) error { return f.DropReplace(s.Path, "") }})
		}
	}
	return found
}

func relativePath(from, to *Module) string {
	rel, err := filepath.Rel(from.Dir, to.Dir)
	if err != nil { // both are absolute
		panic(err)
	}
	rel = filepath.ToSlash(rel)
	if !strings.HasPrefix(rel, "..") {
		rel = "./" + rel
	}
	return rel
}

// reached is the set of siblings whose packages m compiles: those imported by its
// packages and tests, and by the packages these import.
func reached(w *Workspace, m *Module) map[*Module]bool {
	found, seen := map[*Module]bool{}, map[string]bool{}
	var visit func(importPath string)
	visit = func(importPath string) {
		owner := w.Owner(importPath)
		if owner == nil || seen[importPath] {
			return
		}
		seen[importPath] = true
		if owner != m {
			found[owner] = true
		}
		if pkg := owner.Packages[importPath]; pkg != nil {
			for imported := range pkg.Imports {
				visit(imported)
			}
		}
	}
	for _, pkg := range m.Packages {
		for _, imported := range pkg.all() {
			visit(imported)
		}
	}
	return found
}

// closure is the set of siblings in m's module graph.
func closure(w *Workspace, m *Module) map[*Module]bool {
	found := map[*Module]bool{}
	var visit func(*Module)
	visit = func(from *Module) {
		for s := range reached(w, from) {
			if s != m && !found[s] {
				found[s] = true
				visit(s)
			}
		}
	}
	visit(m)
	return found
}

// unequalVersions names each require that is behind the highest version of the
// same module in the workspace.
func unequalVersions(w *Workspace) []Problem {
	highest := map[string]string{}
	for _, m := range w.Modules {
		for _, r := range m.File.Require {
			if semver.Compare(r.Mod.Version, highest[r.Mod.Path]) > 0 {
				highest[r.Mod.Path] = r.Mod.Version
			}
		}
	}
	for _, m := range w.Modules {
		delete(highest, m.Path) // siblings have their own rule
	}
	var found []Problem
	for _, m := range w.Modules {
		for _, r := range slices.Clone(m.File.Require) {
			if want, third := highest[r.Mod.Path]; third && r.Mod.Version != want {
				found = append(found, Problem{m,
					fmt.Sprintf("requires %s %s, behind the %s of %s", r.Mod.Path, r.Mod.Version, want, holders(w, r.Mod.Path, want)),
					func(f *modfile.File) error { return f.AddRequire(r.Mod.Path, want) }})
			}
		}
	}
	return found
}

// holders names the modules that require modulePath at version.
func holders(w *Workspace, modulePath, version string) string {
	names := map[string]bool{}
	for _, m := range w.Modules {
		for _, r := range m.File.Require {
			if r.Mod.Path == modulePath && r.Mod.Version == version {
				names[path.Join(m.Rel, "go.mod")] = true
			}
		}
	}
	return strings.Join(slices.Sorted(maps.Keys(names)), ", ")
}
