package cliconfig_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/siteplane/siteplane/internal/platform/cliconfig"
)

// environment is one with a home of its own, and the contexts in it.
func environment(t *testing.T) (map[string]string, cliconfig.Contexts) {
	t.Helper()
	environ := map[string]string{"HOME": t.TempDir()}
	contexts, err := cliconfig.ContextsOf(getenv(environ))
	if err != nil {
		t.Fatal(err)
	}
	return environ, contexts
}

func getenv(environ map[string]string) func(string) string {
	return func(name string) string { return environ[name] }
}

func add(t *testing.T, contexts cliconfig.Contexts, name string, config cliconfig.Config) {
	t.Helper()
	if err := contexts.Add(name, config); err != nil {
		t.Fatal(err)
	}
}

func TestContextsOf(t *testing.T) {
	for name, test := range map[string]struct {
		environ map[string]string
		want    string
	}{
		"the config home":                      {map[string]string{"XDG_CONFIG_HOME": "/config", "HOME": "/h"}, "/config/siteplane/contexts/demo.json"},
		"a relative config home is ignored":    {map[string]string{"XDG_CONFIG_HOME": "config", "HOME": "/h"}, "/h/.config/siteplane/contexts/demo.json"},
		"the home":                             {map[string]string{"HOME": "/h"}, "/h/.config/siteplane/contexts/demo.json"},
		"no home at all is no place for files": {nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			contexts, err := cliconfig.ContextsOf(getenv(test.environ))
			if (err != nil) != (test.want == "") {
				t.Fatalf("error %v", err)
			}
			if got, _ := contexts.Path("demo"); err == nil && got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}

func TestContexts(t *testing.T) {
	t.Run("keeps what is added, for its owner alone", func(t *testing.T) {
		_, contexts := environment(t)
		want := valid(t)
		add(t, contexts, "demo", want)
		if got, err := contexts.Read("demo"); err != nil || got != want {
			t.Errorf("got %#v, %v", got, err)
		}
		path, err := contexts.Path("demo")
		if err != nil {
			t.Fatal(err)
		}
		if mode := modeOf(t, path); mode != 0o600 {
			t.Errorf("file has mode %04o, want 0600", mode)
		}
		if mode := modeOf(t, filepath.Dir(path)); mode != 0o700 {
			t.Errorf("directory has mode %04o, want 0700", mode)
		}
	})
	t.Run("never replaces one", func(t *testing.T) {
		_, contexts := environment(t)
		want := valid(t)
		add(t, contexts, "demo", want)
		if err := contexts.Add("demo", valid(t)); !errors.Is(err, cliconfig.ErrContextExists) {
			t.Errorf("got %v", err)
		}
		if got, err := contexts.Read("demo"); err != nil || got != want {
			t.Errorf("got %#v, %v", got, err)
		}
	})
	t.Run("lists names, and nothing else that lies there", func(t *testing.T) {
		environ, contexts := environment(t)
		if names, err := contexts.Names(); err != nil || len(names) != 0 {
			t.Errorf("got %v, %v", names, err)
		}
		add(t, contexts, "prod", valid(t))
		add(t, contexts, "demo", valid(t))
		for _, name := range []string{"notes.txt", ".cli-1.json", "a b.json"} {
			create(t, filepath.Join(environ["HOME"], ".config/siteplane/contexts", name), "{}", 0o600)
		}
		if names, err := contexts.Names(); err != nil || !slices.Equal(names, []string{"demo", "prod"}) {
			t.Errorf("got %v, %v", names, err)
		}
	})
	t.Run("uses only what can be used", func(t *testing.T) {
		environ, contexts := environment(t)
		add(t, contexts, "demo", valid(t))
		create(t, filepath.Join(environ["HOME"], ".config/siteplane/contexts/loose.json"), "{}", 0o644)
		if err := contexts.Use("demo"); err != nil {
			t.Fatal(err)
		}
		for name, remedy := range map[string]string{"loose": "chmod 600", "missing": "siteplane context list"} {
			var refused *cliconfig.Error
			if err := contexts.Use(name); !errors.As(err, &refused) || !strings.Contains(refused.Remedy, remedy) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if current, err := contexts.Current(); err != nil || current != "demo" {
			t.Errorf("the current one is %q, %v", current, err)
		}
	})
	t.Run("forgets the current one with its file, and no other", func(t *testing.T) {
		_, contexts := environment(t)
		add(t, contexts, "demo", valid(t))
		add(t, contexts, "prod", valid(t))
		if err := contexts.Use("demo"); err != nil {
			t.Fatal(err)
		}
		if err := contexts.Remove("prod"); err != nil {
			t.Fatal(err)
		}
		if current, err := contexts.Current(); err != nil || current != "demo" {
			t.Errorf("the current one is %q, %v", current, err)
		}
		if err := contexts.Remove("demo"); err != nil {
			t.Fatal(err)
		}
		if current, err := contexts.Current(); err != nil || current != "" {
			t.Errorf("the current one is %q, %v", current, err)
		}
		if err := contexts.Remove("demo"); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("takes no name that leads elsewhere", func(t *testing.T) {
		_, contexts := environment(t)
		for _, name := range []string{"", ".", "..", "../current", "a/b", "a b", "-a", ".a", "a\n", strings.Repeat("a", 65)} {
			if err := errors.Join(contexts.Add(name, valid(t)), contexts.Use(name), contexts.Remove(name)); err == nil {
				t.Errorf("%q is taken", name)
			}
			if path, err := contexts.Path(name); err == nil {
				t.Errorf("%q is %s", name, path)
			}
		}
	})
}

func TestFind(t *testing.T) {
	environ, contexts := environment(t)
	file := filepath.Join(environ["HOME"], "my.json")
	state := filepath.Join(environ["HOME"], ".local/state/siteplane/cli.json")
	write(t, file, valid(t))
	write(t, state, valid(t))
	for _, name := range []string{"a", "b", "c"} {
		add(t, contexts, name, valid(t))
	}
	if err := contexts.Use("c"); err != nil {
		t.Fatal(err)
	}
	with := func(changes ...string) map[string]string {
		environ := map[string]string{"HOME": environ["HOME"]}
		for i := 0; i < len(changes); i += 2 {
			environ[changes[i]] = changes[i+1]
		}
		return environ
	}
	both := with("SITEPLANE_CONFIG", file, "SITEPLANE_CONTEXT", "b")
	for _, test := range []struct {
		name    string
		environ map[string]string
		choice  cliconfig.Choice
		want    cliconfig.Source
	}{
		{"a file", both, cliconfig.Choice{File: state}, cliconfig.Source{File: state, Because: "--config"}},
		{"a context", both, cliconfig.Choice{Context: "a"}, cliconfig.Source{Context: "a", Because: "--context"}},
		{"the variable with a file", both, cliconfig.Choice{}, cliconfig.Source{File: file, Because: "$SITEPLANE_CONFIG"}},
		{"the variable with a context", with("SITEPLANE_CONTEXT", "b"), cliconfig.Choice{}, cliconfig.Source{Context: "b", Because: "$SITEPLANE_CONTEXT"}},
		{"the current context", with(), cliconfig.Choice{}, cliconfig.Source{Context: "c", Because: "the current context"}},
		{"nothing", with("XDG_CONFIG_HOME", t.TempDir()), cliconfig.Choice{}, cliconfig.Source{File: state, Because: "nothing else is chosen"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			if test.want.Context != "" {
				test.want.File, _ = contexts.Path(test.want.Context)
			}
			got, config, err := cliconfig.Find(getenv(test.environ), test.choice)
			if err != nil || got != test.want {
				t.Fatalf("got %+v, %v; want %+v", got, err, test.want)
			}
			if want, err := cliconfig.Read(test.want.File); err != nil || config != want {
				t.Errorf("read %#v, %v", config, err)
			}
		})
	}
	t.Run("two choices", func(t *testing.T) {
		_, _, err := cliconfig.Find(getenv(both), cliconfig.Choice{File: file, Context: "a"})
		if !errors.Is(err, cliconfig.ErrTwoChoices) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("a current context that is gone is an error, and not the next in line", func(t *testing.T) {
		path, _ := contexts.Path("c")
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		var refused *cliconfig.Error
		if _, _, err := cliconfig.Find(getenv(with()), cliconfig.Choice{}); !errors.As(err, &refused) || !strings.Contains(err.Error(), `no context "c"`) {
			t.Errorf("got %v", err)
		}
	})
}
