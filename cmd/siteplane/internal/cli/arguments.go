package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

// exactly demands one argument for each name.
func exactly(names ...string) cobra.PositionalArgs {
	return Args(func(_ *cobra.Command, args []string) error {
		switch {
		case len(args) == len(names):
			return nil
		case len(names) == 1:
			return fmt.Errorf("needs exactly one %s, not %d", names[0], len(args))
		}
		return fmt.Errorf("needs exactly %d arguments, %s, not %d", len(names), strings.Join(names, " and "), len(args))
	})
}

// upTo demands the first of the names, and takes one argument for each of the
// others.
func upTo(needed int, names ...string) cobra.PositionalArgs {
	words := slices.Clone(names[:needed])
	for _, name := range names[needed:] {
		words = append(words, "["+name+"]")
	}
	return Args(func(_ *cobra.Command, args []string) error {
		if len(args) < needed || len(args) > len(names) {
			return fmt.Errorf("takes %s, not %d arguments", strings.Join(words, " "), len(args))
		}
		return nil
	})
}
