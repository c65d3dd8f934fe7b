package app_test

import (
	"strings"
	"testing"

	"github.com/siteplane/siteplane/services/edge-agent/app"
)

func TestConfig_Validate(t *testing.T) {
	good := newEdge(t).config
	t.Run("reports every problem at once", func(t *testing.T) {
		err := app.Config{Dir: "relative", RuntimeDir: "/a b", PublicListen: []string{"localhost:80", "127.0.0.1:0"}}.Validate()
		if err == nil {
			t.Fatal("an empty configuration is valid")
		}
		for _, part := range []string{"edge id is missing", "listener is missing", "identity is missing", "telemetry is missing", `"relative"`, `"/a b"`, `"localhost:80"`, `"127.0.0.1:0"`} {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%q lacks %q", err, part)
			}
		}
	})
	for name, c := range map[string]struct {
		change func(*app.Config)
		want   string
	}{
		"a path that is not clean":   {func(c *app.Config) { c.Dir = "/a/../b" }, `which is "/b"`},
		"a path with nginx syntax":   {func(c *app.Config) { c.Dir = "/a;b" }, "nginx.conf"},
		"a long runtime directory":   {func(c *app.Config) { c.RuntimeDir = "/" + strings.Repeat("r", 90) }, "107 bytes"},
		"no public address":          {func(c *app.Config) { c.PublicListen = nil }, "public listen address is missing"},
		"a negative proof timeout":   {func(c *app.Config) { c.ProofTimeout = -1 }, "negative"},
		"an address in another form": {func(c *app.Config) { c.PublicListen = []string{"127.0.0.1:080"} }, "127.0.0.1:080"},
	} {
		t.Run("refuses "+name, func(t *testing.T) {
			config := good
			c.change(&config)
			if err := config.Validate(); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}
