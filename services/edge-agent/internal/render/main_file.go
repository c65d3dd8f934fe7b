package render

import (
	"strconv"

	"github.com/siteplane/siteplane/services/edge-agent/internal/nginx/encode"
)

func renderMain(layout Layout, hashSize int) []byte {
	c := new(conf)
	c.comment(
		"nginx as run by the Siteplane edge agent, which writes this file anew at every",
		"apply. To change what is served, change the site in Siteplane.",
	)
	c.blank()
	if layout.User != "" {
		c.directive("user", literal(layout.User))
	}
	c.directive("pid", literal(layout.PIDFile))
	c.directive("error_log", literal(layout.ErrorLog), literal("warn"))
	c.directive("worker_processes", literal("auto"))
	c.directive("worker_rlimit_nofile", literal("16384"))
	c.directive("worker_shutdown_timeout", layout.shutdownTimeout())
	c.blank()
	c.block("events", nil, func() { c.directive("worker_connections", literal("4096")) })
	c.blank()
	c.block("http", nil, func() { renderHTTP(c, layout, hashSize) })
	return c.bytes()
}

func renderHTTP(c *conf, layout Layout, hashSize int) {
	size := decimal(hashSize)
	c.comment("A bucket takes 15 names of 253 bytes; one that overflows stops every reload.")
	c.directive("map_hash_bucket_size", literal("4096"))
	c.directive("map_hash_max_size", size)
	c.directive("server_names_hash_bucket_size", literal("4096"))
	c.directive("server_names_hash_max_size", size)
	c.blank()
	c.directive("access_log", literal("off"))
	c.directive("server_tokens", literal("off"))
	c.directive("default_type", literal("application/octet-stream"))
	c.directive("proxy_http_version", literal("1.1"))
	for _, kind := range []literal{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		c.directive(kind+"_temp_path", literal(layout.TempDir)+"/"+kind)
	}
	c.blank()
	c.comment("Only websocket upgrades are forwarded, and only where a site asks for them.")
	c.block("map", tokens(literal("$http_upgrade"), literal("$siteplane_upgrade")), func() {
		c.entry(literal("websocket"), literal("websocket")) // in any case, as all of a map
	})
	c.block("map", tokens(literal("$siteplane_upgrade"), literal("$siteplane_connection")), func() {
		c.entry(literal("websocket"), literal("upgrade"))
	})
	c.blank()
	renderProxies(c, layout)
	renderLogFormat(c, layout)
	c.block("upstream", tokens(literal("siteplane_agent")), func() {
		c.directive("server", literal("unix:"+layout.ProbeSocket))
	})
	c.blank()
	c.comment("The generation and, through it, everything about sites.")
	c.directive("include", literal(StatusFile))
}

// Status renders status.conf, the only file that depends on the generation.
// includes are the absolute paths of the other files about sites.
func Status(layout Layout, generation uint64, hash string, includes []string) []byte {
	number := literal(strconv.FormatUint(generation, 10))
	c := new(conf)
	c.comment(
		"The only file that depends on the generation. The agent asks the status socket",
		"which generation the workers run, and from which bytes.",
	)
	for _, path := range includes {
		c.directive("include", literal(path))
	}
	c.blank()
	c.block("map", tokens(literal("$host"), literal("$siteplane_generation")), func() {
		c.entry(literal("default"), number)
	})
	c.blank()
	c.block("server", nil, func() {
		c.directive("listen", literal("unix:"+layout.StatusSocket))
		c.directive("keepalive_timeout", literal("0"))
		c.block("location", tokens(literal("/")), func() {
			c.directive("default_type", literal("application/json"))
			c.directive("return", encode.Literal("200"), literal(`'{"generation":`+string(number)+`,"hash":"`+hash+`","pid":$pid}'`))
		})
	})
	return c.bytes()
}
