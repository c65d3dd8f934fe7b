package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
	"github.com/siteplane/siteplane/test/split"
)

const (
	cutName    = "cut.managed.test"
	failedName = "failed.managed.test"
)

// convergeLimit is how long the installation may take after a kill: the tunnel
// service waits until what it had under way can no longer arrive.
const convergeLimit = 2 * domainLimit

// leaseLimit is how long what a killed lifecycle had under way stays its own where
// another one might be alive: its leases must run out.
const leaseLimit = time.Minute

// convergesWithin is convergeLimit, and more where the kill was lifecycle's too and the
// database may be shared.
func (d *demo) convergesWithin() time.Duration {
	if d.postgres != nil && !d.config.split {
		return convergeLimit + leaseLimit
	}
	return convergeLimit
}

// ofConfiguration are the calls that write the tunnel's rules.
func ofConfiguration(kind string, times int) map[string]any {
	return map[string]any{"kind": kind, "method": "PUT", "path": "/configurations$", "times": times}
}

// killedMidPutConverges: the tunnel service dies while Cloudflare has its request
// and has not answered. Started again, it reads what is there, and the domain ends
// ACTIVE.
func killedMidPutConverges(ctx context.Context, d *demo) error {
	if err := d.cloudflare.inject(ctx, ofConfiguration("hold", 1)); err != nil {
		return err
	}
	if _, err := d.cli.domain(ctx, "add", "shop", cutName); err != nil {
		return err
	}
	err := eventually(ctx, domainLimit, func(ctx context.Context) error {
		if n, err := d.cloudflare.held(ctx); err != nil || n > 0 {
			return err
		}
		return errors.New("no call is held")
	})
	if err != nil {
		return err
	}
	if err := d.installation.Kill(split.Tunnel); err != nil {
		return err
	}
	if err := d.installation.Restart(ctx, split.Tunnel); err != nil {
		return err
	}
	if err := d.cloudflare.heal(ctx); err != nil {
		return err
	}
	if _, err := d.cli.awaitDomainFor(ctx, d.convergesWithin(), cutName, isDomain(activeDomain)); err != nil {
		return err
	}
	return d.servedAt(ctx, cloudflareAddress, cutName)
}

// tunnelFailureCompensated: while Cloudflare takes no rules the domain waits and
// says so; when its owner gives up, what was made is undone, and when Cloudflare is
// well again, a new attempt succeeds.
func tunnelFailureCompensated(ctx context.Context, d *demo) error {
	if err := d.cloudflare.inject(ctx, ofConfiguration("status", 1000)); err != nil {
		return err
	}
	if _, err := d.cli.domain(ctx, "add", "shop", failedName); err != nil {
		return err
	}
	_, err := d.cli.await(ctx, failedName, says("TunnelRouted", "SERVICE_UNAVAILABLE", "WAITING"))
	if err != nil {
		return err
	}
	if held, err := d.edgeHolds(failedName); err != nil || !held {
		return errors.Join(fmt.Errorf("the edge does not hold %s, so there is nothing to undo", failedName), err)
	}
	working := &lifecyclev1.GetDomainResponse{}
	if err := d.cli.read(ctx, working, nil, "domain", "get", failedName); err != nil {
		return err
	}
	if _, err := d.cli.show(ctx, nil, "op", "cancel", working.GetOperation().GetOperationId()); err != nil {
		return err
	}
	if _, err := d.cli.await(ctx, failedName, isDomain(lifecyclev1.DomainStatus_DOMAIN_STATUS_ERROR)); err != nil {
		return err
	}
	if err := d.undone(ctx); err != nil {
		return err
	}
	if err := d.cloudflare.heal(ctx); err != nil {
		return err
	}
	if _, err := d.cli.domain(ctx, "check", failedName); err != nil { // tries again what failed
		return err
	}
	if _, err := d.cli.awaitDomain(ctx, failedName, isDomain(activeDomain)); err != nil {
		return err
	}
	return d.servedAt(ctx, cloudflareAddress, failedName)
}

// undone demands that nothing is left of the domain that failed.
func (d *demo) undone(ctx context.Context) error {
	if held, err := d.edgeHolds(failedName); err != nil || held {
		return errors.Join(fmt.Errorf("the edge still holds %s", failedName), err)
	}
	if rule, err := d.cloudflare.hasRule(ctx, failedName); err != nil || rule {
		return errors.Join(fmt.Errorf("the tunnel still has a rule for %s", failedName), err)
	}
	if addresses, err := d.visitor.resolve(ctx, failedName); err == nil {
		return fmt.Errorf("%s still leads to %v", failedName, addresses)
	}
	return nil
}

// edgeHolds reports whether what nginx runs knows a hostname.
func (d *demo) edgeHolds(hostname string) (bool, error) {
	superseded, err := supersededIn(d.edgeDir())
	if err != nil {
		return false, err
	}
	files, err := mentions(d.edgeDir(), hostname, func(path string) bool {
		return logs(path) || superseded(path) || !strings.HasPrefix(path, "generations/")
	})
	return len(files) > 0, err
}
