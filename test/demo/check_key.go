package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"

	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
)

// revokedWithin is how long a stream may outlive its key.
const revokedWithin = 10 * time.Second

// keyRevoked: a key reads until it is revoked; then its next call is refused, and the
// stream that it has open ends.
func keyRevoked(ctx context.Context, d *demo) error {
	config := filepath.Join(d.dir, "reader.json")
	shown, err := d.cli.show(ctx, nil, "key", "create", "reader", "--role", "viewer", "--write-config", config, "-o", "json")
	if err != nil {
		return err
	}
	keyID, err := find(shown, "key", "keyId")
	if err != nil {
		return err
	}
	return with(config, func(conn *grpc.ClientConn) error {
		sites, events := lifecyclev1.NewSiteServiceClient(conn), lifecyclev1.NewEventServiceClient(conn)
		if _, err := sites.ListSites(ctx, &lifecyclev1.ListSitesRequest{}); err != nil {
			return fmt.Errorf("a new key cannot read: %w", err)
		}
		stream, err := events.WatchEvents(ctx, &lifecyclev1.WatchEventsRequest{})
		if err != nil {
			return err
		}
		if _, err := stream.Recv(); err != nil {
			return fmt.Errorf("a new key cannot watch: %w", err)
		}
		if _, err := d.cli.show(ctx, nil, "key", "revoke", keyID); err != nil {
			return err
		}
		_, err = sites.ListSites(ctx, &lifecyclev1.ListSitesRequest{})
		return errors.Join(refused("a call with the revoked key", err, codes.Unauthenticated, "BAD_CREDENTIAL"), ends(stream))
	})
}

// ends demands that a stream is ended by the server because of its key.
func ends(stream grpc.ServerStreamingClient[lifecyclev1.WatchEventsResponse]) error {
	ended := make(chan error, 1)
	go func() {
		for {
			if _, err := stream.Recv(); err != nil {
				ended <- err
				return
			}
		}
	}()
	select {
	case err := <-ended:
		return refused("the stream of the revoked key", err, codes.Unauthenticated, "BAD_CREDENTIAL")
	case <-time.After(revokedWithin):
		return fmt.Errorf("the stream of the revoked key goes on after %s", revokedWithin)
	}
}

// foreignTenantNotFound: another tenant's key finds nothing of ours, whatever it asks
// for, and changes nothing.
func foreignTenantNotFound(ctx context.Context, d *demo) error {
	config := filepath.Join(d.dir, "stranger.json")
	if _, err := d.cli.show(ctx, nil, "tenant", "create", "stranger", "--write-config", config); err != nil {
		return err
	}
	ours, err := d.cli.site(ctx, nil, "get", d.shop.GetSiteId())
	if err != nil {
		return err
	}
	site, domain := ours.GetSite().GetSiteId(), ours.GetSite().GetPrimaryDomain().GetDomainId()
	err = with(config, func(conn *grpc.ClientConn) error {
		sites, domains := lifecyclev1.NewSiteServiceClient(conn), lifecyclev1.NewDomainServiceClient(conn)
		var problems []error
		for what, ask := range map[string]func() error{
			"GetSite": func() error { _, err := sites.GetSite(ctx, &lifecyclev1.GetSiteRequest{SiteId: site}); return err },
			"DeleteSite": func() error {
				_, err := sites.DeleteSite(ctx, &lifecyclev1.DeleteSiteRequest{SiteId: site})
				return err
			},
			"GetSiteTimeline": func() error {
				_, err := sites.GetSiteTimeline(ctx, &lifecyclev1.GetSiteTimelineRequest{SiteId: site})
				return err
			},
			"ListSiteRevisions": func() error {
				_, err := sites.ListSiteRevisions(ctx, &lifecyclev1.ListSiteRevisionsRequest{SiteId: site})
				return err
			},
			"RollbackSite": func() error {
				_, err := sites.RollbackSite(ctx, &lifecyclev1.RollbackSiteRequest{SiteId: site, Revision: 1})
				return err
			},
			"AddDomain": func() error {
				_, err := domains.AddDomain(ctx, &lifecyclev1.AddDomainRequest{SiteId: site, Hostname: "www.stranger.test"})
				return err
			},
			"GetDomain": func() error {
				_, err := domains.GetDomain(ctx, &lifecyclev1.GetDomainRequest{DomainId: domain})
				return err
			},
			"RemoveDomain": func() error {
				_, err := domains.RemoveDomain(ctx, &lifecyclev1.RemoveDomainRequest{DomainId: domain})
				return err
			},
		} {
			problems = append(problems, refused(what+" of another tenant", ask(), codes.NotFound, "NOT_FOUND"))
		}
		list, err := sites.ListSites(ctx, &lifecyclev1.ListSitesRequest{})
		if err == nil && len(list.GetSites()) > 0 {
			err = fmt.Errorf("another tenant lists %d sites of ours", len(list.GetSites()))
		}
		return errors.Join(append(problems, err)...)
	})
	if err != nil {
		return err
	}
	return d.isActive(ctx, site)
}

// limitRefused: a tenant at its limit is refused with what, how much and how much
// there is, nothing is stored, and room that is made counts.
func limitRefused(ctx context.Context, d *demo) error {
	config := filepath.Join(d.dir, "small.json")
	if _, err := d.cli.show(ctx, nil, "tenant", "create", "small", "--limit-sites", "1", "--write-config", config); err != nil {
		return err
	}
	small := &cli{program: d.cli.program, config: config}
	first, err := small.site(ctx, nil, "create", "only", "--origin", d.origin.address)
	if err != nil {
		return err
	}
	_, err = small.site(ctx, nil, "create", "second", "--origin", d.origin.address)
	if err == nil || !strings.Contains(err.Error(), "sites is reached: 1 of 1") {
		return fmt.Errorf("the second site was answered %v, not that one of one is in use", err)
	}
	if err := small.named(ctx, "*", 1); err != nil {
		return err
	}
	if _, err := small.show(ctx, nil, "site", "delete", first.GetSite().GetSiteId(), "--wait", "--timeout", "30s"); err != nil {
		return err
	}
	_, err = small.site(ctx, nil, "create", "second", "--origin", d.origin.address)
	return err
}
