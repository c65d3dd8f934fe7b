package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/siteplane/siteplane/test/process"
	"github.com/siteplane/siteplane/test/split"
)

// restartServesWithoutControlPlane: with every service dead nginx serves, and starts
// and serves from what is on disk, as after a reboot of its host. The services then
// take it over as it is.
func restartServesWithoutControlPlane(ctx context.Context, d *demo) error {
	host := d.shop.GetPrimaryDomain().GetHostname()
	if err := d.killAll(); err != nil {
		return err
	}
	if err := d.servesOrigin(ctx, edgeAddress, host); err != nil {
		return fmt.Errorf("with every service dead: %w", err)
	}
	if err := d.stopNginx(ctx); err != nil {
		return err
	}
	conf := d.installation.Where().NginxConf
	said, err := process.Command(exec.CommandContext(ctx, "nginx", "-c", conf)).CombinedOutput()
	if err != nil {
		return fmt.Errorf("start nginx with nothing else: %w: %s", err, said)
	}
	if err := d.servesOrigin(ctx, edgeAddress, host); err != nil {
		return fmt.Errorf("after a restart of nginx with every service dead: %w", err)
	}
	before, err := d.nginxPID()
	if err != nil {
		return err
	}
	if err := d.restartAll(ctx); err != nil {
		return err
	}
	after, err := d.nginxPID()
	if err != nil || after != before {
		return errors.Join(fmt.Errorf("the services did not take nginx %d over, it is %d", before, after), err)
	}
	return d.servesOrigin(ctx, edgeAddress, host)
}

// edgeRebuiltIdentical: an edge that lost everything is made again from the database,
// byte for byte.
func edgeRebuiltIdentical(ctx context.Context, d *demo) error {
	before, err := d.rendered()
	if err != nil {
		return err
	}
	if err := d.installation.Kill(split.EdgeAgent); err != nil {
		return err
	}
	if err := d.stopNginx(ctx); err != nil {
		return err
	}
	if err := os.RemoveAll(d.edgeDir()); err != nil {
		return fmt.Errorf("wipe the edge: %w", err)
	}
	if err := d.installation.Restart(ctx, split.EdgeAgent); err != nil {
		return err
	}
	err = eventually(ctx, repairLimit, func(ctx context.Context) error {
		return d.servesOrigin(ctx, edgeAddress, d.shop.GetPrimaryDomain().GetHostname())
	})
	if err != nil {
		return err
	}
	return eventually(ctx, repairLimit, func(context.Context) error {
		after, err := d.rendered()
		if err == nil && !bytes.Equal(before, after) {
			err = fmt.Errorf("the files of the edge are not what they were: %s", firstDifference(before, after))
		}
		return err
	})
}

// rendered is everything that nginx runs, file by file, but status.conf: that one
// holds the number of the generation, and nothing about sites.
func (d *demo) rendered() ([]byte, error) {
	dir, err := filepath.EvalSymlinks(filepath.Dir(d.installation.Where().NginxConf))
	if err != nil {
		return nil, fmt.Errorf("find the current generation: %w", err)
	}
	var all bytes.Buffer
	err = filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || entry.Name() == "status.conf" {
			return err
		}
		content, err := os.ReadFile(path)
		fmt.Fprintf(&all, "=== %s\n%s", filepath.Base(path), content)
		return err
	})
	return all.Bytes(), err
}

// firstDifference shows the first line that differs.
func firstDifference(before, after []byte) string {
	old, now := bytes.Split(before, []byte("\n")), bytes.Split(after, []byte("\n"))
	for i := range min(len(old), len(now)) {
		if !bytes.Equal(old[i], now[i]) {
			return fmt.Sprintf("line %d was %q and is %q", i+1, old[i], now[i])
		}
	}
	return fmt.Sprintf("there were %d lines, there are %d", len(old), len(now))
}

func (d *demo) killAll() error {
	var problems []error
	for _, name := range d.distinct() {
		problems = append(problems, d.installation.Kill(name))
	}
	return errors.Join(problems...)
}

func (d *demo) restartAll(ctx context.Context) error {
	for _, name := range d.distinct() {
		if err := d.installation.Restart(ctx, name); err != nil {
			return err
		}
	}
	return nil
}

// distinct are the services that are processes of their own, the callees first;
// nginx is not among them.
func (d *demo) distinct() []string {
	if !d.config.split {
		return []string{split.Lifecycle}
	}
	return []string{split.EdgeAgent, split.Tunnel, split.DNSValidator, split.Lifecycle}
}

// nginxPID returns the process id of the master.
func (d *demo) nginxPID() (int, error) {
	conf, err := os.ReadFile(d.installation.Where().NginxConf)
	if err != nil {
		return 0, fmt.Errorf("find nginx: %w", err)
	}
	_, rest, found := strings.Cut(string(conf), "\npid ")
	path, _, ended := strings.Cut(rest, ";")
	if !found || !ended {
		return 0, errors.New("nginx's configuration names no pid file")
	}
	content, err := os.ReadFile(strings.Trim(path, `"`))
	if err != nil {
		return 0, fmt.Errorf("find nginx: %w", err)
	}
	return strconv.Atoi(strings.TrimSpace(string(content)))
}

// stopNginx ends the master and waits until its listener is free.
func (d *demo) stopNginx(ctx context.Context) error {
	pid, err := d.nginxPID()
	if err != nil {
		return err
	}
	if err := syscall.Kill(pid, syscall.SIGTERM); err != nil {
		return fmt.Errorf("stop nginx %d: %w", pid, err)
	}
	return eventually(ctx, 10*time.Second, func(context.Context) error {
		if syscall.Kill(pid, 0) == nil {
			return fmt.Errorf("nginx %d still runs", pid)
		}
		return nil
	})
}
