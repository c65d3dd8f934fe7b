package cli

import (
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
)

// maxSecret bounds what is read as a secret.
const maxSecret = 4096

// readSecret reads a key or a token from a file, or without one from the standard
// input. It is better no argument: those are seen by others and kept by shells.
func readSecret(command *cobra.Command, what, file string) (string, error) {
	from := command.InOrStdin()
	if file != "" {
		opened, err := os.Open(file)
		if err != nil {
			return "", fmt.Errorf("read %s: %w", what, err)
		}
		defer opened.Close()
		from = opened
	} else {
		hint(command, "reading %s from the standard input", what)
	}
	text, err := io.ReadAll(io.LimitReader(from, maxSecret))
	if err != nil {
		return "", fmt.Errorf("read %s: %w", what, err)
	}
	return strings.TrimSpace(string(text)), nil
}
