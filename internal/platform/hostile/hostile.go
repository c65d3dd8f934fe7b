// Package hostile is for tests: it holds what a tenant may try to write into each
// field of a site. What is here must be refused where tenants speak, and be
// harmless in an nginx configuration even if it got that far (S01 to S04, S07).
// It knows neither sites nor nginx; the tests of the services put the values where
// they belong.
//
// A value that hurt anybody once gets a line here.
package hostile

// Field is a place in a site where a tenant writes text.
type Field string

// The fields.
const (
	Hostname     Field = "hostname"
	Address      Field = "address"
	BaseURL      Field = "base URL"
	PathPrefix   Field = "path prefix"
	RequestName  Field = "request header name"
	ResponseName Field = "response header name"
	HeaderValue  Field = "header value"
)

// Values are what a field must not take, and what looks like that and is legal.
type Values struct {
	Refused []string
	// Accepted values must arrive unchanged.
	Accepted []string
}

// Texts returns the values of every field.
func Texts() map[Field]Values {
	return map[Field]Values{
		Hostname:     {hostnames(), goodHostnames()},
		Address:      {addresses(), goodAddresses()},
		BaseURL:      {baseURLs(), goodBaseURLs()},
		PathPrefix:   {pathPrefixes(), goodPathPrefixes()},
		RequestName:  {append(headerNames(), requestNames()...), goodRequestNames()},
		ResponseName: {append(headerNames(), responseNames()...), goodResponseNames()},
		HeaderValue:  {headerValues(), goodHeaderValues()},
	}
}

// syntax holds what could end a token, a directive or a line, name a variable, or
// mean something else to nginx, behind a value that is fine.
func syntax(fine string) []string {
	return append(escapes(fine), behind(fine, ";", ";}", " }", "{", "}", "; } server { listen 80 default_server; } #", " #")...)
}

// escapes are the part of it that quotes do not take the harm from.
func escapes(fine string) []string {
	return behind(fine,
		"\"", "'\"", "\\", `\n`, `\"`, "\n", "\r", "\r\n", "\nSet-Cookie: evil=1", "\r\n\r\nGET / HTTP/1.1",
		"\x00", "\x00.evil.example", "\x01", "\x1b[31m", "\x7f", "\t", "\v", "\f", "\u0085", "\u2028", "\u00a0", "ä",
		"$", "$host", "${host}", "$1", "$request_uri", "$http_cookie", "$siteplane_target",
	)
}

func behind(fine string, tails ...string) (values []string) {
	for _, tail := range tails {
		values = append(values, fine+tail)
	}
	return values
}
