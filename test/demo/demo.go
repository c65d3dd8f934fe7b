package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
	"github.com/siteplane/siteplane/internal/platform/pgtest"
)

// config is what the command line says.
type config struct {
	program           string
	typescript        string
	database          string
	once, keep, split bool
	portBase          int
}

// The values of config.database.
const (
	sqliteDatabase   = "sqlite"
	postgresDatabase = "postgres"
)

// bin is where all programs are.
func (c config) bin() string { return filepath.Dir(c.program) }

// onceLimit is how long start and checks may take together; ending it all may
// take 25 seconds more.
const onceLimit = 5 * time.Minute

// errFailed is the end of a run whose check lines say what is wrong.
var errFailed = errors.New("a check failed")

// demo is one run: an installation and the world around it.
type demo struct {
	config    config
	dir       string
	out, errs io.Writer
	origin    *origin
	collector *collector
	// postgres is nil unless the database is one of it.
	postgres     *pgtest.Server
	installation installation
	cli          *cli
	visitor      visitor
	cloudflare   cloudflare
	editor       editor

	// hello is the site of the first checks as CreateSite answered, nil before.
	hello *lifecyclev1.GetSiteResponse
	// shop is the site of the checks of custom domains.
	shop *lifecyclev1.Site
	// impostor uses the installation as another tenant.
	impostor *cli
}

// run returns the exit code of the process.
func run(ctx context.Context, c config, out, errs io.Writer) int {
	d := &demo{config: c, out: out, errs: errs}
	err := d.begin(ctx)
	if err == nil {
		err = d.play(ctx)
	}
	interrupted := ctx.Err() != nil
	if interrupted {
		err = nil // what an interrupt cuts short has not failed
	}
	return d.verdict(errors.Join(err, d.end()), interrupted)
}

// play runs the checks, or shows and stays up.
func (d *demo) play(ctx context.Context) error {
	if !d.config.once {
		if err := d.start(ctx); err != nil {
			return err
		}
		return d.show(ctx)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, onceLimit, fmt.Errorf("the demo took longer than %s", onceLimit))
	defer cancel()
	if err := d.start(ctx); err != nil {
		return err
	}
	return runChecks(ctx, d, checks)
}

// begin makes the world that an installation needs.
func (d *demo) begin(ctx context.Context) (err error) {
	if d.config.program, err = filepath.Abs(d.config.program); err != nil {
		return fmt.Errorf("find the program: %w", err)
	}
	if d.dir, err = os.MkdirTemp("", "siteplane-demo-"); err != nil {
		return fmt.Errorf("make a directory: %w", err)
	}
	if d.origin, err = startOrigin(ctx); err != nil {
		return err
	}
	if d.collector, err = startCollector(ctx); err != nil {
		return err
	}
	return d.beginDatabase(ctx)
}

// beginDatabase starts the server that the database asked for needs.
func (d *demo) beginDatabase(ctx context.Context) (err error) {
	switch d.config.database {
	case sqliteDatabase:
		return nil
	case postgresDatabase:
		ctx, cancel := context.WithTimeout(ctx, upLimit)
		defer cancel()
		d.postgres, err = pgtest.Start(ctx, pgtest.Config{})
		return err
	}
	return fmt.Errorf("-db %q: must be %s or %s", d.config.database, sqliteDatabase, postgresDatabase)
}

// databaseURL is where the database is; empty for a file in its usual place.
func (d *demo) databaseURL() string {
	if d.postgres == nil {
		return ""
	}
	return d.postgres.DSN("postgres")
}

// start runs the installation and returns when it is up.
func (d *demo) start(ctx context.Context) (err error) {
	if d.installation, err = d.form(ctx); err != nil {
		return err
	}
	if err := d.installation.Start(ctx); err != nil {
		return err
	}
	where := d.installation.Where()
	d.cli = &cli{program: d.config.program, config: where.CLIConfig}
	d.visitor = visitor{dns: where.DNS, port: where.SitesPort}
	d.cloudflare = newCloudflare(where.CloudflareURL)
	d.editor, err = newEditor(where.DNS, where.DNSKey)
	return err
}

// form is the installation that the command line asks for.
func (d *demo) form(ctx context.Context) (installation, error) {
	if !d.config.split {
		return newUpForm(d.config, d.dir, d.collector.address, d.databaseURL()), nil
	}
	made, err := newSplitForm(ctx, d.config, d.dir, d.collector.address, d.databaseURL())
	if err != nil {
		return nil, err
	}
	return made, nil
}

// end stops whatever runs, the installation first, for it uses the others.
func (d *demo) end() error {
	var problems []error
	if d.installation != nil {
		problems = append(problems, d.installation.End())
	}
	problems = append(problems, d.endDatabase())
	if d.collector != nil {
		d.collector.stop()
	}
	if d.origin != nil {
		problems = append(problems, d.origin.stop())
	}
	return errors.Join(problems...)
}

// endDatabase ends the server, and leaves its log with the others.
func (d *demo) endDatabase() error {
	if d.postgres == nil {
		return nil
	}
	kept := os.WriteFile(filepath.Join(d.dir, "postgres.log"), []byte(d.postgres.Log()+"\n"), 0o600)
	return errors.Join(kept, d.postgres.Close())
}

// verdict says how it went, and removes the directory when nobody wants it. To
// be interrupted is how a demo that stays up ends well.
func (d *demo) verdict(err error, interrupted bool) int {
	left := d.removeUnless(err != nil || d.config.keep)
	switch {
	case err != nil:
		if !errors.Is(err, errFailed) {
			fmt.Fprintln(d.errs, "demo:", err)
		}
		fmt.Fprintln(d.out, "demo: failed"+left)
		return 1
	case interrupted && d.config.once:
		fmt.Fprintln(d.out, "demo: interrupted"+left)
		return 130
	case d.config.once:
		fmt.Fprintln(d.out, "demo: ok")
	}
	if left != "" {
		fmt.Fprintln(d.errs, "demo: ended"+left)
	}
	return 0
}

// removeUnless removes the directory or says that it is still there.
func (d *demo) removeUnless(kept bool) (left string) {
	if d.dir == "" {
		return ""
	}
	if !kept {
		if err := os.RemoveAll(d.dir); err == nil {
			return ""
		}
	}
	return "; data and logs are left in " + d.dir
}
