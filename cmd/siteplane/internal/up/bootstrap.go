package up

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"strconv"
	"time"

	"github.com/siteplane/siteplane/cmd/siteplane/internal/cliconfig"
	"github.com/siteplane/siteplane/internal/platform/identity"
	"github.com/siteplane/siteplane/internal/platform/secret"
	"github.com/siteplane/siteplane/services/lifecycle/app"
	"github.com/siteplane/siteplane/services/lifecycle/auth"
	"github.com/siteplane/siteplane/services/lifecycle/edge"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/store"
	"github.com/siteplane/siteplane/services/lifecycle/tunnel"
)

// access is what a user needs to reach the installation.
type access struct {
	cliConfig string
	// newKey is empty unless a key was made now.
	newKey secret.Secret
}

// bootstrap makes what the first caller needs: a tenant, an admin key and the
// file that the CLI reads. On a later start it only brings addresses up to date.
func bootstrap(ctx context.Context, cfg Config, db store.Store, ca *identity.CA) (access, error) {
	a := access{cliConfig: cliconfig.InDir(cfg.DataDir)}
	now := time.Now()
	tenant, err := app.EnsureTenant(ctx, db, auth.Tenant{ID: id.NewTenant(), Name: "default", CreatedAt: now})
	if err != nil {
		return a, fmt.Errorf("make the tenant: %w", err)
	}
	if err := app.EnsureZoneGrant(ctx, db, managedZone, tenant.ID, now); err != nil {
		return a, fmt.Errorf("grant %s: %w", managedZone, err)
	}
	if err := ensureTunnel(ctx, db); err != nil {
		return a, fmt.Errorf("make the tunnel: %w", err)
	}
	client := cliconfig.Config{
		Address:    net.JoinHostPort("127.0.0.1", strconv.Itoa(cfg.Ports().GRPC)),
		CA:         string(ca.CertificatePEM()),
		PublicPort: cfg.Ports().Edge,
	}
	if _, err := os.Stat(a.cliConfig); errors.Is(err, fs.ErrNotExist) {
		if a.newKey, err = app.IssueKey(ctx, db, tenant.ID, "up", auth.PlatformAdmin, now); err != nil {
			return a, fmt.Errorf("make the admin key: %w", err)
		}
		client.Key = a.newKey.Reveal()
	} else {
		stored, err := cliconfig.Read(a.cliConfig)
		if err != nil {
			return a, err
		}
		client.Key = stored.Key
	}
	return a, cliconfig.Write(a.cliConfig, client)
}

// ensureTunnel makes the row of the one tunnel.
func ensureTunnel(ctx context.Context, db store.Store) error {
	tunnelID, ok, err := app.SoleTunnel(ctx, db)
	if err != nil {
		return err
	}
	if !ok {
		tunnelID = id.NewTunnel()
	}
	return app.EnsureTunnel(ctx, db, tunnel.Tunnel{ID: tunnelID, Name: "local"})
}

// ensureEdge makes the row of the one edge, or brings its addresses up to date.
func ensureEdge(ctx context.Context, cfg Config, db store.Store, agent string) (id.Edge, error) {
	edgeID, ok, err := app.SoleEdge(ctx, db)
	if err != nil {
		return "", err
	}
	if !ok {
		edgeID = id.NewEdge()
	}
	return edgeID, app.EnsureEdge(ctx, db, edge.Edge{
		ID: edgeID, Name: "local", Address: agent, PublicAddresses: cfg.EdgeAddresses, NeedsWhole: true,
	})
}
