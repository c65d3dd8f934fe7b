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
	"maps"
	"net"
	"slices"
	"strings"

	"github.com/siteplane/siteplane/internal/platform/identity"
	"github.com/siteplane/siteplane/internal/platform/rpc"
	"github.com/siteplane/siteplane/internal/platform/telemetry"

	"github.com/siteplane/siteplane/services/tunnel/internal/api"
	"github.com/siteplane/siteplane/services/tunnel/internal/direct"
)

// Config says how to run. Listener, Identity and Telemetry are required.
type Config struct {
	// Listener is where gRPC is served; closed by Run.
	Listener net.Listener
	// Identity proves to callers who we are, and they to us who they are.
	Identity  *identity.Identity
	Telemetry *telemetry.Telemetry
	// Backend is how names reach the edges. Empty: direct.
	Backend string
}

// constructors makes the backends by name.
func constructors() map[string]func() api.Backend {
	return map[string]func() api.Backend{
		direct.Name: func() api.Backend { return direct.Backend{} },
	}
}

// Validate reports every problem at once.
func (c Config) Validate() error {
	var problems []error
	if c.Listener == nil {
		problems = append(problems, errors.New("no listener"))
	}
	if c.Identity == nil {
		problems = append(problems, errors.New("no identity"))
	}
	if c.Telemetry == nil {
		problems = append(problems, errors.New("no telemetry"))
	}
	known := constructors()
	if known[c.backend()] == nil {
		problems = append(problems, fmt.Errorf("tunnel.backend: %q is not known; known are: %s",
			c.Backend, strings.Join(slices.Sorted(maps.Keys(known)), ", ")))
	}
	return errors.Join(problems...)
}

func (c Config) backend() string {
	if c.Backend == "" {
		return direct.Name
	}
	return c.Backend
}

// Run serves until the context ends, which is no error. It closes the listener in
// any case.
func Run(ctx context.Context, cfg Config) error {
	if err := cfg.Validate(); err != nil {
		return errors.Join(fmt.Errorf("check tunnel configuration: %w", err), closeListener(cfg))
	}
	server, err := rpc.NewServer(rpc.ServerConfig{
		Listener:   cfg.Listener,
		TLS:        cfg.Identity.ServerTLS(),
		Authorizer: api.Policy(),
		Telemetry:  cfg.Telemetry,
	})
	if err != nil {
		return errors.Join(fmt.Errorf("build tunnel server: %w", err), closeListener(cfg))
	}
	backend := constructors()[cfg.backend()]()
	api.New(api.Config{Backend: backend, Telemetry: cfg.Telemetry}).Register(server.GRPC())
	return server.Serve(ctx)
}

func closeListener(cfg Config) error {
	if cfg.Listener == nil {
		return nil
	}
	return cfg.Listener.Close()
}
