package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

const (
	targetField = "site.spec.origin.targets[0].address"
	routeField  = "site.spec.routes[0].path_prefix"
	headerField = "site.spec.options.response_headers[0].value"
)

// badSpec is a site that nobody may have.
type badSpec struct {
	name string
	args []string
	// field must be named, with words that say what is wrong.
	field, words string
}

func origins() []badSpec {
	var specs []badSpec
	for words, addresses := range map[string][]string{
		"must be an IP address and a port": {
			"localhost:80", "example.com:80", "unix:/run/docker.sock", "127.0.0.1", "127.0.0.1:http",
			"2130706433:80", "0x7f000001:80", "0177.0.0.1:80", "127.1:80", "127.0.0.1:80/path", "user@127.0.0.1:80",
			"127.0.0.1:80;", "127.0.0.1:99999", "$host:80", "[::1]:80\n", " 127.0.0.1:80",
		},
		"port 0": {"127.0.0.1:0"},
		"metadata": {
			"169.254.169.254:80", "[::ffff:169.254.169.254]:80", "[fd00:ec2::254]:80", "169.254.1.1:80",
		},
		"not in a network that the operator allows": {"10.0.0.1:80", "0.0.0.0:80", "[::ffff:10.0.0.1]:80"},
	} {
		for _, address := range addresses {
			specs = append(specs, badSpec{"origin " + address, []string{"--origin", address}, targetField, words})
		}
	}
	return specs
}

// ownListeners are what the installation itself listens on, in every spelling.
func ownListeners(i *installation) []badSpec {
	var specs []badSpec
	for name, offset := range map[string]int{"REST": offsets.rest, "gRPC": offsets.grpc, "admin": offsets.admin, "edge": offsets.edge, "DNS": offsets.dns} {
		for _, host := range []string{"127.0.0.1", "127.0.0.2", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0", "[::]"} {
			address := fmt.Sprintf("%s:%d", host, i.base+offset)
			specs = append(specs, badSpec{"the " + name + " listener as " + host, []string{"--origin", address}, targetField, "listener of the hosting platform itself"})
		}
	}
	return specs
}

func routes() []badSpec {
	var specs []badSpec
	for words, prefixes := range map[string][]string{
		"must start and end with a slash": {
			"api/", "/api", "/", "//", "/a//b/", "/%2e%2e/", "/a%2fb/", "/a b/", "/a;b/", "/a$b/", "/{a}/", "/a\tb/", "/ä/", "~^/a/",
		},
		"dot segments":           {"/../", "/a/../b/", "/./", "/.../../"},
		"the edges answer below": {"/.well-known/siteplane/", "/.well-known/siteplane/probe/"},
	} {
		for _, prefix := range prefixes {
			specs = append(specs, badSpec{"route " + prefix, []string{"--origin", "127.0.0.1:9", "--route", prefix + "=127.0.0.1:9"}, routeField, words})
		}
	}
	return specs
}

func headers() []badSpec {
	var specs []badSpec
	for words, values := range map[string][]string{
		"control character": {"a\r\nX-Evil: 1", "a\nb", "a\x01b", "a\x7fb", "a\tb", "a\x1b[31m"},
		"only ASCII":        {"a\u0085b", "ünder"},
		"is not allowed":    {"$host", "a$1", `a"b`, `a\b`},
	} {
		for _, value := range values {
			specs = append(specs, badSpec{fmt.Sprintf("header value %q", value), []string{"--origin", "127.0.0.1:9", "--response-header", "X-Note: " + value}, headerField, words})
		}
	}
	for name, words := range map[string]string{
		"X Note": "", "X-$note": "", "Host": "set by the edge itself", "x-forwarded-for": "set by the edge itself",
		"X-Siteplane-Site": "set by the edge itself", "Transfer-Encoding": "set by the edge itself",
	} {
		specs = append(specs, badSpec{"header " + name, []string{"--origin", "127.0.0.1:9", "--request-header", name + ": x"}, "site.spec.options.request_headers[0].name", words})
	}
	return specs
}

func others() []badSpec {
	const redirect = "site.spec.redirect.base_url"
	const without = "without path, query or user"
	return []badSpec{
		{"a redirect with a path", []string{"--redirect", "https://www.example.com/path"}, redirect, without},
		{"a redirect with a slash", []string{"--redirect", "https://www.example.com/"}, redirect, without},
		{"a redirect with a query", []string{"--redirect", "https://www.example.com?a=b"}, redirect, without},
		{"a redirect with a user", []string{"--redirect", "https://user@www.example.com"}, redirect, without},
		{"a redirect with a variable", []string{"--redirect", "https://$host"}, redirect, without},
		{"a redirect to a script", []string{"--redirect", "javascript:alert(1)"}, redirect, without},
		{"a redirect of another kind", []string{"--redirect", "https://www.example.com", "--redirect-code", "200"}, "site.spec.redirect.status_code", "307"},
		{"a slug with a dot", []string{"--origin", "127.0.0.1:9", "--slug", "a.b"}, "site.slug", ""},
		{"a slug in upper case", []string{"--origin", "127.0.0.1:9", "--slug", "Shop"}, "site.slug", ""},
		{"a body without end", []string{"--origin", "127.0.0.1:9", "--max-body", "11GiB"}, "site.spec.options.max_body_bytes", ""},
		{"a timeout of nothing", []string{"--origin", "127.0.0.1:9", "--read-timeout", "0s"}, "site.spec.options.read_timeout", ""},
	}
}

// S01 to S04: what a tenant may not say is refused where it is said, with the
// field and the reason, and leaves nothing behind.
func TestCreate_refuses_what_no_site_may_be(t *testing.T) {
	t.Parallel()
	i := startInstallation(t)
	i.create("first", "--slug", "taken", "--origin", startOrigin(t, "first"))
	for _, c := range slices.Concat(origins(), ownListeners(i), routes(), headers(), others()) {
		t.Run(c.name, func(t *testing.T) {
			got := i.in(t).run(append([]string{"site", "create", "bad"}, c.args...)...)
			if got.code != exitUsage || got.stdout != "" {
				t.Errorf("exit code %d, want %d; stdout %q", got.code, exitUsage, got.stdout)
			}
			if !strings.Contains(got.stderr, c.field+": ") || !strings.Contains(got.stderr, c.words) || !strings.Contains(got.stderr, "INVALID_FIELDS") {
				t.Errorf("it does not name %s and say %q: %s", c.field, c.words, got.stderr)
			}
			if names := i.in(t).names(); !slices.Equal(names, []string{"first"}) {
				t.Errorf("there are the sites %v", names)
			}
		})
	}
	i.wantTaken("taken")
}

// wantTaken fails unless a slug that a site has is refused to another.
func (i *installation) wantTaken(slug string) {
	i.t.Helper()
	got := i.run("site", "create", "second", "--slug", slug, "--origin", "127.0.0.1:9")
	if got.code != exitConflict || got.stdout != "" {
		i.t.Errorf("exit code %d, want %d; stdout %q", got.code, exitConflict, got.stdout)
	}
	for _, want := range []string{slug, "NAME_TAKEN", "--slug"} {
		if !strings.Contains(got.stderr, want) {
			i.t.Errorf("it does not say %q: %s", want, got.stderr)
		}
	}
	if names := i.names(); !slices.Equal(names, []string{"first"}) {
		i.t.Errorf("there are the sites %v", names)
	}
}
