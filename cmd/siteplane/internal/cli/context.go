package cli

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/spf13/cobra"

	"github.com/siteplane/siteplane/internal/platform/cliconfig"
)

// context is the command group for the names that a user has given to
// installations.
func (a *app) context() *cobra.Command {
	command := Group(&cobra.Command{
		Use:   "context",
		Short: "Give names to installations and keys, and change between them",
		Long: "Give names to installations and keys, and change between them. A CONTEXT is a config file of\n" +
			"its own in ~/.config/siteplane/contexts; the current one is used where nothing else is said.",
	})
	command.AddCommand(a.contextList(), a.contextShow(), a.contextUse(), a.contextAdd(), a.contextRemove())
	return command
}

func (a *app) contextList() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the contexts",
		Args:  Args(cobra.NoArgs),
		RunE: a.withContexts(func(command *cobra.Command, contexts cliconfig.Contexts, _ []string) error {
			views, err := contextViews(contexts)
			if err != nil {
				return err
			}
			if len(views) == 0 {
				hint(command, "there are no contexts; make one with: siteplane context add NAME --from FILE")
			}
			return a.print(command, &contextListView{contexts: views})
		}),
	}
}

func (a *app) contextShow() *cobra.Command {
	return &cobra.Command{
		Use:   "show [CONTEXT]",
		Short: "Show a context, by default the current one, without its key",
		Args:  upTo(0, "CONTEXT"),
		RunE: a.withContexts(func(command *cobra.Command, contexts cliconfig.Contexts, args []string) error {
			current, err := contexts.Current()
			if err != nil {
				return err
			}
			name := append(args, current)[0]
			if name == "" {
				return &noContextError{}
			}
			if _, err := contexts.Read(name); err != nil {
				return err
			}
			return a.print(command, viewContext(contexts, name, current))
		}),
	}
}

func (a *app) contextUse() *cobra.Command {
	return &cobra.Command{
		Use:   "use CONTEXT",
		Short: "Make a context the current one",
		Args:  exactly("CONTEXT"),
		RunE: a.withContexts(func(command *cobra.Command, contexts cliconfig.Contexts, args []string) error {
			if err := contexts.Use(args[0]); err != nil {
				return err
			}
			a.warnOfOthers(command)
			return a.print(command, viewContext(contexts, args[0], args[0]))
		}),
	}
}

// warnOfOthers says that a variable decides before the current context does.
func (a *app) warnOfOthers(command *cobra.Command) {
	for _, variable := range []string{cliconfig.EnvPath, cliconfig.EnvContext} {
		if value := a.deps.Getenv(variable); value != "" {
			hint(command, "$%s is set to %s, and decides before the current context does", variable, value)
			return
		}
	}
}

func (a *app) contextRemove() *cobra.Command {
	return &cobra.Command{
		Use:   "remove CONTEXT",
		Short: "Forget a context and the key in it; the key itself stays good",
		Args:  exactly("CONTEXT"),
		RunE: a.withContexts(func(command *cobra.Command, contexts cliconfig.Contexts, args []string) error {
			err := contexts.Remove(args[0])
			if errors.Is(err, fs.ErrNotExist) {
				return &missingError{kind: "context", name: args[0]}
			}
			if err != nil {
				return err
			}
			hint(command, "context %s is forgotten; `siteplane key revoke` ends a key", args[0])
			return nil
		}),
	}
}

// withContexts makes a RunE of a function that needs the contexts and no
// installation.
func (a *app) withContexts(run func(*cobra.Command, cliconfig.Contexts, []string) error) func(*cobra.Command, []string) error {
	return func(command *cobra.Command, args []string) error {
		contexts, err := cliconfig.ContextsOf(a.deps.Getenv)
		if err != nil {
			return err
		}
		if len(args) > 0 {
			if _, err := contexts.Path(args[0]); err != nil {
				return &usageError{err}
			}
		}
		return run(command, contexts, args)
	}
}

// noContextError says that no context is the current one.
type noContextError struct{}

func (*noContextError) Error() string { return "there is no current context" }

func (*noContextError) exitCode() int { return ExitNotFound }

func (e *noContextError) problem() problem {
	return problem{text: e.Error(), next: "choose one with `siteplane context use CONTEXT`; `siteplane context list` shows them"}
}

// contextTaken turns a name in use into a usage error.
func contextTaken(name string, err error) error {
	if errors.Is(err, cliconfig.ErrContextExists) {
		return &usageError{fmt.Errorf("context %s: %w; remove it first, or choose another name", name, err)}
	}
	return err
}
