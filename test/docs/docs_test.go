package docs

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// pages are those that are run, each from a clean home.
var pages = []string{"quickstart.md", "concepts.md", "api.md"}

// pageLimit is how long one page may take.
const pageLimit = 3 * time.Minute

func TestMain(m *testing.M) {
	if os.Getenv(inside) != "" {
		fmt.Fprintln(os.Stderr, "the shell:", become())
		os.Exit(1)
	}
	os.Exit(m.Run())
}

func TestPages(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root, for a network of its own")
	}
	bin := t.TempDir()
	build := exec.CommandContext(t.Context(), "go", "build", "-o", bin+"/", "./cmd/siteplane")
	build.Dir = "../.."
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	for _, page := range pages {
		t.Run(page, func(t *testing.T) {
			text, err := os.ReadFile(filepath.Join("../../docs", page))
			if err != nil {
				t.Fatal(err)
			}
			play(t, bin, string(text))
		})
	}
}

// play does everything that a page does.
func play(t *testing.T, bin, page string) {
	actions, err := parse(page)
	if err != nil {
		t.Fatal(err)
	}
	home, err := os.MkdirTemp("", "sp-docs-") // short: sockets lie below it
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), pageLimit)
	t.Cleanup(func() {
		cancel()
		if err := os.RemoveAll(home); err != nil {
			t.Error(err)
		}
	})
	s, err := startShell(ctx, home, bin)
	if err != nil {
		t.Fatal(err)
	}
	p := &player{t: t, shell: s}
	defer p.end()
	for i, a := range actions {
		if err := p.act(a, i); err != nil {
			t.Fatalf("line %d: %s: %v", a.line, a.command, err)
		}
	}
}

// player is a page being played.
type player struct {
	t     *testing.T
	shell *shell
	job   *job
}

func (p *player) act(a action, number int) error {
	switch a.kind {
	case background:
		var err error
		if p.job, err = p.shell.start(a.command, number); err != nil {
			return err
		}
		return p.job.prints(a.prints, time.Minute)
	case interrupt:
		job := p.job
		p.job = nil
		return job.interrupt()
	}
	output, exit, err := p.shell.do(a.command)
	switch {
	case err != nil:
		return err
	case exit != a.exit:
		return fmt.Errorf("exit code %d, not %d; it printed\n%s", exit, a.exit, output)
	case !matches(a.prints, output):
		return fmt.Errorf("the page shows\n%s\nit printed\n%s", strings.Join(a.prints, "\n"), output)
	}
	return nil
}

// end stops what a page that failed has left running.
func (p *player) end() {
	if p.job != nil {
		if err := p.job.interrupt(); err != nil {
			p.t.Error(err)
		}
	}
	if p.t.Failed() {
		if _, _, err := p.shell.do("kill $(jobs -p) 2>/dev/null; siteplane down"); err != nil {
			p.t.Error(err)
		}
	}
	p.shell.in.Close()
	if err := p.shell.cmd.Wait(); err != nil && !p.t.Failed() {
		p.t.Logf("the shell: %v", err) // with the exit code of its last command
	}
}

func TestParse(t *testing.T) {
	actions, err := parse("# Title\n\n```console\n$ one \\\n> two\nshown\n$ three  # exits with 4\n```\n\n    $ not this\n\n" +
		"<!-- run: background -->\n```console\n$ siteplane up\nsiteplane is up\n```\n<!-- run: interrupt -->\n")
	if err != nil {
		t.Fatal(err)
	}
	want := []string{`3 0 "one \\\ntwo" 0 [shown]`, `6 0 "three" 4 []`, `13 1 "siteplane up" 0 [siteplane is up]`, `16 2 "" 0 []`}
	for i, a := range actions {
		if got := fmt.Sprintf("%d %d %q %d %v", a.line-1, a.kind, a.command, a.exit, a.prints); i >= len(want) || got != want[i] {
			t.Errorf("action %d is %s", i, got)
		}
	}
	if len(actions) != len(want) {
		t.Errorf("%d actions", len(actions))
	}
	for _, bad := range []string{"```console\nshown\n```", "<!-- run: somehow -->"} {
		if _, err := parse(bad); err == nil {
			t.Errorf("%q was read", bad)
		}
	}
}

func TestMatches(t *testing.T) {
	for _, c := range []struct {
		shown  string
		output string
		want   bool
	}{
		{"a", "a\n", true},
		{"a", "a\nb\n", false},
		{"a", "b\n", false},
		{"a\n...", "a\nb\nc\n", true},
		{"a\n...\nd", "a\nb\nd\n", true},
		{"a\n...\nd", "a\nb\n", false},
		{"id site_... is on", "id site_01 is on\n", true},
		{"id site_... is on", "id site_01 is off\n", false},
		{"ID    NAME", "ID          NAME\n", true},
		{"[a]", "a\n", false},
	} {
		if got := matches(strings.Split(c.shown, "\n"), c.output); got != c.want {
			t.Errorf("%q matches %q: %v", c.shown, c.output, got)
		}
	}
	if !matches(nil, "anything\n") {
		t.Error("a page that shows nothing says nothing")
	}
}
