package cli

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// Failure is the error of a command of another package.
type Failure struct {
	// Code is what the process exits with, one of the constants above.
	Code int
	Err  error
	// Next is what to do about it; empty when there is nothing to say.
	Next string
}

func (f *Failure) Error() string { return f.Err.Error() }

// Unwrap returns the error.
func (f *Failure) Unwrap() error { return f.Err }

func (f *Failure) exitCode() int    { return f.Code }
func (f *Failure) problem() problem { return withLines(f.Err.Error(), f.Next) }

// UsageError is an error that says that a command line is not accepted.
func UsageError(err error) error { return &usageError{err} }

// Result is what a command of another package has found.
type Result struct {
	// Value is it for programs, as JSON; Text for people.
	Value any
	Text  string
}

func (r Result) json() (json.RawMessage, error) { return json.Marshal(r.Value) }

func (r Result) write(p *page) {
	for line := range strings.Lines(r.Text) {
		p.printf("%s", strings.TrimSuffix(line, "\n"))
	}
}

// Print writes the result of a command of another package in the format that --output
// asks for.
func Print(command *cobra.Command, result Result) error {
	asked, ok := command.Flag("output").Value.(*format)
	if !ok {
		return fmt.Errorf("print the result of %s: it belongs to no tree of ours", command.CommandPath())
	}
	return (&app{format: *asked, colour: colourNever}).print(command, result)
}
