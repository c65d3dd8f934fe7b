package app_test

import (
	"os"
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
	t.Run("refuses keys for a user whom others are, too", func(t *testing.T) {
		config := good
		config.TLSListen = []string{"127.0.0.1:443"}
		// Who is not root runs nginx as itself.
		err := config.Validate()
		if refused := err != nil && strings.Contains(err.Error(), "user of its own"); refused != (os.Geteuid() == 0) {
			t.Errorf("got %v", err)
		}
	})
	for name, c := range map[string]struct {
		change func(*app.Config)
		want   string
	}{
		"a path that is not clean":    {func(c *app.Config) { c.Dir = "/a/../b" }, `which is "/b"`},
		"a path with nginx syntax":    {func(c *app.Config) { c.Dir = "/a;b" }, "nginx.conf"},
		"a long runtime directory":    {func(c *app.Config) { c.RuntimeDir = "/" + strings.Repeat("r", 90) }, "107 bytes"},
		"no public address":           {func(c *app.Config) { c.PublicListen = nil }, "public listen address is missing"},
		"a negative proof timeout":    {func(c *app.Config) { c.ProofTimeout = -1 }, "negative"},
		"a log with nginx syntax":     {func(c *app.Config) { c.AccessLog = "/var/log/$host.log" }, "nginx.conf"},
		"a log that would be drift":   {func(c *app.Config) { c.AccessLog = c.Dir + "/generations/access.log" }, "the agent itself keeps"},
		"a proxy that is no network":  {func(c *app.Config) { c.TrustedProxies = []string{"10.0.0.1/8"} }, "is not a network"},
		"a proxy that is everybody":   {func(c *app.Config) { c.TrustedProxies = []string{"0.0.0.0/0"} }, "everybody"},
		"a proxy given twice":         {func(c *app.Config) { c.TrustedProxies = []string{"10.0.0.0/8", "10.0.0.0/8"} }, "twice"},
		"any header for the address":  {func(c *app.Config) { c.RealIPHeader = "X-Client" }, "X-Forwarded-For, X-Real-IP"},
		"too many kept origins":       {func(c *app.Config) { c.KeepaliveOrigins = 1 << 20 }, "10000"},
		"an address with and without": {func(c *app.Config) { c.TLSListen = c.PublicListen }, "with TLS and without"},
		"a TLS address of no form":    {func(c *app.Config) { c.TLSListen = []string{"127.0.0.1:443 ssl"} }, "127.0.0.1:443 ssl"},
		"an address in another form":  {func(c *app.Config) { c.PublicListen = []string{"127.0.0.1:080"} }, "127.0.0.1:080"},
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
