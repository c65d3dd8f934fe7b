package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/siteplane/siteplane/simulators/cloudflare"
	"github.com/siteplane/siteplane/simulators/dns"
)

const world = `{
	"addr": "127.0.0.1:1", "budget": 7,
	"accounts": [{"id": "11111111111111111111111111111111", "name": "Platform"}],
	"zones": [{"id": "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "name": "platform.test", "account_id": "11111111111111111111111111111111"}],
	"tokens": [{"secret": "s", "account_ids": ["11111111111111111111111111111111"], "permissions": ["zone:read"]}]
}`

func write(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "config.json")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestConfigure_a_flag_wins_over_the_file(t *testing.T) {
	key := filepath.Join(t.TempDir(), "key")
	secret := dns.NewSecret()
	if err := dns.WriteKeyFile(key, "siteplane", secret); err != nil {
		t.Fatal(err)
	}
	cfg, err := configure([]string{"-config", write(t, world), "-data-addr", "127.0.1.1:2", "-dns-server", "127.0.0.1:53", "-dns-key-file", key})
	if err != nil {
		t.Fatal(err)
	}
	if cfg.Addr != "127.0.0.1:1" || cfg.DataAddr != "127.0.1.1:2" || cfg.Budget != 7 || len(cfg.Zones) != 1 {
		t.Errorf("configuration is %+v", cfg)
	}
	if want := (cloudflare.DNSUpdate{Server: "127.0.0.1:53", KeyName: "siteplane", Secret: secret}); cfg.Publish != want {
		t.Errorf("publisher is %+v", cfg.Publish)
	}
	cfg, err = configure([]string{"-config", write(t, world), "-addr", "127.0.0.1:3"})
	if err != nil || cfg.Addr != "127.0.0.1:3" || cfg.Publish != nil {
		t.Errorf("with the flag: %v, %+v", err, cfg)
	}
}

func TestConfigure_refuses(t *testing.T) {
	for name, args := range map[string][]string{
		"a file that is not there":  {"-config", "/none"},
		"a field that is not known": {"-config", write(t, `{"zone": []}`)},
		"a server without key":      {"-dns-server", "127.0.0.1:53"},
		"a key that is none":        {"-dns-server", "127.0.0.1:53", "-dns-key-file", write(t, "x")},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := configure(args); err == nil {
				t.Error("there is no error")
			}
		})
	}
}

func TestRun_ends_with_its_context(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	args := []string{"-config", write(t, world), "-addr", "127.0.0.1:0", "-data-addr", "127.0.1.1:0"}
	if err := run(ctx, args); err != nil {
		t.Error(err)
	}
	if err := run(ctx, []string{"-addr", "nowhere"}); err == nil || !strings.Contains(err.Error(), "nowhere") {
		t.Errorf("error is %v", err)
	}
}
