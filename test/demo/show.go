package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
)

// show walks a site to ACTIVE before the eyes of the user, says how to go on,
// and stays up until it is interrupted.
func (d *demo) show(ctx context.Context) error {
	for _, scene := range []func(context.Context) error{d.showCreate, d.showVisit, d.showTimeline, d.showConfig} {
		if err := scene(ctx); err != nil {
			return err
		}
	}
	d.showUsage()
	select {
	case <-ctx.Done():
		fmt.Fprintln(d.out, "\nstopping the installation and its nginx")
		return nil
	case <-d.installation.Ended():
		return d.installation.Died()
	}
}

func (d *demo) showCreate(ctx context.Context) error {
	fmt.Fprintf(d.out, "siteplane is up. An origin server listens on %s.\n", d.origin.address)
	d.prompt("siteplane site create hello --origin %s --wait", d.origin.address)
	if _, err := d.createHello(ctx, d.out, "--wait"); err != nil {
		return err
	}
	return d.showCommand(ctx, "site", "get", d.hello.GetSite().GetSiteId())
}

func (d *demo) showVisit(ctx context.Context) error {
	hostname := d.hello.GetSite().GetPrimaryDomain().GetHostname()
	addresses, err := d.visitor.resolve(ctx, hostname)
	if err != nil {
		return err
	}
	d.prompt("ask %s for %s A", d.visitor.dns, hostname)
	fmt.Fprintln(d.out, addresses[0])
	got, err := d.visitor.fetch(ctx, addresses[0], hostname)
	if err != nil {
		return err
	}
	d.prompt("GET http://%s:%s/ at %[3]s:%[2]s", hostname, d.visitor.port, addresses[0])
	fmt.Fprintf(d.out, "%d %s", got.status, got.body)
	return nil
}

func (d *demo) showTimeline(ctx context.Context) error {
	return d.showCommand(ctx, "site", "timeline", d.hello.GetSite().GetSiteId())
}

// showCommand runs a command of the CLI and prints what people would see.
func (d *demo) showCommand(ctx context.Context, args ...string) error {
	result, err := d.cli.show(ctx, nil, args...)
	if err != nil {
		return err
	}
	d.prompt("siteplane %s", strings.Join(args, " "))
	fmt.Fprint(d.out, result)
	return nil
}

// showConfig prints where nginx's configuration is, and its lines about the
// site.
func (d *demo) showConfig(context.Context) error {
	site := d.hello.GetSite()
	dir := filepath.Dir(d.installation.Where().NginxConf)
	files, err := filepath.Glob(filepath.Join(dir, "*.conf"))
	if err != nil {
		return fmt.Errorf("find the nginx configuration: %w", err)
	}
	d.prompt("nginx reads %s; of this site are", d.installation.Where().NginxConf)
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			return fmt.Errorf("read the nginx configuration: %w", err)
		}
		for number, line := range strings.Split(string(content), "\n") {
			if strings.Contains(line, site.GetPrimaryDomain().GetHostname()) || strings.Contains(line, site.GetSiteId()) {
				fmt.Fprintf(d.out, "%s:%d:%s\n", filepath.Base(file), number+1, line)
			}
		}
	}
	return nil
}

func (d *demo) showUsage() {
	site := d.hello.GetSite()
	hostname := site.GetPrimaryDomain().GetHostname()
	d.prompt("it stays up until you interrupt it (Ctrl-C). Go on in another terminal with")
	for _, line := range []string{
		"export SITEPLANE_CONFIG=" + d.cli.config,
		d.config.program + " site list",
		d.config.program + " site delete " + site.GetSiteId() + " --wait",
		"curl http://" + net.JoinHostPort(hostname, d.visitor.port) + "/   # a browser can, too",
		"curl -H 'Host: " + hostname + "' http://" + net.JoinHostPort(edgeAddress.String(), d.visitor.port) + "/",
		"tail -f " + d.installation.Where().Log,
	} {
		fmt.Fprintln(d.out, line)
	}
}

// prompt begins a scene.
func (d *demo) prompt(format string, args ...any) {
	fmt.Fprintf(d.out, "\n> "+format+"\n", args...)
}
