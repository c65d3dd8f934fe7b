package cloudflare

import (
	"testing"
	"time"
)

func TestAuth_refuses(t *testing.T) {
	server := setup(t)
	zone, tunnel := "/zones/"+platformZone, tunnelPath
	for name, test := range map[string]struct {
		token, path  string
		status, code int
	}{
		"no token":                        {"", "/zones", 401, 10000},
		"an unknown token":                {"guessed", "/zones", 403, 9109},
		"a foreign zone":                  {foreign, zone, 403, 9109},
		"an unknown zone":                 {secret, "/zones/" + ID("none"), 403, 9109},
		"an id that is none":              {secret, "/zones/platform.test", 404, 7003},
		"records of a foreign zone":       {foreign, recordPath, 403, 10000},
		"custom hostnames of a foreigner": {foreign, hostPath, 403, 10000},
		"tunnels of a foreign account":    {foreign, tunnel, 403, 10000},
		"a tunnel through one's account":  {foreign, "/accounts/" + customer + "/cfd_tunnel/" + tunnelID, 404, 1003},
		"a path that is none":             {secret, "/zones/" + platformZone + "/settings", 404, 7000},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := do(server, test.token, "GET", test.path, "")
			if err != nil {
				t.Fatal(err)
			}
			if got.status != test.status || got.code() != test.code || got.Success {
				t.Errorf("status %d: %s, want %d, code %d", got.status, got.body, test.status, test.code)
			}
			if got.header.Get("Ratelimit") == "" || got.header.Get("Ratelimit-Policy") != `"default";q=1200;w=300` {
				t.Errorf("headers are %v", got.header)
			}
		})
	}
}

func TestAuth_each_permission_opens_its_calls_alone(t *testing.T) {
	server := setup(t)
	paths := map[Permission]string{ZoneRead: "/zones", DNSEdit: recordPath, TunnelEdit: tunnelPath, CustomHostnamesEdit: hostPath}
	for _, held := range permissions {
		if err := server.SetTokenPermissions(secret, held); err != nil {
			t.Fatal(err)
		}
		for need, path := range paths {
			got := api(t, server, "GET", path, "")
			if want := map[bool]int{true: 200, false: 403}[need == held]; got.status != want {
				t.Errorf("with %s, %s answers %d: %s", held, path, got.status, got.body)
			}
			if need != held && got.code() != 10000 {
				t.Errorf("%s: code %d", path, got.code())
			}
		}
	}
	server.RevokeToken(secret)
	if got := api(t, server, "GET", "/zones", ""); got.status != 403 || got.code() != 9109 {
		t.Errorf("a revoked token: %d %s", got.status, got.body)
	}
}

func TestAuth_a_token_lists_zones_of_its_accounts_alone(t *testing.T) {
	server := setup(t)
	for query, want := range map[string]int{"": 2, "?name=plain.test": 1, "?name=customer.test": 0, "?account.id=" + customer: 0, "?per_page=1": 1} {
		if got := result[[]zoneView](t, must(t, server, "GET", "/zones"+query, "")); len(got) != want {
			t.Errorf("%q lists %d zones, want %d", query, len(got), want)
		}
	}
}

func TestAuth_blocks_a_token_that_overdraws(t *testing.T) {
	now := time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)
	server := setup(t, func(cfg *Config) {
		cfg.Budget = 3
		cfg.Clock = func() time.Time { return now }
	})
	for i, left := range []string{"2", "1", "0"} {
		got := must(t, server, "GET", "/zones", "")
		if want := `"default";r=` + left + `;t=300`; got.header.Get("Ratelimit") != want {
			t.Errorf("call %d: %q, want %q", i, got.header.Get("Ratelimit"), want)
		}
	}
	got := api(t, server, "POST", recordPath, `{"type":"A","name":"a","content":"192.0.2.1"}`)
	if got.status != 429 || got.code() != 971 || got.header.Get("Retry-After") != "300" {
		t.Errorf("status %d: %s, retry after %q", got.status, got.body, got.header.Get("Retry-After"))
	}
	if a, _ := do(server, foreign, "GET", "/zones", ""); a.status != 200 {
		t.Errorf("the other token is blocked: %d", a.status)
	}
	now = now.Add(299 * time.Second)
	if got := api(t, server, "GET", "/zones", ""); got.status != 429 || got.header.Get("Retry-After") != "1" {
		t.Errorf("before the end of the block: %d, retry after %q", got.status, got.header.Get("Retry-After"))
	}
	now = now.Add(time.Second)
	must(t, server, "GET", "/zones", "")
	must(t, server, "GET", "/ips", "")
}

func TestIPs(t *testing.T) {
	server := setup(t)
	got, err := do(server, "", "GET", "/ips", "")
	if err != nil {
		t.Fatal(err)
	}
	listed := result[ips](t, got)
	if len(listed.IPv4CIDRs) != 1 || listed.IPv4CIDRs[0] != "127.0.1.0/24" || len(listed.IPv6CIDRs) != 1 || listed.ETag == "" {
		t.Errorf("listed %+v", listed)
	}
	for tag, want := range map[string]int{listed.ETag: 304, got.header.Get("ETag"): 304, "other": 200} {
		if status := conditional(t, server, tag); status != want {
			t.Errorf("with %q: %d, want %d", tag, status, want)
		}
	}
}
