package cli_test

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/siteplane/siteplane/cmd/siteplane/internal/cli"
	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
	"github.com/siteplane/siteplane/internal/platform/cliconfig"
)

func TestCompletion(t *testing.T) {
	r := setup(t)
	troubled(r.infrastructure)
	r.sites.pages, r.domains.pages = twoPages(), twoDomainPages()
	r.tenants.tenants, r.keys.keys = []*lifecyclev1.Tenant{limitedTenant()}, someKeys()
	r.infrastructure.placements = somePlacements()
	r.zones.grants = []*lifecyclev1.ZoneGrant{{ZoneName: "shop.example"}, {ZoneName: "shop.example"}}
	r.addContext("demo")
	var said strings.Builder
	for _, args := range [][]string{
		{"site", "get", ""}, {"site", "get", "site_01", ""}, {"site", "set-primary", "shop", ""}, {"site", "diff", ""},
		{"domain", "remove", "dom_01", "--new-primary", ""}, {"tenant", "get", ""}, {"key", "revoke", ""}, {"key", "create", "ci", "--role", ""},
		{"key", "create", "ci", "--site", ""}, {"edge", "policy", ""}, {"edge", "policy", "frankfurt", ""}, {"tunnel", "get", ""},
		{"placement", "put", ""}, {"site", "create", "shop", "--placement", ""}, {"edge", "label", ""}, {"edge", "label", "paris", ""},
		{"zone", "revoke", "shop.example", ""}, {"zone", "grant", ""}, {"context", "use", ""}, {"site", "list", "--context", ""},
		{"site", "list", "-o", ""}, {"watch", "--type", ""}, {"watch", "--object", ""}, {"site", "create", ""}, {"context", "add", "x", "--from", ""},
	} {
		got := r.run(append([]string{"__complete"}, args...)...)
		said.WriteString("# " + strings.Join(args, " ") + "\n" + got.stdout)
	}
	compareGolden(t, "complete", said.String())
}

func TestCompletion_is_silent_about_errors(t *testing.T) {
	none := ":4\n"
	t.Run("of a server that does not answer", func(t *testing.T) {
		r := setup(t)
		r.sites.fail = status.Error(codes.Unavailable, "no")
		if got := r.run("__complete", "site", "get", ""); got.code != cli.ExitOK || got.stdout != none {
			t.Errorf("exit code %d, said %q", got.code, got.stdout)
		}
	})
	t.Run("of a server that takes too long", func(t *testing.T) {
		r := setup(t)
		r.sites.hang = true
		begun := time.Now()
		if got := r.run("__complete", "site", "get", ""); got.code != cli.ExitOK || got.stdout != none {
			t.Errorf("exit code %d, said %q", got.code, got.stdout)
		}
		if took := time.Since(begun); took > 10*time.Second {
			t.Errorf("took %v", took)
		}
	})
	t.Run("of no config", func(t *testing.T) {
		r := setup(t)
		r.environ = map[string]string{cliconfig.EnvPath: filepath.Join(r.home, "missing")}
		for _, args := range [][]string{{"site", "get", ""}, {"context", "use", ""}} {
			if got := r.run(append([]string{"__complete"}, args...)...); got.code != cli.ExitOK || got.stdout != none {
				t.Errorf("%v: exit code %d, said %q", args, got.code, got.stdout)
			}
		}
	})
}

func TestCompletion_scripts(t *testing.T) {
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		if got := setup(t).run("completion", shell); got.code != cli.ExitOK || !strings.Contains(got.stdout, "siteplane") || got.stderr != "" {
			t.Errorf("%s: exit code %d, %s", shell, got.code, got.stderr)
		}
	}
}
