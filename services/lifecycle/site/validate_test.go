package site_test

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/site"
)

// check returns the fields of a spec that are wrong.
func check(p site.Policy, s site.Spec) (fields []string) {
	var v lifecycle.Violations
	p.Check(&v, "spec", s)
	for _, violation := range v {
		fields = append(fields, violation.Field)
	}
	return fields
}

func origin(addresses ...string) *site.Origin {
	o := &site.Origin{}
	for _, a := range addresses {
		o.Targets = append(o.Targets, site.Target{Address: a})
	}
	return o
}

func prefixes(texts ...string) (out []netip.Prefix) {
	for _, text := range texts {
		out = append(out, netip.MustParsePrefix(text))
	}
	return out
}

func listeners(texts ...string) (out []netip.AddrPort) {
	for _, text := range texts {
		out = append(out, netip.MustParseAddrPort(text))
	}
	return out
}

func TestPolicy_Check_targets(t *testing.T) {
	public := site.Policy{}
	loopback := site.Policy{AllowNetworks: prefixes("127.0.0.0/8", "::1/128")}
	private := site.Policy{AllowNetworks: prefixes("10.1.0.0/16", "fd12::/16")}
	everything := site.Policy{AllowNetworks: prefixes("0.0.0.0/0", "::/0")}
	own := site.Policy{
		AllowNetworks: prefixes("0.0.0.0/0", "::/0"),
		OwnListeners:  listeners("127.0.0.1:8080", "[::]:8081", "192.0.2.1:8082", "[::ffff:192.0.2.1]:8083", "[::ffff:127.0.0.1]:8084"),
	}
	for name, tt := range map[string]struct {
		policy  site.Policy
		allowed []string
		refused []string
	}{
		"public addresses": {public,
			[]string{"1.1.1.1:80", "8.8.8.8:65535", "[2606:4700::1111]:443", "[::ffff:8.8.8.8]:80"},
			[]string{
				"127.0.0.1:80", "[::1]:80", "10.0.0.1:80", "172.16.0.1:80", "192.168.1.1:80", "[fd00::1]:80", "[fe80::1]:80",
				"100.64.0.1:80", "0.1.2.3:80", "192.0.0.1:80", "198.18.0.1:80", "240.0.0.1:80", "224.0.0.1:80", "255.255.255.255:80",
				"[64:ff9b::7f00:1]:80", "[64:ff9b:1::a00:1]:80", "[2002:7f00:1::]:80", "[fec0::1]:80", "[::127.0.0.1]:80",
				"[::ffff:127.0.0.1]:80", "[::ffff:10.0.0.1]:80", "0.0.0.0:80", "[::]:80", "192.0.2.1:80", "[2001:db8::1]:80",
			}},
		"what is no address": {everything, nil, []string{
			"", "example.com:80", "localhost:80", "2130706433:80", "0x7f000001:80", "0:80", "127.1:80", "0177.0.0.1:80", "127.0.0.1",
			"127.0.0.1:", ":80", "127.0.0.1:http", "127.0.0.1:65536", "127.0.0.1:-1", "127.0.0.1:+80", "127.0.0.1:8 0", "::1:80",
			"unix:/var/run/docker.sock", "unix:/var/run/docker.sock:80", "http://1.1.1.1:80", "user@1.1.1.1:80", "1.1.1.1:80/", "$host:80",
			"1.1.1.1:80;", "1.1.1.1:80\n", " 1.1.1.1:80", "1.1.1.1:80 ", "1.1.1.1:80 max_fails=0", "[1.1.1.1]:80", "１.1.1.1:80",
		}},
		"port 0":             {everything, nil, []string{"1.1.1.1:0", "[2606:4700::1111]:0"}},
		"zones":              {everything, nil, []string{"[fe80::1%eth0]:80", "[2606:4700::1111%1]:80"}},
		"metadata addresses": {everything, nil, []string{"169.254.169.254:80", "[::ffff:169.254.169.254]:80", "[64:ff9b::a9fe:a9fe]:80", "[::169.254.169.254]:80", "[2002:a9fe:a9fe::]:80", "100.100.100.200:80", "168.63.129.16:80", "[fd00:ec2::254]:80", "169.254.1.1:80"}},
		"allowed loopback": {loopback,
			[]string{"127.0.0.1:9000", "127.200.0.1:80", "[::1]:80", "[::ffff:127.0.0.1]:80", "1.1.1.1:80"}, []string{"10.1.0.1:80", "0.0.0.0:80"}},
		"allowed private": {private,
			[]string{"10.1.2.3:80", "[fd12::1]:80", "[::ffff:10.1.2.3]:80"}, []string{"10.2.0.1:80", "127.0.0.1:80", "[fd13::1]:80"}},
		"our own listeners": {own,
			[]string{"127.0.0.1:8089", "192.0.2.1:8089", "192.0.2.2:8082"},
			[]string{
				"127.0.0.1:8080", "127.9.9.9:8080", "[::1]:8080", "[::ffff:127.0.0.1]:8080", "0.0.0.0:8080", "[::]:8080",
				"192.0.2.9:8081", "127.0.0.1:8081", "[::1]:8081", "192.0.2.1:8082", "[::ffff:192.0.2.1]:8082", "0.0.0.0:8082",
				"192.0.2.1:8083", "127.0.0.1:8084", "[::1]:8084",
			}},
	} {
		t.Run(name, func(t *testing.T) {
			for _, address := range tt.allowed {
				if fields := check(tt.policy, site.Spec{Origin: origin(address)}); fields != nil {
					t.Errorf("%q is refused", address)
				}
			}
			for _, address := range tt.refused {
				want := []string{"spec.origin.targets[1].address"}
				if fields := check(tt.policy, site.Spec{Origin: origin("1.1.1.1:80", address)}); !slices.Equal(fields, want) {
					t.Errorf("%q: wrong fields are %v, want %v", address, fields, want)
				}
			}
		})
	}
}

func TestPolicy_Check_backend(t *testing.T) {
	both := site.Spec{Origin: origin("1.1.1.1:80"), Redirect: &site.Redirect{BaseURL: "https://www.example.com"}}
	for name, tt := range map[string]struct {
		spec site.Spec
		want []string
	}{
		"none":       {site.Spec{}, []string{"spec"}},
		"both":       {both, []string{"spec"}},
		"no targets": {site.Spec{Origin: &site.Origin{}}, []string{"spec.origin.targets"}},
	} {
		if got := check(site.Policy{}, tt.spec); !slices.Equal(got, tt.want) {
			t.Errorf("%s: wrong fields are %v, want %v", name, got, tt.want)
		}
	}
}

func TestPolicy_Check_redirects(t *testing.T) {
	for url, ok := range map[string]bool{
		"https://www.example.com": true, "http://example.com": true, "https://example.com:8443": true, "https://xn--bcher-kva.example": true,
		"": false, "www.example.com": false, "//www.example.com": false, "ftp://example.com": false, "javascript:alert(1)": false,
		"https://": false, "https://example.com/": false, "https://example.com/a": false, "https://example.com?a": false,
		"https://example.com#a": false, "https://user@example.com": false, "https://a:b@example.com": false, "HTTPS://example.com": false,
		"https://Example.com": false, "https://example.com.": false, "https://example..com": false, "https://-a.example": false,
		"https://*.example.com": false, "https://example": false, "https://127.0.0.1": false, "https://[::1]": false, "https://example.com:": false,
		"https://example.com:0": false, "https://example.com:99999": false, "https://example.com:http": false, "https://ex ample.com": false,
		"https://example.com\n": false, "https://$host": false, "https://example.com;": false, "https://bücher.example": false,
		"https://" + strings.Repeat("a.", 126) + "aa": false, "https://" + strings.Repeat("a", 64) + ".example": false,
	} {
		fields := check(site.Policy{}, site.Spec{Redirect: &site.Redirect{BaseURL: url}})
		if ok != (fields == nil) || !ok && !slices.Equal(fields, []string{"spec.redirect.base_url"}) {
			t.Errorf("%q: wrong fields are %v, want it allowed: %v", url, fields, ok)
		}
	}
	for code, ok := range map[int]bool{0: true, 301: true, 302: true, 307: true, 308: true, 300: false, 303: false, 200: false, -1: false, 3010: false} {
		fields := check(site.Policy{}, site.Spec{Redirect: &site.Redirect{BaseURL: "https://a.example", StatusCode: code}})
		if ok != (fields == nil) || !ok && !slices.Equal(fields, []string{"spec.redirect.status_code"}) {
			t.Errorf("%d: wrong fields are %v, want it allowed: %v", code, fields, ok)
		}
	}
}

func TestPolicy_Check_routes(t *testing.T) {
	for prefix, ok := range map[string]bool{
		"/api/": true, "/a/b.c/": true, "/~user/": true, "/v1.0/": true, "/.well-known/": true, "/.well-known/acme-challenge/": true, "/-_/": true,
		"": false, "/": false, "api/": false, "/api": false, "//": false, "/a//b/": false, "/./": false, "/../": false, "/a/../b/": false, "/a/./": false,
		"/.well-known/siteplane/": false, "/.well-known/siteplane/probe/": false, "/%2e%2e/": false, "/a b/": false, "/a\n/": false, "/a;/": false,
		"/a{/": false, "/$a/": false, "/a\\/": false, "/(a)/": false, "/a?/": false, "/a#/": false, "/ä/": false, "~ /a/": false, "/a/\x00/": false,
	} {
		s := site.Spec{Origin: origin("1.1.1.1:80"), Routes: []site.Route{{PathPrefix: prefix, Origin: *origin("1.1.1.1:80")}}}
		fields := check(site.Policy{}, s)
		if ok != (fields == nil) || !ok && !slices.Equal(fields, []string{"spec.routes[0].path_prefix"}) {
			t.Errorf("%q: wrong fields are %v, want it allowed: %v", prefix, fields, ok)
		}
	}
	twice := site.Spec{Origin: origin("1.1.1.1:80"), Routes: []site.Route{
		{PathPrefix: "/a/", Origin: *origin("1.1.1.1:80")}, {PathPrefix: "/a/", Origin: *origin("localhost:80")},
	}}
	want := []string{"spec.routes[1].path_prefix", "spec.routes[1].origin.targets[0].address"}
	if got := check(site.Policy{}, twice); !slices.Equal(got, want) {
		t.Errorf("wrong fields are %v, want %v", got, want)
	}
}

func TestPolicy_Check_headers(t *testing.T) {
	with := func(request, response []site.Header) site.Spec {
		return site.Spec{Origin: origin("1.1.1.1:80"), Options: site.Options{RequestHeaders: request, ResponseHeaders: response}}
	}
	header := func(name, value string) []site.Header { return []site.Header{{Name: name, Value: value}} }
	for name, tt := range map[string]struct{ request, response bool }{
		"X-Frame-Options": {true, true}, "x_tier": {true, true}, "A1": {true, true}, strings.Repeat("a", 64): {true, true},
		"Location": {true, false}, "Content-Type": {true, false}, "Server": {true, false},
		"Host": {false, true}, "X-Forwarded-For": {false, true}, "x-real-ip": {false, true}, "X-Forwarded-Proto": {false, true},
		"Connection": {}, "transfer-ENCODING": {}, "Content-Length": {}, "Upgrade": {}, "TE": {}, "X-Siteplane-Probe": {},
		"": {}, "a b": {}, "a:b": {}, "a\n": {}, "a\r\nb": {}, "$a": {}, "ä": {}, "a;": {}, "a{": {}, "\"a\"": {}, "a\x00": {}, strings.Repeat("a", 65): {},
	} {
		if fields := check(site.Policy{}, with(header(name, "v"), nil)); tt.request != (fields == nil) {
			t.Errorf("request header %q: wrong fields are %v", name, fields)
		}
		if fields := check(site.Policy{}, with(nil, header(name, "v"))); tt.response != (fields == nil) {
			t.Errorf("response header %q: wrong fields are %v", name, fields)
		}
	}
	for value, ok := range map[string]bool{
		"DENY": true, "default-src 'self'; img-src *": true, "a=b, c={d} #e ~!@%^&*()": true, strings.Repeat("a", 1024): true,
		"v\nSet-Cookie: evil=1": false, "v\r\nX: 1": false, `v\nX: 1`: false, "$host": false, `\$a`: false, `"a"`: false, "a\x00": false, "a\tb": false,
		"\x7f": false, "é": false, "\xff": false, "": false, " a": false, "a ": false, strings.Repeat("a", 1025): false,
	} {
		want := []string{"spec.options.response_headers[0].value"}
		fields := check(site.Policy{}, with(nil, header("X-A", value)))
		if ok != (fields == nil) || !ok && !slices.Equal(fields, want) {
			t.Errorf("value %q: wrong fields are %v, want it allowed: %v", value, fields, ok)
		}
		if fields := check(site.Policy{}, with(header("X-A", value), nil)); ok != (fields == nil) {
			t.Errorf("value %q of a request header: wrong fields are %v", value, fields)
		}
	}
	twice := with(nil, []site.Header{{Name: "X-A", Value: "1"}, {Name: "x-a", Value: "2"}})
	if got, want := check(site.Policy{}, twice), []string{"spec.options.response_headers[1].name"}; !slices.Equal(got, want) {
		t.Errorf("wrong fields are %v, want %v", got, want)
	}
}

// Every wrong field is named at once.
func TestPolicy_Check_names_all(t *testing.T) {
	s := site.Spec{
		Origin: origin("a:80", "1.1.1.1:0"), Routes: []site.Route{{PathPrefix: "a", Origin: site.Origin{}}},
		Options: site.Options{ResponseHeaders: []site.Header{{Name: "Connection", Value: "$a"}}},
	}
	want := []string{
		"spec.origin.targets[0].address", "spec.origin.targets[1].address", "spec.routes[0].path_prefix", "spec.routes[0].origin.targets",
		"spec.options.response_headers[0].name", "spec.options.response_headers[0].value",
	}
	if got := check(site.Policy{}, s); !slices.Equal(got, want) {
		t.Errorf("wrong fields are %v, want %v", got, want)
	}
}
