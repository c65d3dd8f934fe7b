package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// bareNginx is an nginx that is run by its own commands, from nginx.conf in a
// directory of its own.
type bareNginx struct{ dir string }

// makeBareNginx makes the directory, which nginx's workers may enter.
func makeBareNginx(dir string) (*bareNginx, error) {
	if err := os.Mkdir(dir, 0o711); err != nil {
		return nil, fmt.Errorf("make a directory: %w", err)
	}
	return &bareNginx{dir: dir}, nil
}

func (n *bareNginx) file() string   { return filepath.Join(n.dir, "nginx.conf") }
func (n *bareNginx) socket() string { return filepath.Join(n.dir, "status.sock") }

// run runs the binary and returns when it ends: at once for a start, which leaves a
// daemon behind.
func (n *bareNginx) run(ctx context.Context, arguments ...string) error {
	arguments = append(arguments, "-c", n.file(), "-p", n.dir, "-e", filepath.Join(n.dir, "error.log"))
	command := exec.CommandContext(ctx, "nginx", arguments...)
	command.WaitDelay = time.Second
	if output, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("run nginx: %w: %s", err, bytes.TrimSpace(output))
	}
	return nil
}

// write replaces nginx.conf.
func (n *bareNginx) write(text []byte) error {
	if err := os.WriteFile(n.file(), text, 0o600); err != nil {
		return fmt.Errorf("write the baseline's files: %w", err)
	}
	return nil
}

// signal tells the master; unlike nginx -s, that reads no configuration.
func (n *bareNginx) signal(signal syscall.Signal) error {
	master, err := n.master()
	if err != nil {
		return err
	}
	if err := syscall.Kill(master, signal); err != nil {
		return fmt.Errorf("signal the baseline's nginx: %w", err)
	}
	return nil
}

// stop ends it and returns when it has ended.
func (n *bareNginx) stop() error {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	master, err := n.master()
	if err != nil {
		return err
	}
	if err := n.signal(syscall.SIGTERM); err != nil {
		return err
	}
	for alive(master) {
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for the baseline's nginx to end: %w", ctx.Err())
		case <-time.After(5 * time.Millisecond):
		}
	}
	return nil
}

// start starts it and returns when its workers answer generation.
func (n *bareNginx) start(ctx context.Context, generation uint64) error {
	if err := n.run(ctx); err != nil {
		return err
	}
	if err := n.prove(ctx, generation, nil); err != nil {
		return errors.Join(err, n.stop())
	}
	return nil
}

// temporary are the directives that keep what nginx writes in the directory.
func (n *bareNginx) temporary() string {
	var text bytes.Buffer
	for _, kind := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		fmt.Fprintf(&text, "%s_temp_path %s/%s;\n", kind, n.dir, kind)
	}
	return text.String()
}
