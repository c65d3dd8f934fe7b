// Command siteplane is the one program that people run: it uses an
// installation from the command line, and it runs one on a single host.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/siteplane/siteplane/cmd/siteplane/internal/cli"
	"github.com/siteplane/siteplane/cmd/siteplane/internal/migrate"
	"github.com/siteplane/siteplane/cmd/siteplane/internal/pki"
	"github.com/siteplane/siteplane/cmd/siteplane/internal/up"
)

func main() {
	os.Exit(run())
}

func run() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	return cli.Execute(ctx, commands())
}

// commands is the whole tree, which docs/cli.md and the manual pages are written
// from, too.
func commands() *cobra.Command {
	root := cli.New(cli.System())
	root.AddCommand(up.Command(), up.DownCommand(), pki.Command(), migrate.Command())
	return root
}
