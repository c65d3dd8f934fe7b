// Package crash_test kills the real lifecycle process at every failpoint there is,
// and proves that what is there in the end is what would have been there without.
//
// It owns the scenarios that pass the failpoints, and the list of what two runs
// may differ in (normal_test.go); everything else is compared byte for byte: the
// rows of the database, the files of nginx, what the simulated Cloudflare holds.
//
// It must not know the steps: reconcile.Failpoints() names them, and a name that
// no scenario passes fails TestEveryFailpointIsReached. Only lifecycle dies; what
// it calls runs inside the test, nginx as itself.
package crash_test

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/siteplane/siteplane/services/lifecycle/failpoint"
	"github.com/siteplane/siteplane/services/lifecycle/reconcile"
)

var update = flag.Bool("update", false, "write which scenario passes which failpoint to "+reachedFile)

// atOnce is how many worlds there are beside each other: mostly they wait.
const atOnce = "3"

func TestMain(m *testing.M) {
	flag.Parse()
	if err := flag.Set("test.parallel", atOnce); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// build builds lifecycle so that it dies where it is told to.
func build(t *testing.T) (program string) {
	t.Helper()
	program = filepath.Join(t.TempDir(), "lifecycle")
	output, err := exec.Command("go", "build", "-tags", "failpoints", "-o", program,
		"github.com/siteplane/siteplane/services/lifecycle/cmd/lifecycle").CombinedOutput()
	if err != nil {
		t.Fatalf("build lifecycle: %v\n%s", err, output)
	}
	return program
}

// deaths is how often lifecycle dies in one world.
const deaths = 12

// F01, F02: the process is killed between any two steps of its work.
func TestLifecycle_is_killed_at_every_failpoint(t *testing.T) {
	program := build(t)
	if *update {
		writeAssignments(t, program)
	}
	scenarioOf := assignments(t)
	for _, s := range scenarios {
		names := slices.DeleteFunc(reconcile.Failpoints(), func(name failpoint.Name) bool { return scenarioOf[name] != s.name })
		part := 0
		for names := range slices.Chunk(names, deaths) {
			part++
			t.Run(fmt.Sprintf("%s_%d", s.name, part), func(t *testing.T) {
				t.Parallel()
				killEach(t, program, s, names)
			})
		}
	}
}

// killEach plays a scenario once without a death, and then once for each
// failpoint. A world in which something went wrong is left.
func killEach(t *testing.T, program string, s scenario, names []failpoint.Name) {
	var w *world
	var want []record
	for _, name := range names {
		if w == nil {
			w = newWorld(t, program)
			want = w.play(t, s, "")
			if !slices.Contains(w.passed(t), name) {
				t.Errorf("%s is not passed by this scenario any more: correct %s with -update", name, reachedFile)
				continue
			}
		}
		if !t.Run(string(name), func(t *testing.T) { wantSame(t, w.play(t, s, name), want) }) {
			w = nil
		}
	}
}
