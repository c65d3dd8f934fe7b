package crash_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/siteplane/siteplane/services/lifecycle/failpoint"
	"github.com/siteplane/siteplane/services/lifecycle/reconcile"
)

// reachedFile says, a line for each failpoint, which scenario is the first to pass
// it: there the process is killed.
const reachedFile = "testdata/reached.txt"

// assignments reads the file: the scenario of each failpoint.
func assignments(t *testing.T) map[failpoint.Name]string {
	t.Helper()
	content, err := os.ReadFile(reachedFile)
	must(t, err)
	scenarioOf := map[failpoint.Name]string{}
	for line := range strings.Lines(string(content)) {
		name, scenario, ok := strings.Cut(strings.TrimSpace(line), " ")
		if _, twice := scenarioOf[failpoint.Name(name)]; !ok || twice {
			t.Errorf("%s: line %q is no failpoint with a scenario, or is there twice", reachedFile, line)
		}
		scenarioOf[failpoint.Name(name)] = scenario
	}
	return scenarioOf
}

// A new step, call or transaction has failpoints of its own, and fails here until
// a scenario passes them.
func TestEveryFailpointIsReached(t *testing.T) {
	scenarioOf, known := assignments(t), reconcile.Failpoints()
	for _, name := range known {
		of, ok := scenarioOf[name]
		if !ok {
			t.Errorf("no scenario passes %s: extend one in test/crash/scenario_test.go, then `go test ./test/crash -run TestLifecycle -update`", name)
			continue
		}
		if !slices.ContainsFunc(scenarios, func(s scenario) bool { return s.name == of }) {
			t.Errorf("%s is passed by %q, which is no scenario", name, of)
		}
	}
	for name := range scenarioOf {
		if !slices.Contains(known, name) {
			t.Errorf("%s in %s is no failpoint any more", name, reachedFile)
		}
	}
}

// passed are the failpoints of the world's last scene.
func (w *world) passed(t *testing.T) []failpoint.Name {
	t.Helper()
	content, err := os.ReadFile(w.path(fmt.Sprintf("run%04d.reached", w.scenes)))
	must(t, err)
	var names []failpoint.Name
	for _, line := range strings.Fields(string(content)) {
		names = append(names, failpoint.Name(line))
	}
	return names
}

// writeAssignments plays every scenario once and writes the file.
func writeAssignments(t *testing.T, program string) {
	scenarioOf := map[failpoint.Name]string{}
	for _, s := range scenarios {
		w := newWorld(t, program)
		w.play(t, s, "")
		for _, name := range w.passed(t) {
			if scenarioOf[name] == "" {
				scenarioOf[name] = s.name
			}
		}
	}
	var out strings.Builder
	for _, name := range reconcile.Failpoints() {
		if scenarioOf[name] == "" {
			t.Errorf("no scenario passes %s", name)
			continue
		}
		fmt.Fprintf(&out, "%s %s\n", name, scenarioOf[name])
	}
	must(t, os.MkdirAll(filepath.Dir(reachedFile), 0o755))
	must(t, os.WriteFile(reachedFile, []byte(out.String()), 0o644))
}
