package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc"

	"github.com/siteplane/siteplane/internal/platform/cliconfig"
	"github.com/siteplane/siteplane/internal/platform/rpc"
	"github.com/siteplane/siteplane/internal/platform/telemetry"
	"github.com/siteplane/siteplane/test/process"
	"github.com/siteplane/siteplane/test/split"
)

const (
	upLimit   = time.Minute
	downLimit = 30 * time.Second
)

// installation is `siteplane up` as a user starts it, built from this tree: a process
// of its own, real nginx, files below a directory of its own.
type installation struct {
	program, dir string
	process      *process.Process
	// conn is a connection as an API client makes one, with the installer's key.
	conn *grpc.ClientConn
}

// startInstallation builds the program and returns once the installation is up.
func startInstallation(ctx context.Context, dir string) (*installation, error) {
	i := &installation{program: filepath.Join(dir, "siteplane"), dir: dir}
	build := exec.CommandContext(ctx, "go", "build", "-o", i.program, "github.com/siteplane/siteplane/cmd/siteplane")
	if said, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("build siteplane: %w: %s", err, strings.TrimSpace(string(said)))
	}
	if err := i.up(ctx); err != nil {
		return nil, errors.Join(err, i.stop())
	}
	if err := i.dial(); err != nil {
		return nil, errors.Join(err, i.stop())
	}
	return i, nil
}

func (i *installation) data() string { return filepath.Join(i.dir, "up") }

func (i *installation) up(ctx context.Context) error {
	base, err := split.FreePortBase(77)
	if err != nil {
		return err
	}
	up, once := make(chan struct{}), sync.Once{}
	i.process = process.New(process.Config{
		Name: "siteplane up", Program: i.program, LogFile: filepath.Join(i.dir, "up.log"),
		Args: []string{"up", "--data-dir", i.data(), "--port-base", strconv.Itoa(base), "--log-format", "json"},
		Env:  []string{"TMPDIR=" + i.dir},
		Said: func(line string) {
			if strings.Contains(line, "siteplane is up") {
				once.Do(func() { close(up) })
			}
		},
	})
	if err := i.process.Start(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, upLimit)
	defer cancel()
	select {
	case <-up:
		return nil
	case <-i.process.Ended():
		return i.process.Died()
	case <-ctx.Done():
		return fmt.Errorf("wait for `siteplane up`: %w", ctx.Err())
	}
}

func (i *installation) dial() error {
	config, err := cliconfig.Read(cliconfig.InDir(i.data()))
	if err != nil {
		return err
	}
	roots, err := config.Roots()
	if err != nil {
		return err
	}
	i.conn, err = rpc.Dial(config.Address, rpc.DialConfig{
		TLS: &tls.Config{MinVersion: tls.VersionTLS13, RootCAs: roots}, PerRPC: rpc.Bearer(config.Key), Telemetry: telemetry.Discard("bench"),
	})
	return err
}

// stop ends the installation and the nginx that outlives it.
func (i *installation) stop() error {
	var hungUp, ended error
	if i.conn != nil {
		hungUp = i.conn.Close()
	}
	if i.process != nil {
		ended = i.process.Terminate()
	}
	return errors.Join(hungUp, ended, i.down())
}

// down stops nginx. An installation that got nowhere has none.
func (i *installation) down() error {
	if _, err := os.Stat(i.data()); err != nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), downLimit)
	defer cancel()
	down := exec.CommandContext(ctx, i.program, "down", "--data-dir", i.data())
	down.Env = append(os.Environ(), "TMPDIR="+i.dir)
	if said, err := process.Command(down).CombinedOutput(); err != nil {
		return fmt.Errorf("stop nginx: %w: %s", err, strings.TrimSpace(string(said)))
	}
	return nil
}
