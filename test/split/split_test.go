package split

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

const (
	// patience is long because a slow machine is no fault.
	patience = 60 * time.Second
	page     = "hello from the origin"
	host     = "shop." + platformDomain
)

// bin holds the programs that every test runs.
var bin string

func TestMain(m *testing.M) {
	os.Exit(build(m))
}

func build(m *testing.M) int {
	dir, err := os.MkdirTemp("", "siteplane-split-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	bin = dir
	if err := Build(dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// setup makes an installation that does not run, and ends and removes whatever
// there is of it with the test.
func setup(t *testing.T) *Installation {
	t.Helper()
	dir, err := os.MkdirTemp("", "sp-")
	must(t, err)
	base, err := FreePortBase(33)
	must(t, err)
	i, err := New(t.Context(), Config{Bin: bin, Dir: dir, PortBase: base})
	must(t, err)
	t.Cleanup(func() {
		if err := i.End(); err != nil {
			t.Error(err)
		}
		if t.Failed() {
			for _, name := range order {
				log, _ := os.ReadFile(i.LogFile(name)) // where there is one
				t.Logf("%s:\n%s", name, log[max(0, len(log)-3000):])
			}
		}
		must(t, os.RemoveAll(dir))
	})
	return i
}

// siteplane runs a command of the CLI and puts its JSON into a value.
func (i *Installation) siteplane(t *testing.T, into any, args ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, filepath.Join(bin, "siteplane"), append(args, "-o", "json")...)
	cmd.Env = append(os.Environ(), "SITEPLANE_CONFIG="+i.CLIConfig())
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	said, err := cmd.Output()
	if err != nil {
		t.Fatalf("siteplane %v: %v: %s", args, err, complaint.String())
	}
	must(t, json.Unmarshal(said, into))
}

// fetch asks nginx for the front page of a host, on a fresh connection.
func (i *Installation) fetch(ctx context.Context) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+i.Edge()+"/", nil)
	if err != nil {
		return err
	}
	request.Host, request.Close = host, true
	answer, err := new(http.Transport).RoundTrip(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err == nil && string(body) != page {
		err = fmt.Errorf("nginx answers %s: %s", answer.Status, body)
	}
	return err
}

// visit asks again and again until it is told to go, and fails the test if it was
// ever refused.
func (i *Installation) visit(t *testing.T) (leave func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	refused := make(chan error, 1)
	go func() {
		pace := time.NewTicker(10 * time.Millisecond)
		defer pace.Stop()
		defer close(refused)
		for ctx.Err() == nil {
			if err := i.fetch(context.WithoutCancel(ctx)); err != nil {
				refused <- err
				return
			}
			select {
			case <-pace.C:
			case <-ctx.Done():
			}
		}
	}()
	return func() {
		cancel()
		if err := <-refused; err != nil {
			t.Errorf("a visitor was refused: %v", err)
		}
	}
}

// eventually looks until nothing is missed.
func eventually(t *testing.T, what string, look func() error) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for {
		err := look()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within %s: %v", what, patience, err)
		}
		time.Sleep(25 * time.Millisecond)
	}
}

// answer is what the CLI prints about a site, as far as it is looked at.
type answer struct {
	Site struct {
		SiteID     string `json:"siteId"`
		Status     string `json:"status"`
		Conditions []struct{ Type, Status, Reason, Message string }
	} `json:"site"`
}

func (i *Installation) create(t *testing.T, name, origin string) string {
	t.Helper()
	var made answer
	i.siteplane(t, &made, "site", "create", name, "--origin", origin)
	return made.Site.SiteID
}

func (i *Installation) awaitActive(t *testing.T, id string) {
	t.Helper()
	eventually(t, "the site becomes ACTIVE", func() error {
		var found answer
		i.siteplane(t, &found, "site", "get", id)
		if found.Site.Status != "SITE_STATUS_ACTIVE" {
			return fmt.Errorf("%+v", found)
		}
		return nil
	})
}

func (i *Installation) logged(t *testing.T, name string, words ...string) {
	t.Helper()
	eventually(t, fmt.Sprintf("%s logs %q", name, words), func() error {
		log, err := os.ReadFile(i.LogFile(name))
		for line := range strings.Lines(string(log)) {
			if !slices.ContainsFunc(words, func(word string) bool { return !strings.Contains(line, word) }) {
				return nil
			}
		}
		return fmt.Errorf("no such line (%v)", err)
	})
}

func startOrigin(t *testing.T) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, page) }))
	t.Cleanup(server.Close)
	return server.Listener.Addr().String()
}

// Each service is killed and comes back; the site keeps serving, and the next
// one is made as the first was.
func TestServices_run_apart(t *testing.T) {
	i := setup(t)
	must(t, i.Start(t.Context()))
	origin := startOrigin(t)
	shop := i.create(t, "shop", origin)
	i.awaitActive(t, shop)
	must(t, i.fetch(t.Context()))
	nginx := pid(t, i)
	leave := i.visit(t)

	for _, name := range []string{EdgeAgent, Tunnel, DNSValidator, Lifecycle} {
		must(t, i.Kill(name))
		must(t, i.Restart(t.Context(), name))
		i.awaitActive(t, shop)
		i.awaitActive(t, i.create(t, "after-"+name, origin))
	}
	leave()
	if now := pid(t, i); now != nginx {
		t.Errorf("nginx was process %s and is %s, it was to be taken over", nginx, now)
	}
	for _, name := range []string{Lifecycle, DNSValidator, Tunnel, EdgeAgent} {
		must(t, i.Terminate(name))
	}
	must(t, i.fetch(t.Context())) // nginx outlives all
}

func pid(t *testing.T, i *Installation) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(i.runtimeDir, "nginx.pid"))
	must(t, err)
	return string(text)
}

// Lifecycle starts alone, says who is missing and what to do, and goes on by
// itself once they come.
func TestLifecycle_starts_before_the_others(t *testing.T) {
	i := setup(t)
	must(t, i.Restart(t.Context(), Lifecycle))
	shop := i.create(t, "shop", startOrigin(t))
	for _, name := range []string{Tunnel, DNSValidator, "edge edge_"} {
		i.logged(t, Lifecycle, "service cannot be reached", name, "connection refused", "start "+name)
	}
	eventually(t, "the site says why it waits", func() error {
		var found answer
		i.siteplane(t, &found, "site", "get", shop)
		for _, c := range found.Site.Conditions {
			if c.Status != "CONDITION_STATUS_TRUE" && c.Message != "" && found.Site.Status != "SITE_STATUS_ERROR" {
				return nil
			}
		}
		return fmt.Errorf("%+v", found)
	})
	for _, name := range order[:len(order)-1] {
		must(t, i.Restart(t.Context(), name))
	}
	i.awaitActive(t, shop)
}
