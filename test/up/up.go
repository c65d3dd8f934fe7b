// Package up runs the program `siteplane up` as a user does, for those who need an
// installation and do not look at how it comes about: a process of its own, real nginx,
// free ports, everything it writes below one folder.
package up

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/siteplane/siteplane/test/process"
	"github.com/siteplane/siteplane/test/split"
)

const (
	upLimit   = time.Minute
	downLimit = 30 * time.Second
	// moves is how often an installation looks for other ports when somebody took one
	// between the look and the bind.
	moves = 5
)

// Installation is one that is up.
type Installation struct {
	program, dir string
	process      *process.Process
}

// Build builds the program from this tree into a folder, and returns its path.
func Build(ctx context.Context, dir string) (program string, err error) {
	program = filepath.Join(dir, "siteplane")
	build := exec.CommandContext(ctx, "go", "build", "-o", program, "github.com/siteplane/siteplane/cmd/siteplane")
	if said, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build siteplane: %w: %s", err, strings.TrimSpace(string(said)))
	}
	return program, nil
}

// Start runs the program with its data below a folder, which nginx's workers must be
// able to enter and whose path is short, and returns once it is up.
func Start(ctx context.Context, program, dir string) (*Installation, error) {
	for move := 1; ; move++ {
		i := &Installation{program: program, dir: dir}
		err := i.up(ctx)
		if err == nil {
			return i, nil
		}
		err = errors.Join(err, i.Stop())
		taken := strings.Contains(err.Error(), "taken") || strings.Contains(err.Error(), "in use")
		if !taken || move == moves {
			return nil, err
		}
	}
}

// Config is the file that leads the command line to the installation.
func (i *Installation) Config() string { return filepath.Join(i.data(), "cli.json") }

func (i *Installation) data() string { return filepath.Join(i.dir, "data") }

func (i *Installation) up(ctx context.Context) error {
	base, err := split.FreePortBase(77)
	if err != nil {
		return err
	}
	announced, once := make(chan struct{}), sync.Once{}
	i.process = process.New(process.Config{
		Name: "siteplane up", Program: i.program, LogFile: filepath.Join(i.dir, "up.log"), Env: []string{"TMPDIR=" + i.dir},
		Args: []string{"up", "--data-dir", i.data(), "--port-base", strconv.Itoa(base), "--log-format", "json"},
		Said: func(line string) {
			if strings.Contains(line, "siteplane is up") {
				once.Do(func() { close(announced) })
			}
		},
	})
	if err := i.process.Start(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, upLimit)
	defer cancel()
	select {
	case <-announced:
		return nil
	case <-i.process.Ended():
		return i.process.Died()
	case <-ctx.Done():
		return fmt.Errorf("wait for `siteplane up`: %w", ctx.Err())
	}
}

// Stop ends the installation, and the nginx that outlives it. One that got nowhere has
// neither.
func (i *Installation) Stop() error {
	var ended error
	if i.process != nil {
		ended = i.process.Terminate()
	}
	if _, err := os.Stat(i.data()); err != nil {
		return ended
	}
	ctx, cancel := context.WithTimeout(context.Background(), downLimit)
	defer cancel()
	down := exec.CommandContext(ctx, i.program, "down", "--data-dir", i.data())
	down.Env = append(os.Environ(), "TMPDIR="+i.dir)
	if said, err := process.Command(down).CombinedOutput(); err != nil {
		return errors.Join(ended, fmt.Errorf("stop nginx: %w: %s", err, strings.TrimSpace(string(said))))
	}
	return ended
}
