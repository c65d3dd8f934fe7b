package render

// logFormat is one JSON object a line. Every value comes from a variable, and
// nginx escapes it; $status is a string because nginx writes 000 where it sent
// none. $siteplane_site_id is empty for names that no site has.
func logFormat(layout Layout) literal {
	return `'{"time":"$time_iso8601","site":"$siteplane_site_id","host":"$host","method":"$request_method",` +
		`"status":"$status","bytes":$body_bytes_sent,"duration":$request_time,` +
		`"origin":"$upstream_addr","origin_status":"$upstream_status","origin_duration":"$upstream_response_time",` +
		`"client":"$remote_addr","peer":"$realip_remote_addr",` +
		`"scheme":"` + layout.scheme() + `","protocol":"$server_protocol","tls":"$ssl_protocol","request":"$request_id"}'`
}

// renderLogFormat writes what accessLog names.
func renderLogFormat(c *conf, layout Layout) {
	if layout.AccessLog == "" {
		return
	}
	c.comment("One line for each public request; neither path nor query, which are the tenant's.")
	c.directive("log_format", literal("siteplane"), literal("escape=json"), logFormat(layout))
	c.blank()
}

// accessLog is for public servers only: what the agent itself asks is no traffic.
func accessLog(c *conf, layout Layout, side side) {
	if side != internal && layout.AccessLog != "" {
		c.directive("access_log", literal(layout.AccessLog), literal("siteplane"), literal("buffer=64k"), literal("flush=1s"))
	}
}

// logMap is the only thing about sites that exists for the log alone.
func logMap(c *conf, sites []*site) {
	c.blank()
	c.comment("The site of a public name, for the access log.")
	c.block("map", tokens(literal("$host"), literal("$siteplane_site_id")), func() {
		for _, site := range sites {
			for _, hostname := range site.hostnames {
				c.entry(hostname, site.id)
			}
		}
	})
}
