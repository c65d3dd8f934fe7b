package up

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// fromEnvironment sets flags that were not given from the variables of the same
// names: --data-dir from SITEPLANE_DATA_DIR. It reports every problem at once.
func fromEnvironment(cmd *cobra.Command) error {
	var problems []error
	cmd.LocalNonPersistentFlags().VisitAll(func(f *pflag.Flag) {
		name := "SITEPLANE_" + strings.ToUpper(strings.ReplaceAll(f.Name, "-", "_"))
		value, ok := os.LookupEnv(name)
		if !ok || f.Changed {
			return
		}
		if err := f.Value.Set(value); err != nil {
			problems = append(problems, fmt.Errorf("%s=%q: %w", name, value, err))
		}
	})
	return errors.Join(problems...)
}
