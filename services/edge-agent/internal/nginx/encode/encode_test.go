package encode_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/siteplane/siteplane/internal/platform/hostile"

	"github.com/siteplane/siteplane/services/edge-agent/internal/nginx/encode"
)

// parsers by kind, each as a function to a token.
var parsers = map[string]func(string) (encode.Token, error){
	"hostname":        func(s string) (encode.Token, error) { return encode.ParseHostname(s) },
	"site id":         func(s string) (encode.Token, error) { return encode.ParseSiteID(s) },
	"address":         func(s string) (encode.Token, error) { return encode.ParseAddress(s) },
	"base URL":        func(s string) (encode.Token, error) { return encode.ParseBaseURL(s) },
	"path prefix":     func(s string) (encode.Token, error) { return encode.ParsePathPrefix(s) },
	"request header":  func(s string) (encode.Token, error) { return encode.ParseRequestHeaderName(s) },
	"response header": func(s string) (encode.Token, error) { return encode.ParseResponseHeaderName(s) },
	"header value":    func(s string) (encode.Token, error) { return encode.ParseHeaderValue(s) },
}

func TestParse_accepts(t *testing.T) {
	long := strings.Repeat(strings.Repeat("a", 60)+".", 4) + "example"
	for kind, values := range map[string]map[string]string{
		"hostname":        {"a.example": "a.example", "xn--bcher-kva.example": "xn--bcher-kva.example", "1.2.3.a4": "1.2.3.a4", long: long},
		"site id":         {"site_01h455vb4pex5vsknk084sn02q": "site_01h455vb4pex5vsknk084sn02q"},
		"address":         {"10.0.0.1:80": "10.0.0.1:80", "[2001:db8::1]:8080": "[2001:db8::1]:8080", "127.0.0.1:65535": "127.0.0.1:65535"},
		"base URL":        {"https://www.example.com": "https://www.example.com", "http://a.b:8080": "http://a.b:8080"},
		"path prefix":     {"/api": "/api", "/api/": "/api", "/a/b.c/~d_e-f": "/a/b.c/~d_e-f", "/.well-known/siteplanes": "/.well-known/siteplanes"},
		"request header":  {"X-Custom": "X-Custom", "Authorization": "Authorization"},
		"response header": {"Strict-Transport-Security": "Strict-Transport-Security"},
		"header value":    {"default-src 'self'; {}#": `"default-src 'self'; {}#"`, "a": `"a"`},
	} {
		for value, want := range values {
			token, err := parsers[kind](value)
			if err != nil {
				t.Errorf("%s %q: %v", kind, value, err)
			} else if token.Token() != want {
				t.Errorf("%s %q becomes %q, want %q", kind, value, token.Token(), want)
			}
		}
	}
}

func TestParse_refuses(t *testing.T) {
	for kind, values := range map[string][]string{
		"hostname": {
			"", "localhost", "A.example", "a_b.example", "a..example", ".a.example", "a.example.", "-a.example", "a-.example",
			"*.example.com", "~^.*$", "10.0.0.1", "2130706433.1", "a.example:80", "$hostname.a", "a.com; } server {", "bücher.example",
			"site_01h455vb4pex5vsknk084sn02q.site.internal", strings.Repeat("a", 64) + ".example", strings.Repeat("a.", 127) + "example",
		},
		"site id": {"", "site_", "site_81h455vb4pex5vsknk084sn02q", "site_01h455vb4pex5vsknk084sn02", "site_01h455vb4pex5vsknk084sn02u", "tent_01h455vb4pex5vsknk084sn02q", "site_01h455vb4pex5vsknk084sn0;q"},
		"address": {
			"", "origin.example.com:80", "localhost:80", "unix:/var/run/docker.sock", "10.0.0.1", "10.0.0.1:0", "10.0.0.1:080", "10.0.0.1:65536",
			"2130706433:80", "0x7f000001:80", "127.1:80", "0:80", "010.0.0.1:80", "0.0.0.0:80", "[::]:80", "[::ffff:127.0.0.1]:80", "[::0001]:80",
			"[fe80::1%eth0]:80", "169.254.169.254:80", "[fe80::1]:80", "224.0.0.1:80", "10.0.0.1:80 weight=9", "10.0.0.1:$port", "user@10.0.0.1:80",
		},
		"base URL": {
			"", "www.example.com", "//www.example.com", "ftp://www.example.com", "HTTPS://www.example.com", "https://", "https://localhost", "https://a.b/",
			"https://a.b/path", "https://a.b?x", "https://u@a.b", "https://a.b:", "https://a.b:0", "https://a.b:080", "https://a.b:65536", "https://$host.a", "https://a.b\r\nX: y",
		},
		"path prefix": {
			"", "/", "//", "api", "/a//b", "//a", "/a//", "/a/../b", "/..", "/./a", "/a/.", "/a b", "/a%2e", "/a;b", "/a{", "/a$b", "/a\\b", "/a\"b", "/a\nb", "/ä", "~ /a",
			"/.well-known/siteplane", "/.well-known/siteplane/", "/.well-known/siteplane/probe", "/" + strings.Repeat("a", 255),
		},
		"request header": {"", "Host", "host", "Connection", "X-Forwarded-For", "x-forwarded-proto", "Transfer-Encoding", "Content-Length", "Upgrade", "X-Siteplane-Site", "X Y", "X:Y", "X\nY", "$x", "X;", strings.Repeat("a", 65)},
		"response header": {
			"", "Connection", "Content-Length", "content-type", "Location", "Date", "Server", "Transfer-Encoding", "x-siteplane-site", "X\rY", "X\"",
		},
		"header value": {"", " a", "a ", "a\nb", "a\rb", "a\tb", "a\x00b", "a\x7fb", "ä", "$host", `\n`, `a"b`, `a\`, "v\nSet-Cookie: evil=1", strings.Repeat("a", 1025)},
	} {
		for _, value := range values {
			token, err := parsers[kind](value)
			var refused *encode.Refused
			if !errors.As(err, &refused) {
				t.Errorf("%s %q passes as %v (%v)", kind, value, token, err)
			}
		}
	}
}

func TestParse_quantities(t *testing.T) {
	size := func(bytes int64) (encode.Token, error) { return encode.ParseSize(bytes, 1<<20) }
	length := func(milliseconds int64) (encode.Token, error) {
		return encode.ParseDuration(milliseconds, 5*time.Second)
	}
	weight := func(value int64) (encode.Token, error) { return encode.ParseNumber(value, 100) }
	for _, c := range []struct {
		name  string
		parse func(int64) (encode.Token, error)
		value int64
		want  string // empty: refused
	}{
		{"size", size, 0, "1m"}, {"size", size, 10, "10"}, {"size", size, 2048, "2k"}, {"size", size, 3 << 20, "3m"}, {"size", size, -1, ""}, {"size", size, 1<<40 + 1, ""},
		{"duration", length, 0, "5s"}, {"duration", length, 1500, "1500ms"}, {"duration", length, 60000, "60s"}, {"duration", length, -1, ""}, {"duration", length, 86400001, ""},
		{"number", weight, 1, "1"}, {"number", weight, 100, "100"}, {"number", weight, 0, ""}, {"number", weight, 101, ""},
	} {
		token, err := c.parse(c.value)
		if (err != nil) != (c.want == "") || err == nil && token.Token() != c.want {
			t.Errorf("%s %d: %v, %v, want %q", c.name, c.value, token, err, c.want)
		}
	}
}

func TestPathPrefix_StripPattern(t *testing.T) {
	prefix, err := encode.ParsePathPrefix("/api/v1.0/")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := prefix.StripPattern(), "(?s)^/api/v1[.]0/?(.*)$"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestRefused_is_short_and_printable(t *testing.T) {
	_, err := encode.ParseHostname(strings.Repeat("a\n", 1000))
	if text := err.Error(); len(text) > 300 || strings.Contains(text, "\n") {
		t.Errorf("error is %q", text)
	}
}

// FuzzParse holds every kind to what they share: nothing that passes can end
// its token or name a variable.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{"a.example", "10.0.0.1:80", "/api/", "X-A", "a b", "https://a.b", "site_01h455vb4pex5vsknk084sn02q", "a\nb", "$x", `"`, `\`} {
		f.Add(seed)
	}
	for _, values := range hostile.Texts() {
		for _, seed := range slices.Concat(values.Refused, values.Accepted) {
			f.Add(seed)
		}
	}
	f.Fuzz(func(t *testing.T, value string) {
		for kind, parse := range parsers {
			token, err := parse(value)
			if err != nil {
				continue
			}
			text := token.Token()
			if kind == "header value" {
				text = strings.TrimSuffix(strings.TrimPrefix(text, `"`), `"`)
			} else if strings.ContainsAny(text, " ;{}'#") {
				t.Errorf("%s %q becomes %q", kind, value, text)
			}
			for _, c := range []byte(text) {
				if c < ' ' || c > '~' || strings.IndexByte(`$"\`, c) >= 0 {
					t.Errorf("%s %q becomes %q", kind, value, text)
				}
			}
		}
	})
}
