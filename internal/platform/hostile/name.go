package hostile

import (
	"slices"
	"strings"
)

// labels is a name of n bytes below a top-level domain.
func labels(n int) string {
	const below = "example.com"
	name := strings.Repeat(strings.Repeat("a", 49)+".", n/50+1)
	return strings.TrimLeft(name[len(name)-(n-len(below)):], ".") + below
}

func hostnames() []string {
	values := []string{
		"", ".", "_", "*", "default", "default_server", "hostnames", "volatile", "include", "localhost", "com", "co.uk", "github.io",
		"*.example.com", "www.*", "w*.example.com", ".example.com", "~^.*$", "~.example.com", `~^(?<x>.+)\.example\.com$`, "~*EXAMPLE.com",
		`""`, "''", `"evil.example.com"`, "'evil.example.com'", "evil.example.com b.example.com", "a.com; } server {",
		"evil.example.com.", "a..example.com", "-a.example.com", "a-.example.com", "a_b.example.com", "_dmarc.example.com", "ab--c.example.com",
		"10.0.0.1", "127.1", "127.0.0.1.", "2130706433", "0x7f000001", "0x7f.0.0.1", "017700000001", "[::1]", "::1", "fe80::1%eth0", "1.2.3.4.5",
		"evil.example.com:80", "http://evil.example.com", "//evil.example.com", "user@evil.example.com", "evil.example.com/path", "evil.example.com?x", "evil.example.com#x",
		"a%2eexample.com", "%00.example.com", "unix:/var/run/docker.sock", "/etc/passwd", "../evil.example.com", `a\.example.com`,
		strings.Repeat("a", 64) + ".example.com", labels(253), labels(254), strings.Repeat("a.", 600) + "com",
		"аpple.com", "xn--pple-43d.com", "раураl.com", "xn--a.example.com", "xn--.example.com", "a\u202ecom.example.com",
		"site.internal", "a.site.internal", "site_01h455vb4pex5vsknk084sn02q.site.internal", "a.local", "a.onion", "1.0.0.127.in-addr.arpa",
	}
	// What surrounds a name is taken away where tenants speak: see Mended.
	surrounds := []string{"\n", "\r", "\r\n", "\t", "\v", "\f", "\u0085", "\u2028", "\u00a0", "ä"}
	for _, value := range syntax("evil.example.com") {
		if !slices.Contains(surrounds, strings.TrimPrefix(value, "evil.example.com")) {
			values = append(values, value)
		}
	}
	return append(values, "a\nb.example.com", "a\r\nb.example.com", "a\tb.example.com", "a\u0085b.example.com", "a\u2028b.example.com")
}

// Mended are ways of writing a hostname that tenants may use, with what is stored;
// an edge takes only that.
func Mended() map[string]string {
	return map[string]string{
		"SHOP.Mended.Example.com":     "shop.mended.example.com",
		" lf.mended.example.com\r\n":  "lf.mended.example.com",
		"bücher.example.com":          "xn--bcher-kva.example.com",
		"ｗｉｄｅ.example.com":            "wide.example.com",
		"dot。example.com":             "dot.example.com",
		"zero\u200bwidth.example.com": "zerowidth.example.com",
	}
}

func goodHostnames() []string {
	return []string{
		"a.example.com", "1.2.3.a4.com", "default.example.com", "localhost.example.com", "default-server.com", "include.example.com",
		"xn--mnchen-3ya.de", "a-b.example.com", strings.Repeat("a", 63) + ".example.com", labels(200),
		"10.0.0.1.example.com", "site-01h455vb4pex5vsknk084sn02q.site.internal.example.com", "0x7f000001.com",
	}
}

// SiteNames are names for people: any text without control characters is legal, none
// reaches an edge, and what is made of them is a plain label.
func SiteNames() []string {
	return append(syntax("My Shop"), "; } server {", "$host", "../../etc/passwd", "<script>alert(1)</script>", "аpple", "\u202ekcul", "  ", "_", "*", "~^.*$")
}

// Slugs are labels that no site may have.
func Slugs() []string {
	return append(syntax("shop"), "-shop", "shop-", "Shop", "a.b", "a_b", "*", "~", "_", ".", "..", "../etc", "a/b", "a b", strings.Repeat("a", 41))
}
