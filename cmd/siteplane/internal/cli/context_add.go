package cli

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/siteplane/siteplane/internal/platform/cliconfig"
)

// contextFlags are the flags of `context add`.
type contextFlags struct {
	from, address, ca, keyFile string
	publicPort                 int
	use                        bool
}

const contextExample = `  siteplane context add demo --from ~/.local/state/siteplane/cli.json
  siteplane context add prod --address api.example.com:8081 --ca ca.pem --key-file key
  pass show siteplane | siteplane context add prod --address api.example.com:8081 --ca ca.pem`

func (a *app) contextAdd() *cobra.Command {
	flags := &contextFlags{}
	command := &cobra.Command{
		Use:   "add NAME",
		Short: "Give a name to an installation and a key",
		Long: "Give a name to an installation and a key: of a config file, or of an address, the\n" +
			"certificate of the installation's CA, and a key from --key-file or the standard input.",
		Example: contextExample,
		Args:    exactly("NAME"),
		PreRunE: func(command *cobra.Command, _ []string) error { return flags.check(command) },
		RunE: a.withContexts(func(command *cobra.Command, contexts cliconfig.Contexts, args []string) error {
			if err := contexts.Free(args[0]); err != nil {
				return contextTaken(args[0], err)
			}
			config, err := flags.config(command)
			if err != nil {
				return err
			}
			return a.addedContext(command, contexts, args[0], config, flags.use)
		}),
	}
	flags.addTo(command)
	return command
}

// addedContext adds a context and prints it. The first one becomes the current one.
func (a *app) addedContext(command *cobra.Command, contexts cliconfig.Contexts, name string, config cliconfig.Config, use bool) error {
	if err := config.Validate(); err != nil {
		return &usageError{err}
	}
	if err := contexts.Add(name, config); err != nil {
		return contextTaken(name, err)
	}
	current, err := contexts.Current()
	if err != nil {
		return err
	}
	if use || current == "" {
		if err := contexts.Use(name); err != nil {
			return err
		}
		current = name
		a.warnOfOthers(command)
	}
	if current != name {
		hint(command, "use it with --context %s, or from now on with: siteplane context use %s", name, name)
	}
	return a.print(command, viewContext(contexts, name, current))
}

func (f *contextFlags) addTo(command *cobra.Command) {
	set := command.Flags()
	set.SortFlags = false
	set.StringVar(&f.from, "from", "", "copy this config `FILE`, for instance the cli.json of `siteplane up`")
	set.StringVar(&f.address, "address", "", "`HOST:PORT` of the installation's gRPC listener")
	set.StringVar(&f.ca, "ca", "", "PEM `FILE` with the certificate of its CA")
	set.StringVar(&f.keyFile, "key-file", "", "`FILE` with the key (default the standard input)")
	set.IntVar(&f.publicPort, "public-port", 0, "`PORT` at which visitors reach the sites, where it is not their scheme's own")
	set.BoolVar(&f.use, "use", false, "make it the current context; the first one is so anyhow")
}

func (f *contextFlags) check(command *cobra.Command) error {
	changed := command.Flags().Changed
	byHand := changed("address") || changed("ca") || changed("key-file") || changed("public-port")
	switch {
	case changed("from") && byHand:
		return &usageError{errors.New("give either --from, or --address and --ca")}
	case !changed("from") && (f.address == "" || f.ca == ""):
		return &usageError{errors.New("give --from, or --address and --ca")}
	}
	return nil
}

func (f *contextFlags) config(command *cobra.Command) (cliconfig.Config, error) {
	if f.from != "" {
		return cliconfig.Read(f.from)
	}
	ca, err := os.ReadFile(f.ca)
	if err != nil {
		return cliconfig.Config{}, fmt.Errorf("read the CA's certificate: %w", err)
	}
	key, err := readSecret(command, "the key", f.keyFile)
	return cliconfig.Config{Address: f.address, CA: string(ca), Key: key, PublicPort: f.publicPort}, err
}
