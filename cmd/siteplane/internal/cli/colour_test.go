package cli_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/siteplane/siteplane/cmd/siteplane/internal/cli"
	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
)

func TestColours(t *testing.T) {
	failed, waiting := siteIn(lifecyclev1.SiteStatus_SITE_STATUS_ERROR), pendingSite()
	r := setup(t)
	r.sites.pages = map[string]*lifecyclev1.ListSitesResponse{"": {Sites: []*lifecyclev1.Site{
		activeSite().GetSite(), failed.GetSite(), waiting.GetSite(), {SiteId: "site_04", Name: "ERROR"},
	}}}
	r.sites.looks = []look{{found: waiting}}
	list, get := []string{"site", "list"}, []string{"site", "get", "site_01"}

	plain, plainSite := r.run(list...).stdout, r.run(get...).stdout
	if strings.Contains(plain+plainSite, "\x1b") {
		t.Error("there are colours where nobody looks")
	}
	r.terminal = true
	coloured, colouredSite := r.run(list...).stdout, r.run(get...).stdout
	for _, want := range []string{"\x1b[32mACTIVE\x1b[0m ", "\x1b[31mERROR\x1b[0m ", "\x1b[33mDOMAIN_PENDING_DNS\x1b[0m "} {
		if strings.Count(coloured, want) != 1 {
			t.Errorf("%q is not there once:\n%q", want, coloured)
		}
	}
	for _, want := range []string{"Status     \x1b[33mDOMAIN_PENDING_DNS\x1b[0m", "\x1b[31mFALSE\x1b[0m", "\x1b[32mTRUE\x1b[0m"} {
		if !strings.Contains(colouredSite, want) {
			t.Errorf("no %q in:\n%q", want, colouredSite)
		}
	}
	codes := regexp.MustCompile(`\x1b\[\d+m`)
	if codes.ReplaceAllString(coloured, "") != plain || codes.ReplaceAllString(colouredSite, "") != plainSite {
		t.Error("the colours move the columns")
	}
}

func TestColours_are_chosen(t *testing.T) {
	for name, test := range map[string]struct {
		terminal bool
		environ  string
		args     []string
		want     bool
	}{
		"never on a terminal":            {true, "", []string{"--color", "never"}, false},
		"always":                         {false, "", []string{"--color", "always"}, true},
		"NO_COLOR on a terminal":         {true, "NO_COLOR", nil, false},
		"the flag before NO_COLOR":       {false, "NO_COLOR", []string{"--color=always"}, true},
		"JSON has none":                  {true, "", []string{"-o", "json", "--color", "always"}, false},
		"YAML has none":                  {true, "", []string{"-o", "yaml", "--color", "always"}, false},
		"auto on a terminal, by default": {true, "", []string{"--color", "auto"}, true},
	} {
		t.Run(name, func(t *testing.T) {
			r := setup(t)
			r.terminal, r.sites.looks = test.terminal, []look{{found: activeSite()}}
			if test.environ != "" {
				r.environ[test.environ] = "1"
			}
			got := r.run(append([]string{"site", "get", "site_01"}, test.args...)...)
			if got.code != cli.ExitOK || strings.Contains(got.stdout, "\x1b[32m") != test.want {
				t.Errorf("exit code %d, %q", got.code, got.stdout)
			}
		})
	}
	t.Run("a dumb terminal", func(t *testing.T) {
		r := setup(t)
		r.terminal, r.environ["TERM"], r.sites.looks = true, "dumb", []look{{found: activeSite()}}
		if got := r.run("site", "get", "site_01"); strings.Contains(got.stdout, "\x1b") {
			t.Errorf("%q", got.stdout)
		}
	})
}
