package cli

import (
	"context"
	"errors"
	"strings"

	"github.com/spf13/cobra"

	"github.com/siteplane/siteplane/internal/platform/cliconfig"
)

// problem is an error as a person reads it.
type problem struct {
	// text says what went wrong.
	text string
	// details are further lines: field violations, reason, trace id.
	details []string
	// next is what to do about it; empty when there is nothing to say.
	next string
}

// usageError is a command line that is not accepted.
type usageError struct{ err error }

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }
func (e *usageError) exitCode() int { return ExitUsage }

// report prints an error of a command.
func report(command *cobra.Command, err error) {
	found := explain(command, err)
	page := newPage()
	page.printf("%s: %s", command.CommandPath(), found.text)
	for _, detail := range found.details {
		page.printf("  %s", detail)
	}
	if found.next != "" {
		page.printf("  next: %s", found.next)
	}
	// Nowhere is left to say that stderr is broken; the exit code remains.
	_ = page.flush(command.ErrOrStderr())
}

// explain turns any error into what a person reads.
func explain(command *cobra.Command, err error) problem {
	var usage *usageError
	var config *cliconfig.Error
	var own interface{ problem() problem }
	switch {
	case errors.As(err, &own):
		return own.problem()
	case errors.As(err, &usage):
		return withLines(err.Error(), "see `"+command.CommandPath()+" --help`")
	case errors.As(err, &config):
		return withLines(err.Error(), config.Remedy)
	case errors.Is(err, context.Canceled):
		return problem{text: "interrupted"}
	}
	return withLines(err.Error(), "")
}

// withLines keeps the lines of an error of our own apart, such as several
// problems of one file. What a server sends never gets here.
func withLines(text, next string) problem {
	lines := strings.Split(text, "\n")
	return problem{text: lines[0], details: lines[1:], next: next}
}
