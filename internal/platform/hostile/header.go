package hostile

import "strings"

// headerNames are refused in both directions: no tokens, or what frames a message.
func headerNames() []string {
	return append(syntax("X-A"),
		"", " ", "X A", " X-A", "X-A ", "X-A:", "X:A", ":authority", "X/A", "X(A)", "X,A", "X=A", "X@A", "X[A]", "X?A", "X<A>", "X.A", "X!A", "X*A", "X~A", "X|A", "X`A", "X%0d%0aA",
		"Host: evil\r\nX-A", "X-A: 1\r\nX-B", "X-Ä", strings.Repeat("a", 65), strings.Repeat("a", 8192),
		"Connection", "CONNECTION", "Content-Length", "content-length", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authorization", "Proxy-Connection",
		"TE", "Trailer", "Transfer-Encoding", "transfer-encoding", "Upgrade", "X-Siteplane-Site", "X_Siteplane_Site", "Content_Length", "transfer_encoding",
	)
}

func requestNames() []string {
	return []string{"Host", "HOST", "host", "Expect", "Forwarded", "X-Forwarded-For", "x-forwarded-for", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-IP", "x-real-ip", "X_Real_IP", "X-Forwarded-Port", "X_Forwarded_For"}
}

func responseNames() []string {
	return []string{"Content-Encoding", "Content-Type", "content-type", "Date", "Location", "Server", "SERVER"}
}

func goodRequestNames() []string {
	return []string{"X-A", "x-lower", "X_Under_Score", "1", "-", "_", "Authorization", "Cookie", "User-Agent", "Default", "If", "Off", strings.Repeat("a", 40)}
}

func goodResponseNames() []string {
	return []string{
		"X-A", "x-lower", "X_Under_Score", "1", "-", "_", "Set-Cookie", "Content-Security-Policy", "Strict-Transport-Security", "Cache-Control", "ETag", "Link", "Vary",
		"Access-Control-Allow-Origin", "Default", "If", "Off", "Always", strings.Repeat("a", 64),
	}
}

func headerValues() []string {
	values := []string{
		"", " ", " a", "a ", "\t", "\ta", "a\n b", "a\r\n\tb", "\n", "\r\n", "\x00", `\`, `a\nb`, `\r\nX-Evil: 1`, `\x0d\x0aX-Evil: 1`, `"`, `"; add_header X-Evil 1; #`, `a" always; return 200 "`,
		"$", "$$", "$host", "${dollar}", "$cookie_session", "v\nSet-Cookie: evil=1", "1\nX-Admin: 1", "x\r\n\r\n<html>", "x\r\nContent-Length: 0\r\n\r\nHTTP/1.1 200 OK",
		"\u010a\u010d", "\u560a\u560d", strings.Repeat("a", 1025), strings.Repeat("a", 1<<20),
	}
	return append(values, escapes("a")...)
}

func goodHeaderValues() []string {
	return []string{
		"a", "a b", "a  b", "default-src 'self'; img-src *", "{}", "}", "{", ";", "; }", "#", "# a", "a#b", "'", "'a'", "a'b", "`id`", "<script>alert(1)</script>", "%0d%0aX-Evil: 1", "%", "100%", "&#10;",
		"a=b; Path=/; HttpOnly", "a:b", "a, b", "off", "on", "default", "always", "!", "*", "@", "[a]", "(a)", "a|b", "/etc/passwd", "unix:/var/run/docker.sock", "include /etc/passwd;",
		"; } server { listen 80; }", "=?utf-8?q?=0a?=", "Basic YTpi", "~", "0", "-1", strings.Repeat("a", 1024), strings.Repeat("'", 1024),
	}
}
