// Command tunnel runs the tunnel service as a program of its own.
package main

import (
	"os"

	"github.com/siteplane/siteplane/internal/platform/program"
)

func main() {
	os.Exit(program.Program[settings]{
		Name: "tunnel",
		About: "Makes names reach the edges from outside, for lifecycle: rules of a Cloudflare tunnel, DNS records and custom " +
			"hostnames, or nothing where visitors come directly. One process runs for each tunnel.",
		Run: run,
	}.Main())
}
