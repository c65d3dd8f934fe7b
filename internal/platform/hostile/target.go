package hostile

import "strings"

func addresses() []string {
	return append(syntax("1.1.1.1:80"),
		"", ":80", "1.1.1.1", "1.1.1.1:", "1.1.1.1:http", "1.1.1.1:0", "1.1.1.1:-1", "1.1.1.1:+80", "1.1.1.1:65536", "1.1.1.1:99999999999999999999",
		"localhost:80", "origin.example.com:80", "unix:/var/run/docker.sock", "unix:/var/run/docker.sock:80", "unix:", "unix:@abstract",
		"2130706433:80", "0x7f000001:80", "0177.0.0.1:80", "127.1:80", "0:80", "1.1.1.1.:80", "１.1.1.1:80", "[1.1.1.1]:80", "::1:80",
		"user@1.1.1.1:80", "http://1.1.1.1:80", "1.1.1.1:80/path", "1.1.1.1:80?x", "1.1.1.1:80 weight=100", "1.1.1.1:80 max_fails=0", "1.1.1.1:80 resolve", " 1.1.1.1:80",
		"127.0.0.1:80", "[::1]:80", "[::ffff:127.0.0.1]:80", "[::127.0.0.1]:80", "0.0.0.0:80", "[::]:80", "0.1.2.3:80",
		"10.0.0.1:80", "172.16.0.1:80", "192.168.1.1:80", "100.64.0.1:80", "192.0.0.1:80", "198.18.0.1:80", "224.0.0.1:80", "240.0.0.1:80", "255.255.255.255:80",
		"169.254.169.254:80", "[::ffff:169.254.169.254]:80", "[fd00:ec2::254]:80", "168.63.129.16:80", "100.100.100.200:80",
		"[fe80::1]:80", "[fe80::1%eth0]:80", "[fe80::1%25eth0]:80", "[2606:4700::1111%1]:80", "[fc00::1]:80", "[fec0::1]:80", "[ff02::1]:80",
		"[64:ff9b::7f00:1]:80", "[64:ff9b:1::a00:1]:80", "[2002:7f00:1::]:80",
		"siteplane_agent", "siteplane_agent:80", "site_01h455vb4pex5vsknk084sn02q_origin", "site_01h455vb4pex5vsknk084sn02q.site.internal:80",
	)
}

// MendedAddresses are ways of writing an address that tenants may use, with what is
// stored; an edge takes only that.
func MendedAddresses() map[string]string {
	return map[string]string{
		"1.1.1.1:080":                "1.1.1.1:80",
		"[::ffff:8.8.8.8]:80":        "8.8.8.8:80",
		"[2606:4700:0:0::1111]:443":  "[2606:4700::1111]:443",
		"[2606:4700::ABCD]:443":      "[2606:4700::abcd]:443",
		"[2606:4700:4700::0064]:443": "[2606:4700:4700::64]:443",
	}
}

func goodAddresses() []string {
	return []string{"1.1.1.1:80", "8.8.8.8:65535", "9.9.9.9:1", "[2606:4700::1111]:443", "[2606:4700:4700:0:1::64]:8080"}
}

func baseURLs() []string {
	return append(syntax("https://www.example.com"),
		"", "https", "https:", "https://", "https:///", "//www.example.com", "/path", "www.example.com", "://www.example.com", " https://www.example.com",
		"ftp://www.example.com", "javascript:alert(1)", "data:text/html,x", "file:///etc/passwd", "HTTPS://www.example.com", "https:www.example.com", "https:/www.example.com", `https:\\www.example.com`,
		"https://www.example.com/", "https://www.example.com/path", "https://www.example.com?x", "https://www.example.com#x", "https://www.example.com/..", "https://www.example.com%2f",
		"https://user@www.example.com", "https://user:password@www.example.com", "https://www.example.com@evil.example.net", `https://www.example.com\@evil.example.net`,
		"https://WWW.example.com", "https://www.example.com.", "https://www..example.com", "https://.example.com", "https://*.example.com", "https://_.example.com", "https://bücher.example.com",
		"https://localhost", "https://127.0.0.1", "https://2130706433", "https://0x7f000001", "https://[::1]", "https://[fe80::1%25eth0]",
		"https://www.example.com:", "https://www.example.com:0", "https://www.example.com:080", "https://www.example.com:65536", "https://www.example.com:http", "https://www.example.com:-1", "https://www.example.com:80:80",
		"https://$host", "https://${host}", "https://$host.example.com", "https://"+labels(254), "https://"+strings.Repeat("a", 64)+".example.com", "unix:/var/run/docker.sock",
	)
}

func goodBaseURLs() []string {
	return []string{"https://www.example.com", "http://www.example.com", "https://a-1.example.com:8443", "http://xn--mnchen-3ya.de:65535", "https://" + labels(253)}
}

func pathPrefixes() []string {
	values := []string{
		"", "/", "//", "///", "api/", "a", "~/a/", "= /a/", "^~/a/", "~* /a/", "@a/", "/a//b/", "//a/", "/a//",
		"/../", "/./", "/a/../b/", "/a/./b/", "/..", "/.../../", "/%2e%2e/", "/%2E/", "/a%2fb/", "/a%00/", "/a%0d%0aX-Evil:1/", "/%/", "/a%",
		"/a b/", "/a+b/", "/a;b/", "/a,b/", "/a{b/", "/a}b/", "/{a}/", "/a$b/", "/$1/", "/${host}/", "/a\\b/", `/a"b/`, "/a'b/", "/a#b/", "/a?b/", "/a:b/", "/a@b/", "/a*b/", "/a(b)/", "/(a+)+$/", "/a[b]/", "/a|b/", "/a^b/", "/a=b/", "/a&b/", "/a!b/",
		"/a\nb/", "/a\r\nb/", "/a\x00b/", "/a\tb/", "/a\x7fb/", "/ä/", "/\u2028/", "/a/; } location / { return 200 pwned; } #/", "/a/ { return 200 pwned; }",
		"http://evil.example.net/", "unix:/var/run/docker.sock", "/.well-known/siteplane/", "/.well-known/siteplane/probe/", "/.well-known/siteplane/site/",
		"/" + strings.Repeat("a", 255) + "/", "/" + strings.Repeat("a/", 300),
	}
	for _, value := range syntax("/api/") {
		values = append(values, value, value+"/")
	}
	return values
}

func goodPathPrefixes() []string {
	return []string{
		"/api/", "/a/b.c/", "/~user/", "/a~b/", "/-/", "/_/", "/.a/", "/.../", "/..a/", "/a../", "/v1.0/", "/API/", "/default/", "/location/",
		"/.well-known/", "/.well-known/acme/", "/.well-known/siteplanes/", "/" + strings.Repeat("a", 198) + "/",
	}
}
