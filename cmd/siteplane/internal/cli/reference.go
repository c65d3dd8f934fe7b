package cli

import (
	"bytes"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/siteplane/siteplane/internal/platform/cliconfig"
)

// reference writes docs/cli.md from the tree that it is in.
func (a *app) reference() *cobra.Command {
	return &cobra.Command{
		Use:    "cli-docs FILE",
		Short:  "Write the reference of all commands as Markdown",
		Args:   exactly("FILE"),
		Hidden: true,
		RunE: func(command *cobra.Command, args []string) error {
			root := command.Root()
			settle(root, a.deps.Getenv)
			if err := os.WriteFile(args[0], referenceOf(root), 0o644); err != nil {
				return fmt.Errorf("write the reference: %w", err)
			}
			return nil
		},
	}
}

const referenceHead = "# Commands\n\n" +
	"Written by `make generate` from the commands themselves. `siteplane COMMAND --help` shows the\n" +
	"same, `siteplane man DIR` writes it as manual pages, and `siteplane completion SHELL` teaches\n" +
	"a shell to complete it.\n"

func referenceOf(root *cobra.Command) []byte {
	var text bytes.Buffer
	text.WriteString(referenceHead)
	// Nothing that visits fails.
	_ = eachCommand(root, func(command *cobra.Command) error {
		describe(&text, command)
		return nil
	})
	return text.Bytes()
}

// describe adds one command: what it is for, how it is called, its own flags.
func describe(text *bytes.Buffer, command *cobra.Command) {
	fmt.Fprintf(text, "\n## %s\n\n%s.\n", command.CommandPath(), strings.TrimSuffix(command.Short, "."))
	if command.Long != "" {
		block(text, command.Long)
	}
	if command.Runnable() && !command.HasAvailableSubCommands() {
		block(text, command.UseLine())
	}
	if command.Example != "" {
		text.WriteString("\nExamples:\n")
		block(text, command.Example)
	}
	if flags := command.NonInheritedFlags().FlagUsages(); flags != "" && (!command.HasSubCommands() || !command.HasParent()) {
		block(text, flags)
	}
}

// block adds text as it is.
func block(text *bytes.Buffer, content string) {
	fmt.Fprintf(text, "\n```text\n%s\n```\n", strings.TrimRight(content, "\n"))
}

// settle makes what the tree says of itself the same on every machine: defaults
// that come from the environment are written as what they are made of, or left out
// where the usage says them already.
func settle(root *cobra.Command, getenv func(string) string) {
	root.InitDefaultHelpCmd()
	state, _ := cliconfig.DefaultDir(getenv) // without a home there is nothing to replace
	_ = eachCommand(root, func(command *cobra.Command) error {
		command.InitDefaultHelpFlag()
		command.LocalFlags().VisitAll(func(flag *pflag.Flag) {
			switch {
			case strings.Contains(flag.Usage, "by default") && flag.Value.Type() == "string":
				flag.DefValue = ""
			case state != "" && flag.DefValue == state:
				flag.DefValue = "~/.local/state/siteplane"
			}
		})
		return nil
	})
}
