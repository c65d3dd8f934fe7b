package nginx

import (
	"context"
	"errors"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
)

// RejectedError says why nginx refuses a configuration.
type RejectedError struct{ Reason string }

// Error gives the reason.
func (e *RejectedError) Error() string { return "nginx refuses the configuration: " + e.Reason }

var (
	level = regexp.MustCompile(`^\[[a-z]+\]\s*`)
	place = regexp.MustCompile(` in \S*/\S*`)
	path  = regexp.MustCompile(`\S*/\S*`)
)

// Plain returns the reason without level, paths and line numbers, for readers who
// have no business on this host.
func (e *RejectedError) Plain() string {
	text := place.ReplaceAllString(level.ReplaceAllString(e.Reason, ""), "")
	return "nginx refuses it: " + path.ReplaceAllString(text, "...")
}

// UntestedError says why nginx could not judge: it was killed, took too long, or
// the system refused it something. That is no fault of the configuration.
type UntestedError struct{ Reason string }

// Error gives the reason.
func (e *UntestedError) Error() string { return "nginx could not test the configuration: " + e.Reason }

// systemFailure is how nginx reports a failed system call.
var systemFailure = regexp.MustCompile(`failed \(\d+: `)

// Test lets nginx read confFile, in the sandbox that BuildSandbox found, with
// everything it reads and writes below prefix, which is given away. Warnings
// count: nginx only warns when two blocks claim one name. The error is a
// *RejectedError when nginx judged, an *UntestedError when it could not. memory is
// how much of it nginx took, in bytes.
func (n *Instance) Test(ctx context.Context, prefix, confFile string) (memory int64, err error) {
	path, err := n.path()
	if err != nil {
		return 0, err
	}
	output, memory, err := n.cell.run(ctx, prefix, path, testArguments(prefix, confFile)...)
	return memory, n.judge(ctx, output, err)
}

// judge reads what a test that ended with err said.
func (n *Instance) judge(ctx context.Context, output string, err error) error {
	found := complaints(output)
	if err == nil && len(found) == 0 {
		return nil
	}
	n.config.Logger.WarnContext(ctx, "nginx did not pass a configuration", "output", output[:min(mostLogged, len(output))])
	switch {
	case ctx.Err() != nil:
		return &UntestedError{Reason: ctx.Err().Error()}
	case err != nil && !exited(err):
		return &UntestedError{Reason: err.Error()}
	}
	if i := slices.IndexFunc(found, systemFailure.MatchString); i >= 0 {
		return &UntestedError{Reason: found[i]}
	}
	if len(found) == 0 {
		return &UntestedError{Reason: reason(output, err)}
	}
	return &RejectedError{Reason: found[0]}
}

// TestFiles is how many files, directories and sockets nginx makes in a test.
const TestFiles = 16

// mostLogged is how much of what a test says is logged.
const mostLogged = 16 << 10

func testArguments(prefix, confFile string) []string {
	return []string{"-t", "-q", "-c", confFile, "-p", prefix, "-e", filepath.Join(prefix, "error.log")}
}

// exited tells whether a program ended by itself, so that what it said counts; a
// signal ends one that passes its limits.
func exited(err error) bool {
	exit := new(exec.ExitError)
	return errors.As(err, &exit) && exit.Exited()
}
