package deps

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Rule limits what some packages import.
type Rule struct {
	Of      []string // the packages it is about
	May     []string // packages of ours that they may import; nil sets no limit
	Never   []string // packages that they must not reach, directly or through ours
	InTests bool     // May holds for their tests too
	Because string   // the rule in words
}

// Violation is one import that a rule forbids.
type Violation struct {
	Chain   []string // from the package to the import
	Because string
}

func (v Violation) String() string {
	return fmt.Sprintf("%s: %s", strings.Join(v.Chain, " imports "), v.Because)
}

// Check applies every rule to every package it is about.
func Check(graph Graph, rules []Rule) []Violation {
	var found []Violation
	for _, path := range slices.Sorted(maps.Keys(graph)) {
		for _, rule := range rules {
			if !matchAny(rule.Of, path) {
				continue
			}
			found = append(found, rule.outside(graph[path])...)
			found = append(found, rule.forbidden(graph, path)...)
		}
	}
	return found
}

// Uncovered lists the packages that no rule with May is about: a new package
// gets its place in the table.
func Uncovered(graph Graph, rules []Rule) []string {
	var found []string
	for _, path := range slices.Sorted(maps.Keys(graph)) {
		covered := slices.ContainsFunc(rules, func(r Rule) bool { return r.May != nil && matchAny(r.Of, path) })
		if !covered {
			found = append(found, path)
		}
	}
	return found
}

// outside finds the imports of ours that May does not list.
func (r Rule) outside(p Package) []Violation {
	if r.May == nil {
		return nil
	}
	imports := p.Imports
	if r.InTests {
		imports = slices.Concat(imports, p.TestImports)
	}
	var found []Violation
	for _, imported := range imports {
		if ours(imported) && imported != p.Path && !matchAny(r.May, imported) {
			found = append(found, Violation{[]string{p.Path, imported}, r.Because})
		}
	}
	return found
}

// forbidden finds the ways from a package to what Never lists. It stops at
// packages that the rule is about too: they answer for themselves.
func (r Rule) forbidden(graph Graph, from string) []Violation {
	var found []Violation
	seen := map[string]bool{}
	var walk func(chain []string)
	walk = func(chain []string) {
		for _, imported := range graph[chain[len(chain)-1]].Imports {
			if seen[imported] {
				continue
			}
			seen[imported] = true
			next := append(slices.Clone(chain), imported)
			if matchAny(r.Never, imported) {
				found = append(found, Violation{next, r.Because})
			} else if ours(imported) && !matchAny(r.Of, imported) {
				walk(next)
			}
		}
	}
	if r.Never != nil {
		walk([]string{from})
	}
	return found
}

func matchAny(patterns []string, path string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool { return match(pattern, path) })
}

// match understands a path, and a path with "/..." for it and all below.
func match(pattern, path string) bool {
	base, below := strings.CutSuffix(pattern, "/...")
	return path == base || below && strings.HasPrefix(path, base+"/")
}
