// Package app runs the dnsvalidator service: it looks at hostnames as the world
// sees them and returns evidence.
//
// It owns the configuration and how the parts are put together. The service keeps
// nothing, so any number may run, and it decides nothing: lifecycle judges.
package app

import (
	"context"
	"errors"
	"fmt"

	"github.com/siteplane/siteplane/internal/platform/rpc"

	"github.com/siteplane/siteplane/services/dnsvalidator/internal/api"
	"github.com/siteplane/siteplane/services/dnsvalidator/internal/authority"
	"github.com/siteplane/siteplane/services/dnsvalidator/internal/chain"
	"github.com/siteplane/siteplane/services/dnsvalidator/internal/check"
	"github.com/siteplane/siteplane/services/dnsvalidator/internal/dnsq"
	"github.com/siteplane/siteplane/services/dnsvalidator/internal/probe"
	"github.com/siteplane/siteplane/services/dnsvalidator/internal/ranges"
	"github.com/siteplane/siteplane/services/dnsvalidator/internal/reach"
)

// Run serves until the context ends, which is no error. It closes the listener in
// any case.
func Run(ctx context.Context, cfg Config) error {
	if err := cfg.Validate(); err != nil {
		return errors.Join(fmt.Errorf("check dnsvalidator configuration: %w", err), closeListener(cfg))
	}
	cfg, err := cfg.complete()
	if err != nil {
		return errors.Join(fmt.Errorf("complete dnsvalidator configuration: %w", err), closeListener(cfg))
	}
	server, err := rpc.NewServer(rpc.ServerConfig{
		Listener:   cfg.Listener,
		TLS:        cfg.Identity.ServerTLS(),
		Authorizer: api.Policy(),
		Telemetry:  cfg.Telemetry,
	})
	if err != nil {
		return errors.Join(fmt.Errorf("build dnsvalidator server: %w", err), closeListener(cfg))
	}
	newService(cfg).Register(server.GRPC())
	return server.Serve(ctx)
}

// newService puts the parts together: check goes to the authoritative servers,
// probe where a visitor would.
func newService(cfg Config) *api.Service {
	asker := dnsq.Client{Timeout: cfg.QueryTimeout}
	filter := reach.Filter(cfg.ProbeAllowNetworks)
	finder := &authority.Finder{
		Asker: asker, Servers: cfg.Servers, Resolvers: cfg.Resolvers,
		Port: uint16(cfg.AuthorityPort), Reach: filter,
	}
	visitor := authority.Visitor{Servers: cfg.Servers, Resolvers: cfg.Resolvers}
	cloudflare := ranges.New(ranges.Config{URL: cfg.CloudflareIPsURL, Logger: cfg.Telemetry.Logger()})
	return api.New(api.Config{
		Checker: &check.Checker{
			Walker: chain.Walker{Locator: finder, Asker: asker}, Visitor: visitor,
			Reach: filter, Cloudflare: cloudflare,
		},
		Prober: &probe.Prober{
			Walker: chain.Walker{Locator: visitor, Asker: asker}, Reach: filter, Cloudflare: cloudflare,
			Port: uint16(cfg.ProbePort), Timeout: cfg.ProbeTimeout,
		},
		Telemetry: cfg.Telemetry,
	})
}

func closeListener(cfg Config) error {
	if cfg.Listener == nil {
		return nil
	}
	return cfg.Listener.Close()
}
