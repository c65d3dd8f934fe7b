// Package app runs the tunnel service: it owns all knowledge of how names reach
// the edges from outside.
//
// It owns the configuration, the list of backends, and how the parts are put
// together. It must not know any backend's insides.
package app

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/siteplane/siteplane/internal/platform/rpc"

	"github.com/siteplane/siteplane/services/tunnel/internal/api"
	"github.com/siteplane/siteplane/services/tunnel/internal/cloudflare"
	"github.com/siteplane/siteplane/services/tunnel/internal/direct"
	"github.com/siteplane/siteplane/services/tunnel/internal/state"
)

// Run serves until the context ends, which is no error. It closes the listener in
// any case.
func Run(ctx context.Context, cfg Config) error {
	if err := cfg.Validate(); err != nil {
		return errors.Join(fmt.Errorf("check tunnel configuration: %w", err), closeListener(cfg))
	}
	backend, closer, err := newBackend(cfg)
	if err != nil {
		return errors.Join(fmt.Errorf("build tunnel backend: %w", err), closeListener(cfg))
	}
	return errors.Join(serve(ctx, cfg, backend), closer.Close())
}

func serve(ctx context.Context, cfg Config, backend api.Backend) error {
	server, err := rpc.NewServer(rpc.ServerConfig{
		Listener:   cfg.Listener,
		TLS:        cfg.Identity.ServerTLS(),
		Authorizer: api.Policy(),
		Telemetry:  cfg.Telemetry,
	})
	if err != nil {
		return errors.Join(fmt.Errorf("build tunnel server: %w", err), closeListener(cfg))
	}
	api.New(api.Config{Backend: backend, Telemetry: cfg.Telemetry}).Register(server.GRPC())
	return server.Serve(ctx)
}

// newBackend makes the backend of a valid configuration, and what to close after
// it.
func newBackend(cfg Config) (api.Backend, io.Closer, error) {
	if cfg.Backend == cloudflare.Name {
		return newCloudflare(cfg)
	}
	return direct.Backend{}, io.NopCloser(nil), nil
}

func newCloudflare(cfg Config) (api.Backend, io.Closer, error) {
	dir, err := state.Open(cfg.StateDir)
	if err != nil {
		return nil, nil, err
	}
	account := cfg.Cloudflare
	client := cloudflare.NewClient(cloudflare.ClientConfig{
		APIURL: account.apiURL(), Token: account.Token, AccountID: account.AccountID, TunnelID: account.TunnelID,
		Timeout: account.callTimeout(), Budget: dir,
	})
	return cloudflare.New(cloudflare.Config{
		API: client, State: dir, Versions: dir,
		Settings: cloudflare.Settings{
			TunnelID: account.TunnelID, EdgeURL: account.EdgeURL, CallTimeout: account.callTimeout(),
			CustomHostnameZoneID: account.CustomHostnameZoneID, CustomHostnameTarget: account.CustomHostnameTarget,
		},
	}), dir, nil
}

func closeListener(cfg Config) error {
	if cfg.Listener == nil {
		return nil
	}
	return cfg.Listener.Close()
}
