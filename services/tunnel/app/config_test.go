package app

import (
	"strings"
	"testing"
	"time"
)

func account() *CloudflareConfig {
	return &CloudflareConfig{
		Token: "token", AccountID: strings.Repeat("a", 32), TunnelID: "6ff42ae2-765d-4adf-8112-31c55c1551ef",
		EdgeURL: "http://127.0.0.1:8088", CustomHostnameZoneID: strings.Repeat("b", 32), CustomHostnameTarget: "customers.example.com",
	}
}

func TestConfig_Validate_of_cloudflare(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(*CloudflareConfig)
		want   string // "": no problem
	}{
		"complete":                  {func(*CloudflareConfig) {}, ""},
		"no custom hostnames":       {func(c *CloudflareConfig) { c.CustomHostnameZoneID, c.CustomHostnameTarget = "", "" }, ""},
		"IPv6 edge":                 {func(c *CloudflareConfig) { c.EdgeURL = "http://[::1]:80" }, ""},
		"simulator on loopback":     {func(c *CloudflareConfig) { c.APIURL = "http://127.0.0.1:8787/client/v4" }, ""},
		"no token":                  {func(c *CloudflareConfig) { c.Token = "" }, "token: is missing"},
		"token in the clear":        {func(c *CloudflareConfig) { c.APIURL = "http://api.cloudflare.com/client/v4/" }, "api-url"},
		"no API URL":                {func(c *CloudflareConfig) { c.APIURL = "::" }, "api-url"},
		"account":                   {func(c *CloudflareConfig) { c.AccountID = "../" }, "account-id"},
		"tunnel":                    {func(c *CloudflareConfig) { c.TunnelID = "edge" }, "tunnel-id"},
		"half of custom hostnames":  {func(c *CloudflareConfig) { c.CustomHostnameTarget = "" }, "both or none"},
		"other half":                {func(c *CloudflareConfig) { c.CustomHostnameZoneID = "" }, "both or none"},
		"target":                    {func(c *CloudflareConfig) { c.CustomHostnameTarget = "Customers" }, "custom-hostname-target"},
		"zone of custom hostnames":  {func(c *CloudflareConfig) { c.CustomHostnameZoneID = "x" }, "custom-hostname-zone-id"},
		"time":                      {func(c *CloudflareConfig) { c.CallTimeout = -time.Second }, "call-timeout"},
		"long time":                 {func(c *CloudflareConfig) { c.CallTimeout = time.Hour }, "call-timeout"},
		"edge without port":         {func(c *CloudflareConfig) { c.EdgeURL = "http://127.0.0.1" }, "edge-url"},
		"edge on port 0":            {func(c *CloudflareConfig) { c.EdgeURL = "http://127.0.0.1:0" }, "edge-url"},
		"edge by name":              {func(c *CloudflareConfig) { c.EdgeURL = "http://localhost:80" }, "edge-url"},
		"edge over TLS":             {func(c *CloudflareConfig) { c.EdgeURL = "https://127.0.0.1:443" }, "edge-url"},
		"edge with path":            {func(c *CloudflareConfig) { c.EdgeURL = "http://127.0.0.1:80/" }, "edge-url"},
		"edge with user":            {func(c *CloudflareConfig) { c.EdgeURL = "http://u@127.0.0.1:80" }, "edge-url"},
		"edge is a socket":          {func(c *CloudflareConfig) { c.EdgeURL = "unix:/run/edge.sock" }, "edge-url"},
		"edge is a bastion":         {func(c *CloudflareConfig) { c.EdgeURL = "bastion" }, "edge-url"},
		"edge with quotes":          {func(c *CloudflareConfig) { c.EdgeURL = `http://127.0.0.1:80","x":"` }, "edge-url"},
		"edge with a zone of IPv6":  {func(c *CloudflareConfig) { c.EdgeURL = "http://[fe80::1%25eth0]:80" }, "edge-url"},
		"edge is nothing":           {func(c *CloudflareConfig) { c.EdgeURL = "" }, "edge-url"},
		"edge with upper case http": {func(c *CloudflareConfig) { c.EdgeURL = "HTTP://127.0.0.1:80" }, "edge-url"},
	} {
		t.Run(name, func(t *testing.T) {
			_, cfg := setup(t)
			cfg.Backend, cfg.StateDir, cfg.Cloudflare = "cloudflare", t.TempDir(), account()
			tt.change(cfg.Cloudflare)
			err := cfg.Validate()
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want) || strings.Count(err.Error(), "\n") > 0) {
				t.Errorf("error is %v, want one that says %q", err, tt.want)
			}
		})
	}
}

func TestConfig_Validate_of_cloudflare_reports_everything_at_once(t *testing.T) {
	err := Config{Backend: "cloudflare"}.Validate()
	for _, want := range []string{"no listener", "tunnel.state-dir: is missing", "tunnel.cloudflare: is missing"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v does not say %q", err, want)
		}
	}
	err = Config{Backend: "cloudflare", Cloudflare: &CloudflareConfig{}}.Validate()
	for _, want := range []string{"token", "account-id", "tunnel-id", "edge-url"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v does not say %q", err, want)
		}
	}
}
