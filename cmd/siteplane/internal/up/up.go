package up

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/siteplane/siteplane/internal/platform/closer"
	"github.com/siteplane/siteplane/internal/platform/identity"
	"github.com/siteplane/siteplane/services/lifecycle/service"
)

// closeLimit is how long one part may take to end.
const closeLimit = 10 * time.Second

// startLimit is how long the edge may take until nginx runs.
const startLimit = time.Minute

// Run starts an installation, says on out where it is, and keeps it running
// until the context is done or a part of it fails. nginx outlives it.
func Run(ctx context.Context, cfg Config, out, logs io.Writer) (err error) {
	if cfg.DataDir, err = filepath.Abs(cfg.DataDir); err != nil {
		return fmt.Errorf("find the data directory: %w", err)
	}
	if err := cfg.Validate(); err != nil {
		return err
	}
	closers := closer.New(closeLimit)
	defer func() { err = errors.Join(err, closers.Close()) }()
	if err := os.MkdirAll(cfg.DataDir, 0o700); err != nil {
		return fmt.Errorf("make the data directory: %w", err)
	}
	held, err := lock(cfg.path("lock"))
	if err != nil {
		return err
	}
	closers.PushCloser("lock", held)
	if cfg.runtimeDir, err = runtimeDir(cfg.DataDir); err != nil {
		return err
	}
	ca, err := identity.LoadOrCreateCA(cfg.path("pki"), "siteplane.local")
	if err != nil {
		return err
	}
	parts := &parts{cfg: cfg, certificates: &certificates{ca: ca}, closers: closers, logs: logs}
	if err := parts.startTelemetry(ctx); err != nil {
		return err
	}
	db, err := service.OpenDatabase(ctx, cfg.database(), parts.telemetries["lifecycle"].Logger())
	if err != nil {
		return err
	}
	closers.PushCloser("database", db)
	parts.db = db
	if parts.bound, err = listen(cfg, closers); err != nil {
		return err
	}
	if parts.edgeID, err = ensureEdge(ctx, cfg, db, parts.bound.edge.Addr().String()); err != nil {
		return fmt.Errorf("make the edge: %w", err)
	}
	if err := parts.startCallees(ctx); err != nil {
		if errors.Is(err, syscall.EADDRINUSE) {
			err = fmt.Errorf("%w (--port-base moves all ports)", err)
		}
		return errors.Join(err, parts.stop())
	}
	access, err := bootstrap(ctx, cfg, db, ca)
	if err != nil {
		return errors.Join(err, parts.stop())
	}
	if err := parts.startLifecycle(ctx); err != nil {
		return errors.Join(err, parts.stop())
	}
	announce(out, cfg, parts.bound, access)
	err = parts.wait(ctx)
	fmt.Fprintf(out, "\nstopping; nginx keeps serving. `siteplane down --data-dir %s` stops it too.\n", cfg.DataDir)
	return errors.Join(err, parts.stop())
}

// announce says where everything is. The key is printed when it was made, and
// never again.
func announce(out io.Writer, cfg Config, bound listeners, access access) {
	ports, joins := cfg.Ports(), ""
	if bound.enrolment != nil {
		joins = bound.enrolment.Addr().String()
	}
	fmt.Fprintf(out, "siteplane is up\n\n")
	for _, line := range [][2]string{
		{"sites", fmt.Sprintf("http://SLUG.%s:%d", PlatformDomain, ports.Edge)},
		{"REST", fmt.Sprintf("https://127.0.0.1:%d/v1/", ports.REST)},
		{"gRPC", fmt.Sprintf("127.0.0.1:%d", ports.GRPC)},
		{"admin", fmt.Sprintf("https://127.0.0.1:%d/healthz and /metrics", ports.Admin)},
		{"DNS (simulated)", fmt.Sprintf("127.0.0.1:%d, update key %s", ports.DNS, cfg.path("dns-update.key"))},
		{"Cloudflare (simulated)", fmt.Sprintf("%s, visitors at %s", cfg.cloudflareURL(), cfg.dataAddress())},
		{"database", cfg.database().String()},
		{"nginx config", cfg.path("edge", "current", "nginx.conf")},
		{"enrolment", joins},
		{"CLI config", access.cliConfig},
	} {
		if line[1] != "" {
			fmt.Fprintf(out, "  %-23s %s\n", line[0], line[1])
		}
	}
	if access.newKey != "" {
		fmt.Fprintf(out, "\n  admin API key, shown once: %s\n", access.newKey.Reveal())
	}
	fmt.Fprintf(out, "\ntry: %s=%s siteplane site create hello --origin 127.0.0.1:3000 --wait\n", "SITEPLANE_CONFIG", access.cliConfig)
}

// loopback is added to what origins and probes may reach.
func loopback() []netip.Prefix {
	return []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}
}
