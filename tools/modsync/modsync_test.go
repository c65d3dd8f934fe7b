package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// sound is a workspace in step: app imports lib, lib imports base.
var sound = map[string]string{
	"go.work":      "go 1.26.0\n\nuse (\n\t./app\n\t./base\n\t./lib\n)\n",
	"base/go.mod":  "module example.test/base\n\ngo 1.26.0\n\nrequire example.org/third v1.2.0\n",
	"base/base.go": "package base\n\nimport _ \"example.org/third\"\n",
	"lib/go.mod": "module example.test/lib\n\ngo 1.26.0\n\nrequire example.test/base v0.0.0\n\n" +
		"replace example.test/base => ../base\n",
	"lib/lib.go": "package lib\n\nimport _ \"example.test/base\"\n",
	"app/go.mod": "module example.test/app\n\ngo 1.26.0\n\nrequire example.test/lib v0.0.0\n\n" +
		"require (\n\texample.org/third v1.2.0 // indirect\n\texample.test/base v0.0.0 // indirect\n)\n\n" +
		"replace example.test/base => ../base\n\nreplace example.test/lib => ../lib\n",
	"app/app.go": "package app\n\nimport _ \"example.test/lib\"\n",
}

func setup(t *testing.T, file, old, new string) string {
	t.Helper()
	root := t.TempDir()
	for name, text := range sound {
		if name == file {
			if !strings.Contains(text, old) {
				t.Fatalf("%s does not hold %q", name, old)
			}
			text = strings.Replace(text, old, new, 1)
		}
		full := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(full, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func problems(t *testing.T, root string) string {
	t.Helper()
	w, err := Load(root)
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, p := range Problems(w) {
		lines = append(lines, p.String())
	}
	return strings.Join(lines, "\n")
}

func TestProblems(t *testing.T) {
	tests := []struct {
		name, file, old, new string
		want                 string
	}{
		{name: "in step"},
		{
			name: "missing require", file: "lib/go.mod", old: "require example.test/base v0.0.0", new: "",
			want: "lib/go.mod: needs `require example.test/base v0.0.0`",
		},
		{
			name: "missing transitive require", file: "app/go.mod", old: "\texample.test/base v0.0.0 // indirect\n", new: "",
			want: "app/go.mod: needs `require example.test/base v0.0.0`",
		},
		{
			name: "released sibling version", file: "lib/go.mod", old: "base v0.0.0", new: "base v0.3.0",
			want: "lib/go.mod: requires the sibling example.test/base at v0.3.0, not v0.0.0",
		},
		{
			name: "needless require", file: "lib/lib.go", old: "import _ \"example.test/base\"", new: "",
			want: "app/go.mod: requires example.test/base and imports nothing of it\n" +
				"app/go.mod: replaces example.test/base and does not need it\n" +
				"lib/go.mod: requires example.test/base and imports nothing of it\n" +
				"lib/go.mod: replaces example.test/base and does not need it",
		},
		{
			name: "missing replace", file: "lib/go.mod", old: "replace example.test/base => ../base", new: "",
			want: "lib/go.mod: needs `replace example.test/base => ../base`",
		},
		{
			name: "missing transitive replace", file: "app/go.mod", old: "replace example.test/base => ../base", new: "",
			want: "app/go.mod: needs `replace example.test/base => ../base`",
		},
		{
			name: "replace elsewhere", file: "lib/go.mod", old: "=> ../base", new: "=> /src/base",
			want: "lib/go.mod: needs `replace example.test/base => ../base`",
		},
		{
			name: "third party behind", file: "app/go.mod", old: "third v1.2.0", new: "third v1.1.9",
			want: "app/go.mod: requires example.org/third v1.1.9, behind the v1.2.0 of base/go.mod",
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			root := setup(t, test.file, test.old, test.new)
			if got := problems(t, root); got != test.want {
				t.Fatalf("problems:\n%s\nwant:\n%s", got, test.want)
			}
			if err := report(root); (err != nil) != (test.want != "") {
				t.Fatalf("report: %v", err)
			}
			if err := fixAll(root); err != nil {
				t.Fatal(err)
			}
			if got := problems(t, root); got != "" {
				t.Fatalf("left after the repair:\n%s", got)
			}
		})
	}
}

func TestProblems_counts_imports_of_tests(t *testing.T) {
	root := setup(t, "base/base.go", "package base", "package base")
	text := "package base\n\nimport _ \"example.test/lib\"\n"
	if err := os.WriteFile(filepath.Join(root, "base", "base_test.go"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	if got, want := problems(t, root), "base/go.mod: needs `require example.test/lib v0.0.0`"; !strings.Contains(got, want) {
		t.Fatalf("problems:\n%s\nwant among them:\n%s", got, want)
	}
}

func TestLoad_leaves_nested_modules_and_testdata_to_themselves(t *testing.T) {
	root := setup(t, "", "", "")
	for name, text := range map[string]string{
		"base/nested/go.mod":      "module example.test/nested\n\ngo 1.26.0\n",
		"base/nested/nested.go":   "package nested\n\nimport _ \"example.test/lib\"\n",
		"base/testdata/broken.go": "not Go",
	} {
		full := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(full, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if got := problems(t, root); got != "" {
		t.Fatalf("problems:\n%s", got)
	}
}
