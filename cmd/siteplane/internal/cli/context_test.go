package cli_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/siteplane/siteplane/cmd/siteplane/internal/cli"
	"github.com/siteplane/siteplane/internal/platform/cliconfig"
)

// contexts are those of the user.
func (r *rig) contexts() cliconfig.Contexts {
	r.t.Helper()
	contexts, err := cliconfig.ContextsOf(r.deps().Getenv)
	must(r.t, err)
	return contexts
}

// addContext makes a context that leads to the installation, with a key of its own.
func (r *rig) addContext(name string) {
	r.t.Helper()
	config := r.config
	config.Key = "sp_key_of_" + name
	must(r.t, r.contexts().Add(name, config))
}

func TestContextAdd(t *testing.T) {
	t.Run("of a file, and the first one is the current one", func(t *testing.T) {
		r := setup(t)
		delete(r.environ, cliconfig.EnvPath)
		for _, format := range []string{"table", "json"} {
			r.golden("context_add."+format, cli.ExitOK, "context", "add", "demo-"+format, "--from", r.file, "-o", format)
		}
		if current, err := r.contexts().Current(); err != nil || current != "demo-table" {
			t.Errorf("the current context is %q, %v", current, err)
		}
	})
	t.Run("of an address, with the key from the standard input", func(t *testing.T) {
		r := setup(t)
		ca := filepath.Join(r.home, "ca.pem")
		must(t, os.WriteFile(ca, []byte(r.config.CA), 0o644))
		r.stdin = " sp_typed\n"
		r.golden("context_add_stdin", cli.ExitOK, "context", "add", "prod", "--address", r.config.Address, "--ca", ca, "--public-port", "8088")
		want := r.config
		want.Key = "sp_typed"
		if got, err := r.contexts().Read("prod"); err != nil || got != want {
			t.Errorf("got %#v, %v", got, err)
		}
	})
	t.Run("with the key from a file", func(t *testing.T) {
		r := setup(t)
		ca, key := filepath.Join(r.home, "ca.pem"), filepath.Join(r.home, "key")
		must(t, os.WriteFile(ca, []byte(r.config.CA), 0o644))
		must(t, os.WriteFile(key, []byte("sp_stored\n"), 0o600))
		got := r.run("context", "add", "prod", "--address", r.config.Address, "--ca", ca, "--key-file", key, "--use")
		if config, err := r.contexts().Read("prod"); got.code != cli.ExitOK || err != nil || config.Key != "sp_stored" {
			t.Errorf("%s: got %#v, %v", got.stderr, config, err)
		}
	})
	t.Run("of a name in use changes nothing", func(t *testing.T) {
		r := setup(t)
		r.addContext("demo")
		r.golden("context_add_taken", cli.ExitUsage, "context", "add", "demo", "--from", r.file)
		if config, err := r.contexts().Read("demo"); err != nil || config.Key != "sp_key_of_demo" {
			t.Errorf("it is %#v, %v", config, err)
		}
	})
	t.Run("without a key is refused", func(t *testing.T) {
		r := setup(t)
		ca := filepath.Join(r.home, "ca.pem")
		must(t, os.WriteFile(ca, []byte(r.config.CA), 0o644))
		r.golden("context_add_keyless", cli.ExitUsage, "context", "add", "prod", "--address", "api.example.com:8081", "--ca", ca)
	})
}

func TestContexts(t *testing.T) {
	r := setup(t)
	r.config.Address = "api.example.com:8081"
	r.golden("context_list_empty", cli.ExitOK, "context", "list")
	r.golden("context_show_none", cli.ExitNotFound, "context", "show")
	r.addContext("demo")
	r.addContext("prod")
	path, err := r.contexts().Path("prod")
	must(t, err)
	must(t, os.WriteFile(path, []byte("{"), 0o600))
	r.golden("context_use", cli.ExitOK, "context", "use", "demo")
	for _, format := range []string{"table", "json"} {
		r.golden("context_list."+format, cli.ExitOK, "context", "list", "-o", format)
		r.golden("context_show."+format, cli.ExitOK, "context", "show", "-o", format)
	}
	r.golden("context_use_broken", cli.ExitError, "context", "use", "prod")
	r.golden("context_use_missing", cli.ExitError, "context", "use", "test")
	r.golden("context_name", cli.ExitUsage, "context", "use", "../demo")
	r.golden("context_remove", cli.ExitOK, "context", "remove", "demo")
	r.golden("context_remove_missing", cli.ExitNotFound, "context", "remove", "demo")
	if current, err := r.contexts().Current(); err != nil || current != "" {
		t.Errorf("the current context is %q, %v", current, err)
	}
	if len(r.sites.requests) != 0 {
		t.Error("the server was called")
	}
}

func TestContexts_never_show_a_key(t *testing.T) {
	r := setup(t)
	r.addContext("demo")
	for _, format := range []string{"table", "json", "yaml"} {
		for _, args := range [][]string{{"show", "demo"}, {"list"}, {"use", "demo"}, {"remove", "demo"}} {
			if got := r.run(append([]string{"context", "-o", format}, args...)...); strings.Contains(got.stdout+got.stderr, "sp_key_of") {
				t.Errorf("%v shows the key", args)
			}
		}
	}
}

// Which installation a command uses: what is said nearest to it decides.
func TestContexts_are_chosen_in_order(t *testing.T) {
	r := setup(t)
	r.sites.pages = noSites()
	for _, name := range []string{"flag", "variable", "current"} {
		r.addContext(name)
	}
	must(t, r.contexts().Use("current"))
	state := filepath.Join(r.home, ".local/state/siteplane/cli.json")
	config := r.config
	config.Key = "sp_key_of_state"
	must(t, cliconfig.Write(state, config))
	list := func(want string, args ...string) {
		t.Helper()
		r.sites.credentials = nil
		if got := r.run(append([]string{"site", "list"}, args...)...); got.code != cli.ExitOK {
			t.Fatal(got.stderr)
		}
		if got := strings.Join(r.sites.credentials, ", "); got != "Bearer "+want {
			t.Errorf("called as %s, want %s", got, want)
		}
	}
	file := r.file
	r.environ[cliconfig.EnvPath], r.environ[cliconfig.EnvContext] = "/does/not/exist", "gone"
	list("sp_test_key", "--config", file)
	list("sp_key_of_flag", "--context", "flag")
	r.environ[cliconfig.EnvPath] = file
	list("sp_test_key")
	delete(r.environ, cliconfig.EnvPath)
	r.environ[cliconfig.EnvContext] = "variable"
	list("sp_key_of_variable")
	delete(r.environ, cliconfig.EnvContext)
	list("sp_key_of_current")
	must(t, r.contexts().Remove("current"))
	list("sp_key_of_state")

	r.golden("context_and_config", cli.ExitUsage, "site", "list", "--config", "a.json", "--context", "flag")
	r.golden("context_missing", cli.ExitError, "site", "list", "--context", "test")
}

func TestWhoami(t *testing.T) {
	for _, format := range []string{"table", "json", "yaml"} {
		r := setup(t)
		r.keys.caller = caller()
		r.golden("whoami."+format, cli.ExitOK, "whoami", "-o", format)
	}
	t.Run("names the context", func(t *testing.T) {
		r := setup(t)
		r.keys.caller = caller()
		r.addContext("demo")
		r.golden("whoami_context", cli.ExitOK, "whoami", "--context", "demo")
	})
}
