package simulate_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"testing"
	"testing/synctest"
	"time"

	"github.com/siteplane/siteplane/services/lifecycle/simulate"
	"github.com/siteplane/siteplane/services/lifecycle/store/memory"
)

var (
	seeds = flag.Int("seeds", 60, "how many seeds to play")
	from  = flag.Uint64("from", 1, "the first seed")
	runs  = flag.Int("shrink", 200, "how many runs may make a failing schedule short")
)

// TestMain keeps one processor: then who runs before whom is the seed's choice.
func TestMain(m *testing.M) {
	flag.Parse()
	runtime.GOMAXPROCS(1)
	debug.SetGCPercent(800) // a run is short and throws everything away
	os.Exit(m.Run())
}

// enough is how many seeds must see everything that may happen.
const enough = 400

func TestSimulate(t *testing.T) {
	tally := &simulate.Tally{}
	began := time.Now()
	for seed := *from; seed < *from+uint64(*seeds); seed++ {
		s := simulate.Draw(seed)
		if wrong := play(t, s, tally).Wrong; wrong != nil {
			t.Fatalf("seed %d: %s\n%s", seed, wrong, shrunk(t, s, wrong))
		}
	}
	t.Logf("%d seeds in %s\n%s", *seeds, time.Since(began).Round(time.Millisecond), tally)
	if missing := tally.Missing(); *seeds >= enough && len(missing) > 0 {
		t.Errorf("%d seeds never saw: %q", *seeds, missing)
	}
}

// play plays a schedule in a bubble of its own.
func play(t *testing.T, s simulate.Schedule, tally *simulate.Tally) (out simulate.Outcome) {
	synctest.Test(t, func(*testing.T) {
		out = simulate.Run(s, memory.New(memory.Config{Shared: true}), tally, synctest.Wait)
	})
	return out
}

// shrunk is the shortest schedule that fails by the same invariant, as a file for
// testdata.
func shrunk(t *testing.T, s simulate.Schedule, first *simulate.Violation) string {
	last := first
	short := simulate.Shrink(s, *runs, func(s simulate.Schedule) bool {
		wrong := play(t, s, &simulate.Tally{}).Wrong
		if wrong == nil || wrong.Invariant != first.Invariant {
			return false
		}
		last = wrong
		return true
	})
	return fmt.Sprintf("to keep it, put this into testdata/<what is wrong>.schedule:\n\n# %s\n%s", last, short)
}

// Schedules that failed once are played again, each time.
func TestFound(t *testing.T) {
	files, err := filepath.Glob("testdata/*.schedule")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			s, err := simulate.Parse(string(text))
			if err != nil {
				t.Fatal(err)
			}
			if wrong := play(t, s, &simulate.Tally{}).Wrong; wrong != nil {
				t.Error(wrong)
			}
		})
	}
}

// What a schedule does is the same each time, or no failure could be made short. Now
// and then the runtime chooses between two things that are due at one moment.
func TestRun_is_a_function_of_its_schedule(t *testing.T) {
	const tries = 12
	same := 0
	for seed := range uint64(tries) {
		first := play(t, simulate.Draw(seed), &simulate.Tally{})
		if play(t, simulate.Draw(seed), &simulate.Tally{}) == first {
			same++
		}
	}
	if same < tries/2 {
		t.Errorf("%d of %d schedules did the same twice", same, tries)
	}
}
