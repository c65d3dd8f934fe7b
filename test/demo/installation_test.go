package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestUpForm_learns_where_things_are(t *testing.T) {
	const said = `siteplane is up

  sites            http://SLUG.siteplane.localhost:8088
  DNS (simulated)  127.0.0.1:8053, update key /tmp/a b/dns-update.key
  Cloudflare (simulated)  http://127.0.0.1:8787/client/v4, visitors at 127.0.1.1:8088
  nginx config     /tmp/a b/edge/current/nginx.conf

  admin API key, shown once: sp_1
`
	f := newUpForm(config{}, "/tmp/a b", "", "")
	for line := range strings.Lines(said) {
		f.learn(strings.TrimSuffix(line, "\n"))
	}
	if diff := cmp.Diff([]string{labelCLI}, f.unknown()); diff != "" {
		t.Errorf("unknown (-want +got):\n%s", diff)
	}
	select {
	case <-f.up:
		t.Error("it is up before everything is known")
	default:
	}
	f.learn("  CLI config       /tmp/a b/cli.json")
	<-f.up
	want := places{
		DNS: "127.0.0.1:8053", DNSKey: "/tmp/a b/dns-update.key", CloudflareURL: "http://127.0.0.1:8787/client/v4", SitesPort: "8088",
		EdgeDir: "/tmp/a b/data/edge", TunnelDir: "/tmp/a b/data/tunnel", NginxConf: "/tmp/a b/edge/current/nginx.conf",
		Database: "/tmp/a b/data/siteplane.db", CLIConfig: "/tmp/a b/cli.json", Log: "/tmp/a b/up.log",
	}
	if diff := cmp.Diff(want, f.Where()); diff != "" {
		t.Errorf("places (-want +got):\n%s", diff)
	}
	if up := f.forget(); len(f.unknown()) != 5 || up == nil {
		t.Errorf("a new run knows all but %q", f.unknown())
	}
}
