package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"github.com/siteplane/siteplane/internal/platform/cliconfig"
)

// keepFlags say where a new key is kept besides the terminal.
type keepFlags struct {
	// file is a config file to be, context the name of a context to be.
	file, context string
}

func (f *keepFlags) addTo(command *cobra.Command) {
	command.Flags().StringVar(&f.file, "write-config", "", "write a new config `FILE` with the key, for use with --config")
	command.Flags().StringVar(&f.context, "add-context", "", "keep the key as a new context `NAME`, for use with --context")
}

// check refuses what is there already: it may hold a key that was shown once.
func (f *keepFlags) check(a *app) error {
	if err := freeFile(f.file); err != nil || f.context == "" {
		return err
	}
	contexts, err := cliconfig.ContextsOf(a.deps.Getenv)
	if err != nil {
		return err
	}
	if err := contexts.Free(f.context); err != nil {
		return &usageError{fmt.Errorf("--add-context %s: %w; choose another name", f.context, err)}
	}
	return nil
}

func freeFile(file string) error {
	if file == "" {
		return nil
	}
	_, err := os.Lstat(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return fmt.Errorf("look at the config file to be: %w", err)
	}
	return &usageError{fmt.Errorf("--write-config %s: the file is there already; name a new one", file)}
}

// keep writes the key to where the flags say, and returns the facts about what it
// wrote. config is that of another key of the same installation.
func (f *keepFlags) keep(a *app, config cliconfig.Config, key string) (facts [][]string, err error) {
	config.Key = key
	if f.file != "" {
		if failed := cliconfig.Write(f.file, config); failed != nil {
			err = fmt.Errorf("the key was made, but not its config file: %w", failed)
		} else {
			facts = append(facts, []string{"Config", f.file})
		}
	}
	if f.context != "" {
		if failed := addContext(a, f.context, config); failed != nil {
			err = errors.Join(err, fmt.Errorf("the key was made, but not its context: %w", failed))
		} else {
			facts = append(facts, []string{"Context", f.context})
		}
	}
	return facts, err
}

func addContext(a *app, name string, config cliconfig.Config) error {
	contexts, err := cliconfig.ContextsOf(a.deps.Getenv)
	if err != nil {
		return err
	}
	return contexts.Add(name, config)
}

// showNew prints something new that has a key, with what was kept of it. The key
// is printed even when it could not be kept: it is never shown again.
func (f *keepFlags) showNew(a *app, command *cobra.Command, s *session, key string, view func(kept [][]string) document) error {
	if key == "" {
		return errors.Join(a.print(command, view(nil)), &keylessError{})
	}
	kept, err := f.keep(a, s.config, key)
	hint(command, "the key is shown once and is nowhere kept; keep it now")
	return errors.Join(a.print(command, view(kept)), err)
}

// keylessError is a repeated request for something with a key.
type keylessError struct{}

func (*keylessError) Error() string {
	return "the first answer to this request id held the key, and it is nowhere kept"
}

func (*keylessError) exitCode() int { return ExitConflict }

func (e *keylessError) problem() problem {
	return problem{
		text: e.Error(),
		next: "where that answer is lost, `siteplane key create` makes another key and `siteplane key revoke` ends this one",
	}
}
