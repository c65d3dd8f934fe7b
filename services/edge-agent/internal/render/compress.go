package render

// compressed are the types of text; text/html always is. What is compressed already, such
// as images, would only cost time.
var compressed = []literal{
	"text/plain", "text/css", "text/javascript", "text/xml", "application/javascript", "application/json",
	"application/manifest+json", "application/wasm", "application/xml", "application/rss+xml", "image/svg+xml",
}

func compress(c *conf) {
	c.directive("gzip", literal("on"))
	c.directive("gzip_vary", literal("on"))
	c.directive("gzip_proxied", literal("any"))
	c.directive("gzip_min_length", literal("1024"))
	types := tokens()
	for _, kind := range compressed {
		types = append(types, kind)
	}
	c.directive("gzip_types", types...)
}
