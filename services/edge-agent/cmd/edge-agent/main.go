// Command edge-agent runs an edge agent as a program of its own.
package main

import (
	"os"

	"github.com/siteplane/siteplane/internal/platform/program"
)

func main() {
	os.Exit(program.Program[settings]{
		Name: "edge-agent",
		About: "Makes the nginx of this host serve what lifecycle sends. The id of the edge is in its certificate. nginx outlives " +
			"the agent, which takes it over when it starts again; --stop-nginx ends it.",
		Run: run,
	}.Main())
}
