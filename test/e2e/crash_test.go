package e2e

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
)

// seed makes the moments of the crashes the same as in another run.
var seed = flag.Uint64("seed", rand.Uint64(), "seed of the moments at which up is killed")

// crashes is how often the process is killed, and longestLife how late: a
// create takes about half a second.
const (
	crashes     = 10
	longestLife = 800 * time.Millisecond
	// recovery is how long the last start may take to finish what was left. It
	// is less than a lease, for nobody else can hold one.
	recovery = 40 * time.Second
)

// F01, F32, I8: the process is killed at any moment of a create. What was
// accepted is brought to its end by the next start; what was not can be asked
// again under the same request id, and is done once.
func TestSite_survives_a_kill_at_any_moment_of_its_creation(t *testing.T) {
	t.Parallel()
	t.Logf("again with: go test ./test/e2e -run %s -seed %d", t.Name(), *seed)
	random := rand.New(rand.NewPCG(*seed, 0))
	i := startInstallation(t)
	origin := startOrigin(t, "shop")
	ids := map[string]string{}
	for n := range crashes {
		name := fmt.Sprintf("shop-%d", n)
		life := time.Duration(random.Int64N(int64(longestLife)))
		ids[name] = i.createDespite(name, origin, life)
	}
	started := time.Now()
	for _, id := range ids {
		i.awaitActive(id)
	}
	if took := time.Since(started); took > recovery {
		t.Errorf("the sites became ACTIVE after %s, want at most %s", took, recovery)
	}
	for name, id := range ids {
		i.wantServed(name, "shop")
		want := []string{"CREATED", "PROVISIONING", "DOMAIN_PENDING_DNS", "DOMAIN_VALIDATED", "DOMAIN_ROUTED", "ACTIVE"}
		entries := i.timeline(id)
		if got := path(entries, id); !slices.Equal(got, want) {
			t.Errorf("%s went %v, want %v", name, got, want)
		}
		wantEachOutcomeOnce(t, name, entries)
	}
	if names := i.names(); len(names) != crashes {
		t.Errorf("there are the sites %v, want %d", names, crashes)
	}
}

// createDespite creates a site while up has only so long to live, starts up
// again, and repeats the request as the CLI says: with its request id.
func (i *installation) createDespite(name, origin string, life time.Duration) string {
	i.t.Helper()
	request := []string{"site", "create", name, "--slug", name, "--origin", origin, "--request-id", "request-" + name}
	var first said
	var failed error
	asked := make(chan struct{})
	go func() {
		defer close(asked)
		first, failed = i.ask(request...)
	}()
	time.Sleep(life) // the moment of the crash is what the test is about
	i.kill()
	<-asked
	check(i.t, failed)
	i.start()
	var made lifecyclev1.GetSiteResponse
	i.must(&made, request...)
	i.t.Logf("%s: killed after %s, the request was answered with exit code %d", name, life, first.code)
	return made.GetSite().GetSiteId()
}

// wantEachOutcomeOnce fails if a step of an operation came to its end twice.
func wantEachOutcomeOnce(t *testing.T, name string, entries []*lifecyclev1.TimelineEntry) {
	t.Helper()
	seen := map[string]int{}
	for _, e := range entries {
		if e.GetStep().GetResult() == "ok" {
			seen[e.GetOperationKind()+"/"+e.GetStep().GetStep()]++
		}
	}
	for step, times := range seen {
		if times != 1 {
			t.Errorf("%s: %s came to its end %d times", name, step, times)
		}
	}
	if len(seen) != 6 {
		t.Errorf("%s: the steps that came to their end are %v, want 6", name, seen)
	}
}
