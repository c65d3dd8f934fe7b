package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestInstallation_learns_where_things_are(t *testing.T) {
	const said = `siteplane is up

  sites            http://SLUG.siteplane.localhost:8088
  DNS (simulated)  127.0.0.1:8053, update key /tmp/a b/dns-update.key
  Cloudflare (simulated)  http://127.0.0.1:8787/client/v4, visitors at 127.0.1.1:8088
  nginx config     /tmp/a b/edge/current/nginx.conf

  admin API key, shown once: sp_1
`
	i := &installation{places: map[string]string{}}
	for line := range strings.Lines(said) {
		i.learn(strings.TrimSuffix(line, "\n"))
	}
	want := map[string]string{
		placeSites:      "http://SLUG.siteplane.localhost:8088",
		placeDNS:        "127.0.0.1:8053, update key /tmp/a b/dns-update.key",
		placeCloudflare: "http://127.0.0.1:8787/client/v4, visitors at 127.0.1.1:8088",
		placeNginx:      "/tmp/a b/edge/current/nginx.conf",
	}
	if diff := cmp.Diff(want, i.places); diff != "" {
		t.Errorf("places (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{placeCLI}, i.unknown()); diff != "" {
		t.Errorf("unknown (-want +got):\n%s", diff)
	}
	v, err := newVisitor(i.place(placeDNS), i.place(placeSites))
	if want := (visitor{dns: "127.0.0.1:8053", port: "8088"}); err != nil || v != want {
		t.Errorf("newVisitor = %v, %v, want %v", v, err, want)
	}
}
