package site_test

import (
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/siteplane/siteplane/services/lifecycle/site"
)

// label is what the API accepts as a slug.
var label = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$`)

func TestSlugFrom(t *testing.T) {
	for name, want := range map[string]string{
		"Shop": "shop", "My  Shop!": "my-shop", "--a--b--": "a-b", "Bücher & Co": "b-cher-co", "42": "42",
		"": "site", "ÄÖÜ": "site", "日本": "site", strings.Repeat("a", 50): strings.Repeat("a", 40),
		strings.Repeat("a", 39) + " b": strings.Repeat("a", 39),
	} {
		if got := site.SlugFrom(name); got != want {
			t.Errorf("%q gives %q, want %q", name, got, want)
		}
	}
	t.Run("any name gives a label", rapid.MakeCheck(func(t *rapid.T) {
		slug := site.SlugFrom(rapid.String().Draw(t, "name"))
		suffixed := site.WithSuffix(slug, rapid.StringMatching(`[0-9a-z]{6}`).Draw(t, "suffix"))
		for _, s := range []string{slug, suffixed} {
			if !label.MatchString(s) {
				t.Errorf("%q is no label", s)
			}
		}
	}))
}

func TestWithSuffix(t *testing.T) {
	for _, tt := range []struct{ slug, want string }{
		{"shop", "shop-abc123"},
		{strings.Repeat("a", 40), strings.Repeat("a", 33) + "-abc123"},
		{strings.Repeat("a", 32) + "-bcdefgh", strings.Repeat("a", 32) + "-abc123"},
	} {
		if got := site.WithSuffix(tt.slug, "abc123"); got != tt.want {
			t.Errorf("%q gives %q, want %q", tt.slug, got, tt.want)
		}
	}
}
