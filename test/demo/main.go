// Command demo runs a whole installation on this machine, as a user would, and
// shows that it works: the program `siteplane`, real nginx, real DNS queries,
// an origin to forward to, and a collector that sees the traces.
//
// It owns that world and the table of checks (checks.go), one named function
// for each line of the verdict. It must not know how anything works inside: it
// looks through the command line, DNS, HTTP, the traces, the log, and where
// nothing else shows it, the files. Checks are added and never taken away.
// Whatever it starts, it ends, however it ends itself.
package main

import (
	"context"
	"flag"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	var c config
	flag.StringVar(&c.program, "siteplane", "bin/siteplane", "the program that runs and uses the installation")
	flag.BoolVar(&c.once, "once", false, "run the checks, print the verdict and end")
	flag.IntVar(&c.portBase, "port-base", 8080, "as for `siteplane up`")
	flag.BoolVar(&c.split, "split", false, "run the four services as programs of their own, which lie beside siteplane")
	flag.StringVar(&c.database, "db", sqliteDatabase, "what holds everything: sqlite, or postgres on a server of the demo's own")
	flag.StringVar(&c.typescript, "typescript", "examples/ts/dist/create.js", "the example of the TypeScript SDK, built")
	flag.BoolVar(&c.keep, "keep", false, "keep the directory with data and logs")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGPIPE)
	code := run(ctx, c, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}
