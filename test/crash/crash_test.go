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
	"strings"
	"testing"

	"github.com/siteplane/siteplane/services/lifecycle/failpoint"
	"github.com/siteplane/siteplane/services/lifecycle/reconcile"
)

var update = flag.Bool("update", false, "write which scenario passes which failpoint to "+reachedFile)

// atOnce is how many worlds there are beside each other: mostly they wait.
const atOnce = "4"

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
		for i, part := range parts(names) {
			t.Run(fmt.Sprintf("%s_%d", s.name, i+1), func(t *testing.T) {
				t.Parallel()
				killEach(t, program, s, part)
			})
		}
		if s.again != "" {
			t.Run(s.name+"_again", func(t *testing.T) {
				t.Parallel()
				killAgain(t, program, s, names)
			})
		}
	}
}

// parts are the names for a world each.
func parts(names []failpoint.Name) [][]failpoint.Name {
	return slices.Collect(slices.Chunk(names, deaths))
}

// killEach plays a scenario for failpoints that it is the first to pass.
func killEach(t *testing.T, program string, s scenario, names []failpoint.Name) {
	st := startStage(t, program, s)
	for _, name := range names {
		if !slices.Contains(st.passed, name) {
			t.Errorf("%s is not passed by this scenario: correct %s with -update", name, reachedFile)
			continue
		}
		st.kill(name)
	}
}

// killAgain plays a scenario for failpoints of an operation that another passes
// first.
func killAgain(t *testing.T, program string, s scenario, but []failpoint.Name) {
	st := startStage(t, program, s)
	for _, name := range st.passed {
		if strings.HasPrefix(string(name), s.again+".") && !slices.Contains(but, name) {
			st.kill(name)
		}
	}
}

// stage is a world for one scenario, and how that ends without a death.
type stage struct {
	t        *testing.T
	program  string
	scenario scenario
	w        *world
	passed   []failpoint.Name
	want     []record
}

func startStage(t *testing.T, program string, s scenario) *stage {
	t.Helper()
	st := &stage{t: t, program: program, scenario: s}
	st.rehearse()
	return st
}

// rehearse plays without a death, in a new world.
func (st *stage) rehearse() {
	st.t.Helper()
	st.w = newWorld(st.t, st.program)
	st.want = st.w.play(st.t, st.scenario, "")
	st.passed = st.w.passed(st.t)
}

// kill plays with a death. A world in which something went wrong is left.
func (st *stage) kill(name failpoint.Name) {
	if !st.t.Run(string(name), func(t *testing.T) { wantSame(t, st.w.play(t, st.scenario, name), st.want) }) {
		st.rehearse()
	}
}
