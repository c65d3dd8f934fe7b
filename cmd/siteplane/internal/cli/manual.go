package cli

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
)

// manual writes a manual page for each command of the tree that it is in.
func (a *app) manual() *cobra.Command {
	return &cobra.Command{
		Use:     "man DIR",
		Short:   "Write the manual pages into a directory",
		Example: "  siteplane man /usr/local/share/man/man1",
		Args:    exactly("DIR"),
		RunE: func(command *cobra.Command, args []string) error {
			if err := os.MkdirAll(args[0], 0o755); err != nil {
				return fmt.Errorf("make the directory: %w", err)
			}
			root := command.Root()
			settle(root, a.deps.Getenv)
			return eachCommand(root, func(command *cobra.Command) error { return writeManual(args[0], command) })
		},
	}
}

// writeManual writes one page. Pages have no date: the same program writes the same
// pages on any day.
func writeManual(dir string, command *cobra.Command) error {
	command.DisableAutoGenTag = true
	day := time.Unix(0, 0).UTC()
	name := strings.ReplaceAll(command.CommandPath(), " ", "-")
	header := &doc.GenManHeader{Title: strings.ToUpper(name), Section: "1", Source: "Siteplane", Manual: "Siteplane", Date: &day}
	var page bytes.Buffer
	if err := doc.GenMan(command, header, &page); err != nil {
		return fmt.Errorf("write the page of %s: %w", command.CommandPath(), err)
	}
	undated := bytes.Replace(page.Bytes(), []byte(`"`+day.Format("Jan 2006")+`"`), []byte(`""`), 1)
	if err := os.WriteFile(filepath.Join(dir, name+".1"), undated, 0o644); err != nil {
		return fmt.Errorf("write the page of %s: %w", command.CommandPath(), err)
	}
	return nil
}

// eachCommand visits what the help shows: a command, and those below it.
func eachCommand(command *cobra.Command, visit func(*cobra.Command) error) error {
	if err := visit(command); err != nil {
		return err
	}
	for _, below := range command.Commands() {
		if !below.IsAvailableCommand() {
			continue // hidden, or a topic of the help
		}
		if err := eachCommand(below, visit); err != nil {
			return err
		}
	}
	return nil
}
