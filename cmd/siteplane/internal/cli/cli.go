// Package cli owns the commands that use an installation: what they are
// called, what they print, and what exit code they end with.
//
// It knows the public API and cli.json, nothing else: not the services, not
// the database, not how an installation is run (package up adds those
// commands to the same root). Only `edge join`, which runs on a host that is to
// be an edge, uses the agent's own package. What it keeps:
//
//   - results go to stdout, everything else to stderr, so that -o json is
//     always one JSON document, or one a line where there is no end;
//   - strings that came from elsewhere never reach the terminal with control
//     characters in them; page and document escape whatever passes through;
//   - every error says what to do next, and its exit code is in exit.go;
//   - what changes something goes through change, with a request id, so that
//     it can be repeated without being done twice.
package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/siteplane/siteplane/internal/platform/cliconfig"
)

// Deps is what the commands take from the world around the process.
type Deps struct {
	// Getenv reads the environment.
	Getenv func(string) string
	// Now is the clock.
	Now func() time.Time
	// Pause returns nil after a while, or the context's error before.
	Pause func(context.Context, time.Duration) error
	// NewID makes request ids.
	NewID func() string
	// Terminal reports whether somebody looks at what is written there.
	Terminal func(io.Writer) bool
}

// System is the real world.
func System() Deps {
	return Deps{Getenv: os.Getenv, Now: time.Now, Pause: pause, NewID: uuid.NewString, Terminal: terminal}
}

func terminal(to io.Writer) bool {
	file, ok := to.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}

// New builds the command tree. The caller may add commands to its root.
func New(deps Deps) *cobra.Command {
	app := &app{deps: deps, format: formatTable, colour: colourAuto}
	root := Group(&cobra.Command{
		Use:   "siteplane",
		Short: "Run and use a control plane for web-site hosting",
		Long: "Siteplane keeps the one true state of every site, and moves a site on only after\n" +
			"the infrastructure has confirmed. This program runs an installation on one host\n" +
			"and uses any installation that its config file leads to.\n\n" +
			"The config file is that of --config, --context, $SITEPLANE_CONFIG, $SITEPLANE_CONTEXT,\n" +
			"the current context (see `siteplane context`), or cli.json in ~/.local/state/siteplane,\n" +
			"where `siteplane up` writes it: the first of these that is there.\n\n" +
			exitCodeTable(),
	})
	root.SilenceErrors, root.SilenceUsage = true, true
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return &usageError{err} })
	app.globalFlags(root)
	root.AddCommand(app.site(), app.domain(), app.operation(), app.watch(), app.event(), app.audit(),
		app.key(), app.tenant(), app.zone(), app.edge(), app.placement(), app.tunnel(), app.drift(), app.hold(), app.doctor(),
		app.context(), app.whoami(), app.manual(), app.reference(), exitCodes())
	app.completeArguments(root)
	return root
}

func (a *app) globalFlags(root *cobra.Command) {
	flags := root.PersistentFlags()
	flags.VarP(&a.format, "output", "o", "print results as `table|json|yaml`")
	flags.Var(&a.colour, "color", "colour statuses: `auto|always|never`; auto does on terminals, unless NO_COLOR is set")
	flags.StringVar(&a.choice.File, "config", "", "config `FILE` of the installation")
	flags.StringVar(&a.choice.Context, "context", "", "use the installation of this `CONTEXT`")
}

// Execute runs the command that the arguments name, prints its error, and
// returns the exit code of the process.
func Execute(ctx context.Context, root *cobra.Command) int {
	command, err := root.ExecuteContextC(ctx)
	if err != nil {
		report(command, err)
	}
	return ExitCode(err)
}

// Args turns what a check says about the number of arguments into a usage
// error.
func Args(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(command *cobra.Command, args []string) error {
		if err := check(command, args); err != nil {
			return &usageError{err}
		}
		return nil
	}
}

// app is what the commands of one tree share: the world and the global flags.
type app struct {
	deps   Deps
	format format
	colour colourMode
	choice cliconfig.Choice
}

// Group makes a command that only holds others: alone it prints its help, and
// a name that it does not know is a usage error.
func Group(command *cobra.Command) *cobra.Command {
	command.SuggestionsMinimumDistance = 2
	command.RunE = func(command *cobra.Command, _ []string) error { return command.Help() }
	command.Args = Args(func(command *cobra.Command, args []string) error {
		if len(args) == 0 {
			return nil
		}
		if near := command.SuggestionsFor(args[0]); len(near) > 0 {
			return fmt.Errorf("there is no command %q; did you mean %s?", args[0], strings.Join(near, " or "))
		}
		return fmt.Errorf("there is no command %q", args[0])
	})
	return command
}

func pause(ctx context.Context, wait time.Duration) error {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
