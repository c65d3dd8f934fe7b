package e2e

import (
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
)

// visitEvery is how often a visitor asks.
const visitEvery = 10 * time.Millisecond

// visitor asks for a page again and again until it is told to go.
type visitor struct {
	leave   chan struct{}
	gone    chan struct{}
	visits  int
	refused []string
}

func (i *installation) visit(slug, want string) *visitor {
	v := &visitor{leave: make(chan struct{}), gone: make(chan struct{})}
	go func() {
		defer close(v.gone)
		pace := time.NewTicker(visitEvery)
		defer pace.Stop()
		for {
			select {
			case <-v.leave:
				return
			case <-pace.C:
			}
			status, body, err := fetch(i.edge(), hostname(slug), "/")
			v.visits++
			if err != nil || status != http.StatusOK || body != want {
				v.refused = append(v.refused, fmt.Sprint(status, body, err))
			}
		}
	}()
	return v
}

// done sends the visitor away, and fails if it was ever refused.
func (v *visitor) done(t *testing.T) {
	t.Helper()
	close(v.leave)
	<-v.gone
	if v.visits < 10 || len(v.refused) > 0 {
		t.Errorf("of %d visits %d were refused: %.500v", v.visits, len(v.refused), v.refused)
	}
}

// nginx is the process id of the master, and those of its workers.
func (i *installation) nginx() (master int, workers []int) {
	i.t.Helper()
	found, err := filepath.Glob(filepath.Join(i.root, "siteplane-*", "nginx.pid"))
	check(i.t, err)
	if len(found) != 1 {
		i.t.Fatalf("pid files: %v, want one", found)
	}
	text, err := os.ReadFile(found[0])
	check(i.t, err)
	master, err = strconv.Atoi(strings.TrimSpace(string(text)))
	check(i.t, err)
	return master, children(i.t, master)
}

// children are the processes whose parent is pid.
func children(t *testing.T, pid int) []int {
	t.Helper()
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	check(t, err)
	var found []int
	for _, stat := range stats {
		text, err := os.ReadFile(stat)
		if err != nil {
			continue // it has ended
		}
		// pid (name, which may hold anything) state parent ...
		fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
		if child, err := strconv.Atoi(filepath.Base(filepath.Dir(stat))); err == nil && fields[1] == strconv.Itoa(pid) {
			found = append(found, child)
		}
	}
	slices.Sort(found)
	return found
}

// I16, I20: visitors do not notice that the control plane goes and comes, and a
// converged world is left alone: no write to the edge, no row of history.
func TestUp_stops_and_comes_back_without_a_trace(t *testing.T) {
	t.Parallel()
	i := startInstallation(t, "--log-level", "debug")
	id := i.create("shop", "--origin", startOrigin(t, "shop"))
	i.awaitActive(id)
	visitor := i.visit("shop", "shop")
	master, workers := i.nginx()
	history := i.run("site", "timeline", id, "-o", "json").stdout

	i.stop()
	files := tree(t, i.data("edge"), "/logs", "/lock")
	i.start()
	eventually(t, "lifecycle asks the edge what it runs", func() (string, bool) {
		said := i.running.stderr()
		return "", strings.Contains(said, "/siteplane.edge.v1.EdgeService/GetState")
	})

	wantStatus(t, i.site(id), lifecyclev1.SiteStatus_SITE_STATUS_ACTIVE)
	if m, w := i.nginx(); m != master || !slices.Equal(w, workers) {
		t.Errorf("nginx was master %d with workers %v, now it is %d with %v", master, workers, m, w)
	}
	if now := tree(t, i.data("edge"), "/logs", "/lock"); !maps.Equal(now, files) {
		t.Errorf("the edge's files were\n%v\nnow they are\n%v", files, now)
	}
	if strings.Contains(i.running.stderr(), "edge apply intent") {
		t.Error("the edge was written to")
	}
	if now := i.run("site", "timeline", id, "-o", "json").stdout; now != history {
		t.Errorf("the history was\n%s\nnow it is\n%s", history, now)
	}
	i.awaitActive(i.create("next", "--origin", startOrigin(t, "next")))
	visitor.done(t)
}
