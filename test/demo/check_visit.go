package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"strings"
)

// edgeAddress is where the one edge of `siteplane up` listens.
var edgeAddress = netip.MustParseAddr("127.0.0.1")

// fetchedViaDNS: the name leads by DNS to nginx, and nginx to the origin of this
// run.
func fetchedViaDNS(ctx context.Context, d *demo) error {
	hostname := d.hello.GetSite().GetPrimaryDomain().GetHostname()
	addresses, err := d.visitor.resolve(ctx, hostname)
	if err != nil {
		return err
	}
	for _, address := range addresses {
		if err := d.servesOrigin(ctx, address, hostname); err != nil {
			return err
		}
	}
	return nil
}

func (d *demo) servesOrigin(ctx context.Context, at netip.Addr, hostname string) error {
	got, err := d.visitor.fetch(ctx, at, hostname)
	if err != nil {
		return err
	}
	if got.status != http.StatusOK || got.body != d.origin.page {
		return fmt.Errorf("%s at %s answers %d %q, not the origin's page", hostname, at, got.status, got.body)
	}
	return nil
}

// internalNameHidden: the name under which the edge proves a site to itself is
// in its files, but no visitor gets the site by it.
func internalNameHidden(ctx context.Context, d *demo) error {
	name := d.hello.GetSite().GetSiteId() + ".site.internal"
	held, err := mentions(d.edgeDir(), name, logs)
	if err != nil {
		return err
	}
	if len(held) == 0 {
		return errors.New("the edge has no such name, so nothing is hidden")
	}
	return d.misdirected(ctx, name)
}

// misdirected demands that the public listener does not know a host.
func (d *demo) misdirected(ctx context.Context, host string) error {
	got, err := d.visitor.fetch(ctx, edgeAddress, host)
	if err != nil {
		return err
	}
	if got.status != http.StatusMisdirectedRequest || strings.Contains(got.body, d.origin.page) {
		return fmt.Errorf("%s answers %d %q in public, not 421", host, got.status, got.body)
	}
	return nil
}
