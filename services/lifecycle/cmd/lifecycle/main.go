// Command lifecycle runs the control plane as a program of its own.
package main

import (
	"os"

	"github.com/siteplane/siteplane/internal/platform/program"
)

func main() {
	os.Exit(program.Program[settings]{
		Name: "lifecycle",
		About: "Keeps the one true state of every site in its database, and makes edges, tunnel and DNS follow. It calls the " +
			"other services, which may come and go. Its first start makes the tenant 'default' and an admin key, and prints the key once.",
		Defaults: defaults(),
		Run:      run,
	}.Main())
}
