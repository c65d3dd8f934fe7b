// Command dnsvalidator runs the DNS validator as a program of its own.
package main

import (
	"os"

	"github.com/siteplane/siteplane/internal/platform/program"
)

func main() {
	os.Exit(program.Program[settings]{
		Name: "dnsvalidator",
		About: "Looks at hostnames as the world sees them, for lifecycle: it asks authoritative servers and resolvers, " +
			"and fetches the signed nonce as a visitor would. It keeps nothing, so any number may run.",
		Run: run,
	}.Main())
}
