package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"google.golang.org/grpc/codes"
)

// Exit codes of the process. Scripts rely on them: a number is never reused.
const (
	ExitOK          = 0
	ExitError       = 1
	ExitUsage       = 2
	ExitNotFound    = 3
	ExitConflict    = 4
	ExitUnavailable = 5
	ExitTimeout     = 6
	ExitSiteError   = 7
	ExitDenied      = 8
	ExitMustAct     = 9
	ExitLimit       = 10
	ExitSchema      = 11
	ExitFound       = 12
	ExitChanges     = 13
	ExitInterrupted = 130
)

var exitMeanings = []struct {
	code    int
	meaning string
}{
	{ExitOK, "done"},
	{ExitError, "an error that has no code of its own"},
	{ExitUsage, "wrong usage: a command, flag or value that is not accepted"},
	{ExitNotFound, "there is no such object, or it is not yours"},
	{ExitConflict, "the object's state forbids it: name taken, wrong status, changed meanwhile"},
	{ExitUnavailable, "the installation does not answer; try again later"},
	{ExitTimeout, "--wait gave up; the work goes on"},
	{ExitSiteError, "the site or domain ended in ERROR, or the edges refuse its update"},
	{ExitDenied, "the key is not valid, or does not allow it"},
	{ExitMustAct, "--wait ended: it goes on only after you have changed DNS"},
	{ExitLimit, "a limit of the tenant is reached"},
	{ExitSchema, "the schema of the database is not the one that this siteplane knows"},
	{ExitFound, "doctor found something that must not be there"},
	{ExitChanges, "edge preview found that files would change"},
	{ExitInterrupted, "interrupted"},
}

var exitOfStatus = map[codes.Code]int{
	codes.InvalidArgument:    ExitUsage,
	codes.OutOfRange:         ExitUsage,
	codes.NotFound:           ExitNotFound,
	codes.AlreadyExists:      ExitConflict,
	codes.FailedPrecondition: ExitConflict,
	codes.Aborted:            ExitConflict,
	codes.Unavailable:        ExitUnavailable,
	codes.DeadlineExceeded:   ExitUnavailable,
	codes.Canceled:           ExitInterrupted,
	codes.Unauthenticated:    ExitDenied,
	codes.PermissionDenied:   ExitDenied,
	codes.ResourceExhausted:  ExitLimit,
}

// ExitCode is the exit code of the process for what a command returned.
func ExitCode(err error) int {
	var coded interface{ exitCode() int }
	switch {
	case err == nil:
		return ExitOK
	case errors.Is(err, context.Canceled):
		return ExitInterrupted
	case errors.As(err, &coded):
		return coded.exitCode()
	}
	return ExitError
}

func exitCodes() *cobra.Command {
	return &cobra.Command{
		Use:   "exit-codes",
		Short: "What the exit codes mean",
		Long:  exitCodeTable(),
	}
}

func exitCodeTable() string {
	var table strings.Builder
	table.WriteString("Exit codes:\n")
	for _, row := range exitMeanings {
		fmt.Fprintf(&table, "  %3d  %s\n", row.code, row.meaning)
	}
	return strings.TrimSuffix(table.String(), "\n")
}
