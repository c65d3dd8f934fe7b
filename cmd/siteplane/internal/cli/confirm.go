package cli

import (
	"bufio"
	"errors"
	"strings"

	"github.com/spf13/cobra"
)

// confirm asks whether to go on, unless --yes said so before.
func confirm(command *cobra.Command, yes bool, question string) error {
	if yes {
		return nil
	}
	hint(command, "%s Type yes to go on:", question)
	answer, err := bufio.NewReader(command.InOrStdin()).ReadString('\n')
	if strings.TrimSpace(answer) == "yes" {
		return nil
	}
	if err != nil {
		return &usageError{errors.New("nobody is there to answer: give --yes")}
	}
	return &usageError{errors.New("nothing was done: the answer was not yes")}
}
