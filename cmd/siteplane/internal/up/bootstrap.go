package up

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"time"

	"github.com/siteplane/siteplane/internal/platform/cliconfig"
	"github.com/siteplane/siteplane/internal/platform/identity"
	"github.com/siteplane/siteplane/internal/platform/secret"
	"github.com/siteplane/siteplane/services/lifecycle/app"
	"github.com/siteplane/siteplane/services/lifecycle/edge"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/service"
	"github.com/siteplane/siteplane/services/lifecycle/store"
)

// access is what a user needs to reach the installation.
type access struct {
	cliConfig string
	// newKey is empty unless a key was made now.
	newKey secret.Secret
}

// bootstrap makes what the first caller needs: a tenant that may use the
// simulated zone, an admin key and the file that the CLI reads. On a later start
// it only brings addresses up to date.
func bootstrap(ctx context.Context, cfg Config, db store.Store, ca *identity.CA) (access, error) {
	a := access{cliConfig: cliconfig.InDir(cfg.DataDir)}
	made, err := service.EnsureAccess(ctx, db, service.Client{
		File: a.cliConfig, Address: net.JoinHostPort("127.0.0.1", strconv.Itoa(cfg.Ports().GRPC)),
		CA: string(ca.CertificatePEM()), PublicPort: cfg.Ports().Edge, KeyName: "up",
	})
	if err != nil {
		return a, err
	}
	a.newKey = made.NewKey
	if err := app.EnsureZoneGrant(ctx, db, managedZone, made.Tenant, time.Now()); err != nil {
		return a, fmt.Errorf("grant %s: %w", managedZone, err)
	}
	return a, service.EnsureTunnel(ctx, db, "local")
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
