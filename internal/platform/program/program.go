// Package program owns how a service starts and ends as a program of its own:
// settings from flags and environment, logs, signals, the certificates that it
// proves itself with, and what it says when it cannot go on.
//
// It must not know what any service does. Invariants: each flag can be given as
// an environment variable (--log-level as SITEPLANE_LOG_LEVEL), and a flag wins;
// everything that is wrong with the settings is reported at once; what ends a
// program is one line on stderr; a program that is asked to end has ended
// stopLimit later.
package program

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/siteplane/siteplane/internal/platform/telemetry"
)

// stopLimit is how long a program may take to end.
const stopLimit = 10 * time.Second

// Exit codes besides 0, which is also that of a program that was asked to end.
const (
	// ExitFailed is the end of a program that could not start or go on.
	ExitFailed = 1
	// ExitSettings is the end of a program whose settings are wrong.
	ExitSettings = 2
)

// Settings are what an operator sets: a struct whose fields are flags (see
// github.com/alecthomas/kong for the tags).
type Settings interface {
	// Check reports everything that is wrong, joined, and has no effect.
	Check() error
}

// Program is one service.
type Program[S Settings] struct {
	// Name is the name of the binary and of the service in logs and traces.
	Name string
	// About says in a paragraph what it does and needs.
	About string
	// Defaults are values for the tags of S: ${name} in a tag is Defaults["name"].
	Defaults map[string]string
	// Run serves until the context is done, which is no error, or does what else
	// the settings ask for.
	Run func(ctx context.Context, settings S, env Env) error
}

// Env is what a program gives to the service in it.
type Env struct {
	Telemetry *telemetry.Telemetry
	// Out is for what people shall read.
	Out io.Writer
}

// Main runs the program and returns its exit code. The first SIGINT or SIGTERM
// ends it in order, the second at once.
func (p Program[S]) Main() int {
	signal.Ignore(syscall.SIGPIPE) // a reader of the output that goes away stops nothing
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)
	return p.Execute(ctx, os.Args[1:], os.Stdout, os.Stderr)
}

// Execute is Main with arguments and a context in place of the process's.
func (p Program[S]) Execute(ctx context.Context, args []string, out, errs io.Writer) int {
	settings, logging, err := p.read(args, out)
	switch {
	case errors.Is(err, errHelp):
		return 0
	case err != nil:
		fmt.Fprintf(errs, "%s: %s (%s --help lists the settings)\n", p.Name, OneLine(err), p.Name)
		return ExitSettings
	}
	if err := p.run(ctx, settings, logging, out, errs); err != nil {
		fmt.Fprintf(errs, "%s: %s\n", p.Name, OneLine(err))
		return ExitFailed
	}
	return 0
}

func (p Program[S]) run(ctx context.Context, settings S, logging Logging, out, errs io.Writer) error {
	t, err := telemetry.New(ctx, logging.config(p.Name, errs))
	if err != nil {
		return err
	}
	served := make(chan error, 1)
	go func() {
		err := p.Run(ctx, settings, Env{Telemetry: t, Out: out})
		ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopLimit/2)
		defer cancel()
		served <- errors.Join(err, t.Shutdown(ending))
	}()
	select {
	case err := <-served:
		return err
	case <-ctx.Done():
	}
	select {
	case err := <-served:
		return err
	case <-time.After(stopLimit):
		return fmt.Errorf("had not ended %s after it was asked to, and was cut off", stopLimit)
	}
}

// OneLine writes an error that may be several, each on a line of its own, on one.
func OneLine(err error) string {
	lines := strings.FieldsFunc(err.Error(), func(r rune) bool { return r == '\n' || r == '\r' })
	for i, line := range lines {
		lines[i] = strings.TrimSpace(line)
	}
	return strings.Join(lines, "; ")
}
