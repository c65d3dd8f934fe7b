// Package planted plants bugs that an engine of this kind is known to have, and
// demands that a named test of the engine catches each: a test that has never failed
// proves nothing.
package planted

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// bug is one change of one file, and the test that must fail by it.
type bug struct {
	name string
	// file is below the root of the repository.
	file     string
	old, new string
	// pkg is the package of the test, within the lifecycle module.
	pkg, test string
}

var bugs = []bug{
	{
		name: "no epoch check: who was taken over goes on writing",
		file: "services/lifecycle/store/relational/work.go",
		old:  "return lifecycle.ErrFenced", new: "_ = lifecycle.ErrFenced; return nil",
		pkg: "./saga", test: "TestEngine_is_fenced",
	},
	{
		name: "status before confirm: a step is over once it is begun",
		file: "services/lifecycle/saga/walk.go",
		old:  "if step.Confirm == nil {", new: "if true {",
		pkg: "./saga", test: "TestEngine_walks",
	},
	{
		name: "status before confirm: what answers with the old revision will do",
		file: "services/lifecycle/reconcile/create_site.go",
		old:  "case proof.Revision != revision:", new: "case false:",
		pkg: "./reconcile", test: "TestUpdateSite",
	},
	{
		name: "compensation of what was there before",
		file: "services/lifecycle/saga/compensate.go",
		old:  "made[e.Step] = e.Result != Found", new: "made[e.Step] = true",
		pkg: "./saga", test: "TestEngine_compensates",
	},
}

func TestPlanted(t *testing.T) {
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range bugs {
		t.Run(b.name, func(t *testing.T) {
			overlay := plant(t, root, b)
			test := exec.CommandContext(t.Context(), "go", "test", "-timeout", "1m", "-overlay", overlay, "-run", "^"+b.test+"$", b.pkg)
			test.Dir = filepath.Join(root, "services", "lifecycle")
			said, err := test.CombinedOutput()
			if err == nil {
				t.Fatalf("%s passes with the bug", b.test)
			}
			if !strings.Contains(string(said), "--- FAIL: "+b.test) {
				t.Fatalf("it is not %s that fails: %s", b.test, said)
			}
		})
	}
}

// plant writes the changed file aside and returns the overlay that puts it in the
// place of the right one.
func plant(t *testing.T, root string, b bug) string {
	t.Helper()
	path := filepath.Join(root, b.file)
	right, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(right), b.old); n != 1 {
		t.Fatalf("%s has %q %d times; plant the bug anew", b.file, b.old, n)
	}
	dir := t.TempDir()
	wrong := filepath.Join(dir, "wrong.go")
	overlay := filepath.Join(dir, "overlay.json")
	replace, err := json.Marshal(map[string]map[string]string{"Replace": {path: wrong}})
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{wrong: []byte(strings.Replace(string(right), b.old, b.new, 1)), overlay: replace} {
		if err := os.WriteFile(name, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return overlay
}
