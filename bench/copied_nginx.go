package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/siteplane/siteplane/services/edge-agent/app"
)

// copiedNginx is a baseline: a second nginx on a copy of the files that an agent wrote,
// under its own paths and addresses.
type copiedNginx struct {
	*bareNginx
	// from is where the agent's current files are, moved changes what they say.
	from  string
	moved *strings.Replacer
}

func startCopiedNginx(ctx context.Context, dir string, config app.Config, generation uint64) (*copiedNginx, error) {
	public, err := freeAddress()
	if err != nil {
		return nil, err
	}
	bare, err := makeBareNginx(dir)
	if err != nil {
		return nil, err
	}
	c := &copiedNginx{bareNginx: bare, from: filepath.Join(config.Dir, "current")}
	c.moved = strings.NewReplacer(
		config.PublicListen[0], public,
		filepath.Join(config.RuntimeDir, "private")+"/", dir+"/",
		filepath.Join(config.RuntimeDir, "temp"), dir,
		config.RuntimeDir+"/", dir+"/",
		filepath.Join(config.Dir, "logs")+"/", dir+"/",
	)
	if err := c.copyFiles(); err != nil {
		return nil, err
	}
	return c, c.start(ctx, generation)
}

// copyFiles copies the agent's files of now.
func (c *copiedNginx) copyFiles() error {
	from, err := filepath.EvalSymlinks(c.from)
	if err != nil {
		return fmt.Errorf("find the agent's files: %w", err)
	}
	entries, err := os.ReadDir(from)
	if err != nil {
		return fmt.Errorf("copy the agent's files: %w", err)
	}
	for _, entry := range entries {
		text, err := os.ReadFile(filepath.Join(from, entry.Name()))
		if err != nil {
			return fmt.Errorf("copy the agent's files: %w", err)
		}
		moved := c.moved.Replace(strings.ReplaceAll(string(text), from+"/", c.dir+"/"))
		if err := os.WriteFile(filepath.Join(c.dir, entry.Name()), []byte(moved), 0o600); err != nil {
			return fmt.Errorf("copy the agent's files: %w", err)
		}
	}
	return nil
}

// takeOver copies the files of a generation, and takes the time that nginx needs from
// there until it is proved.
func (c *copiedNginx) takeOver(ctx context.Context, generation uint64) (time.Duration, error) {
	if err := c.copyFiles(); err != nil {
		return 0, err
	}
	begun := time.Now()
	if err := c.run(ctx, "-t", "-q"); err != nil {
		return 0, err
	}
	old, err := c.workers()
	if err != nil {
		return 0, err
	}
	if err := c.signal(syscall.SIGHUP); err != nil {
		return 0, err
	}
	err = c.prove(ctx, generation, old)
	return time.Since(begun), err
}
