package main

import (
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/mod/modfile"
)

// Workspace is what go.work lists, read from disk.
type Workspace struct {
	Modules []*Module // in the order of their folders
}

// Module is one go.mod of the workspace with the imports of its packages.
type Module struct {
	Path     string // module path
	Dir      string // absolute
	Rel      string // folder relative to go.work, slashes
	File     *modfile.File
	Packages map[string]*Package // by import path
}

// Package holds the import paths of one folder's Go files, all build tags together.
type Package struct {
	Imports     map[string]bool // of the files that importers compile
	TestImports map[string]bool // of the _test.go files
}

// Load reads go.work, its go.mod files and the import lines of all their packages.
func Load(root string) (*Workspace, error) {
	root, err := filepath.Abs(root)
	if err != nil {
		return nil, err
	}
	name := filepath.Join(root, "go.work")
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	work, err := modfile.ParseWork(name, data, nil)
	if err != nil {
		return nil, err
	}
	w := &Workspace{}
	for _, use := range work.Use {
		m, err := loadModule(root, use.Path)
		if err != nil {
			return nil, err
		}
		w.Modules = append(w.Modules, m)
	}
	slices.SortFunc(w.Modules, func(a, b *Module) int { return strings.Compare(a.Rel, b.Rel) })
	return w, nil
}

// Save writes every go.mod back.
func (w *Workspace) Save() error {
	for _, m := range w.Modules {
		m.File.Cleanup()
		data, err := m.File.Format()
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(m.Dir, "go.mod"), data, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// Owner is the module that holds the import path, nil for code of others.
func (w *Workspace) Owner(importPath string) *Module {
	var owner *Module
	for _, m := range w.Modules {
		inside := importPath == m.Path || strings.HasPrefix(importPath, m.Path+"/")
		if inside && (owner == nil || len(m.Path) > len(owner.Path)) {
			owner = m
		}
	}
	return owner
}

func loadModule(root, rel string) (*Module, error) {
	dir := filepath.Join(root, filepath.FromSlash(rel))
	name := filepath.Join(dir, "go.mod")
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	file, err := modfile.Parse(name, data, nil)
	if err != nil {
		return nil, err
	}
	if file.Module == nil {
		return nil, fmt.Errorf("%s has no module line", name)
	}
	m := &Module{Path: file.Module.Mod.Path, Dir: dir, Rel: path.Clean(rel), File: file, Packages: map[string]*Package{}}
	return m, m.loadPackages()
}

func (m *Module) loadPackages() error {
	return filepath.WalkDir(m.Dir, func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && name != m.Dir && notPartOf(name, entry.Name()):
			return filepath.SkipDir
		case entry.IsDir() || !strings.HasSuffix(name, ".go"):
			return nil
		}
		return m.loadFile(name)
	})
}

// notPartOf tells the folders that the go command leaves out of a module.
func notPartOf(dir, base string) bool {
	if base == "testdata" || base == "vendor" || strings.HasPrefix(base, ".") || strings.HasPrefix(base, "_") {
		return true
	}
	_, err := os.Stat(filepath.Join(dir, "go.mod"))
	return err == nil
}

func (m *Module) loadFile(name string) error {
	file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
	if err != nil {
		return err
	}
	rel, err := filepath.Rel(m.Dir, filepath.Dir(name))
	if err != nil {
		return err
	}
	importPath := path.Join(m.Path, filepath.ToSlash(rel))
	pkg := m.Packages[importPath]
	if pkg == nil {
		pkg = &Package{Imports: map[string]bool{}, TestImports: map[string]bool{}}
		m.Packages[importPath] = pkg
	}
	into := pkg.Imports
	if strings.HasSuffix(name, "_test.go") {
		into = pkg.TestImports
	}
	for _, spec := range file.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return err
		}
		into[imported] = true
	}
	return nil
}

// all joins the imports and the test imports.
func (p *Package) all() []string {
	return slices.Concat(slices.Collect(maps.Keys(p.Imports)), slices.Collect(maps.Keys(p.TestImports)))
}
