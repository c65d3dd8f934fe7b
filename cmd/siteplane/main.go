// Command siteplane is the one program that people run: it uses an
// installation from the command line, and it runs one on a single host.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/siteplane/siteplane/cmd/siteplane/internal/cli"
	"github.com/siteplane/siteplane/cmd/siteplane/internal/pki"
	"github.com/siteplane/siteplane/cmd/siteplane/internal/up"
)

func main() {
	os.Exit(run())
}

func run() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	root := cli.New(cli.System())
	root.AddCommand(up.Command(), up.DownCommand(), pki.Command())
	return cli.Execute(ctx, root)
}
