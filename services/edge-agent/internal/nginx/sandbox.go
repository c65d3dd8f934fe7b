package nginx

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Sandbox says what a test of a configuration cannot do on this host.
type Sandbox struct {
	// User that it runs as; empty: the agent's.
	User string
	// Network: it has none, and sees no other process.
	Network bool
	// Files: it writes below its own directory, and reads there and what belongs to
	// the system.
	Files bool
	// Limits: its memory, its time and its files are limited.
	Limits bool
	// Missing says what is not so and what to do about it; empty: nothing is
	// missing.
	Missing string
}

// wall is one part of a sandbox.
type wall struct {
	name, remedy string
	build        func(*cell)
	tell         func(*Sandbox)
}

func (n *Instance) walls() []wall {
	walls := []wall{{
		"limits of memory and time", "see that /bin/sh knows `ulimit -v`",
		func(c *cell) { c.limits = &limits{memory: n.config.TestMemory, time: n.config.TestTimeout} },
		func(s *Sandbox) { s.Limits = true },
	}, {
		"no network and no other processes",
		"let the agent make namespaces: CAP_SYS_ADMIN for root, unprivileged user namespaces for others",
		func(c *cell) { c.alone = true },
		func(s *Sandbox) { s.Network = true },
	}, {
		"no files outside its directory", "boot a kernel with Landlock (5.13 or later, `lsm=landlock,...`)",
		func(c *cell) { c.fenced = true },
		func(s *Sandbox) { s.Files = true },
	}}
	if n.config.TestUser == "" {
		return walls
	}
	inmate, err := lookup(n.config.TestUser)
	if err != nil {
		return walls // Prepare has refused this user
	}
	return append([]wall{{
		"another user", "see that this user may run nginx, and that the agent has CAP_SETUID, CAP_SETGID and CAP_CHOWN",
		func(c *cell) { c.inmate = &inmate },
		func(s *Sandbox) { s.User = n.config.TestUser },
	}}, walls...)
}

// tryPatience bounds one try; it matters on a host that stands still.
const tryPatience = 30 * time.Second

// BuildSandbox finds out, by trying, what this host can keep from a test of a
// configuration, and tests in that from then on. A wall that cannot be built is
// left out and told of.
func (n *Instance) BuildSandbox(ctx context.Context) Sandbox {
	walls := n.walls()
	if all, told := built(walls); n.try(ctx, all) == nil {
		n.cell = all
		return told
	}
	var standing []wall
	var missing []string
	for _, wall := range walls {
		candidate, _ := built(append(standing, wall))
		if err := n.try(ctx, candidate); err != nil {
			n.config.Logger.WarnContext(ctx, "a part of the sandbox cannot be had here", slog.String("part", wall.name), slog.Any("error", err))
			missing = append(missing, fmt.Sprintf("%s (%v): %s", wall.name, err, wall.remedy))
			continue
		}
		standing = append(standing, wall)
	}
	var told Sandbox
	n.cell, told = built(standing)
	told.Missing = strings.Join(missing, "; ")
	return told
}

// built returns the cell of walls.
func built(walls []wall) (cell, Sandbox) {
	var c cell
	var told Sandbox
	for _, wall := range walls {
		wall.build(&c)
		wall.tell(&told)
	}
	return c, told
}

// try lets nginx test next to nothing behind walls.
func (n *Instance) try(ctx context.Context, c cell) error {
	ctx, cancel := context.WithTimeout(ctx, tryPatience)
	defer cancel()
	prefix := n.config.Runtime.TestDir()
	if err := os.RemoveAll(prefix); err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(prefix) }()
	if err := os.Mkdir(prefix, 0o700); err != nil {
		return err
	}
	file := filepath.Join(prefix, "nginx.conf")
	text := "pid " + prefix + "/nginx.pid;\nerror_log " + prefix + "/error.log;\nevents {}\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		return err
	}
	path, err := n.path()
	if err != nil {
		return err
	}
	output, _, err := c.run(ctx, prefix, path, testArguments(prefix, file)...)
	if err != nil {
		return errors.New(reason(output, err))
	}
	return nil
}

// memoryShare is the part of the host's memory that a test may use where nobody
// says how much.
const memoryShare = 2

// defaultMemory for a test, in bytes.
func defaultMemory() uint64 {
	const least = 256 << 20
	var info unix.Sysinfo_t
	if err := unix.Sysinfo(&info); err != nil {
		return least
	}
	return max(least, uint64(info.Totalram)*uint64(info.Unit)/memoryShare)
}
