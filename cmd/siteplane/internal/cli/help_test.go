package cli_test

import (
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/siteplane/siteplane/cmd/siteplane/internal/cli"
)

func TestHelp(t *testing.T) {
	r := setup(t)
	r.golden("help", cli.ExitOK)
	r.golden("help_exit_codes", cli.ExitOK, "help", "exit-codes")
	r.golden("help_group", cli.ExitOK, "site")
	for _, command := range cli.New(r.deps()).Commands() {
		if command.IsAvailableCommand() {
			t.Run(command.Name(), func(t *testing.T) {
				compareGolden(t, "help_"+command.Name(), helpOf(t, r, command))
			})
		}
	}
}

// helpOf is what --help says of a command and of those below it, without the flags
// that all of them have.
func helpOf(t *testing.T, r *rig, command *cobra.Command) string {
	path := strings.Fields(command.CommandPath())[1:]
	got := r.run(append(path, "--help")...)
	if got.code != cli.ExitOK || got.stderr != "" {
		t.Errorf("%v: exit code %d, stderr %q", path, got.code, got.stderr)
	}
	own, _, _ := strings.Cut(got.stdout, "\nGlobal Flags:\n")
	text := "$ siteplane " + strings.Join(path, " ") + " --help\n" + own
	for _, below := range command.Commands() {
		text += "\n" + helpOf(t, r, below)
	}
	return text
}
