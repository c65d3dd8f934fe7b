package service

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/siteplane/siteplane/internal/platform/cliconfig"
	"github.com/siteplane/siteplane/internal/platform/secret"
	"github.com/siteplane/siteplane/services/lifecycle/admin"
	"github.com/siteplane/siteplane/services/lifecycle/app"
	"github.com/siteplane/siteplane/services/lifecycle/auth"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/store"
	"github.com/siteplane/siteplane/services/lifecycle/tunnel"
)

// firstTenant is the name of the tenant that a first start makes.
const firstTenant = "default"

// Client is how callers from outside reach the service.
type Client struct {
	// File is what the command line reads; empty for none.
	File string
	// Address is the host:port of the gRPC listener as callers know it.
	Address string
	// CA is the PEM certificate that signed the listener's.
	CA string
	// PublicPort is where visitors reach the sites; 0 for their scheme's own.
	PublicPort int
	// KeyName is the name of a key that is made.
	KeyName string
}

// Access is what the first callers need.
type Access struct {
	Tenant id.Tenant
	// NewKey is an admin key that was made now, else empty. It is stored nowhere
	// but in the client's file.
	NewKey secret.Secret
}

// EnsureAccess makes the first tenant, and an admin key where a client's file is
// missing or, without one, where the tenant is new. On a later start it brings
// the file up to date.
func EnsureAccess(ctx context.Context, db store.Store, client Client) (Access, error) {
	now := time.Now()
	fresh := admin.Tenant{ID: id.NewTenant(), Name: firstTenant, CreatedAt: now}
	tenant, err := app.EnsureTenant(ctx, db, fresh)
	if err != nil {
		return Access{}, fmt.Errorf("make the tenant: %w", err)
	}
	access := Access{Tenant: tenant.ID}
	config := cliconfig.Config{Address: client.Address, CA: client.CA, PublicPort: client.PublicPort}
	needed := tenant.ID == fresh.ID
	if client.File != "" {
		if config.Key, err = storedKey(client.File); err != nil {
			return access, err
		}
		needed = config.Key == ""
	}
	if needed {
		if access.NewKey, err = app.IssueKey(ctx, db, tenant.ID, client.KeyName, auth.PlatformAdmin, now); err != nil {
			return access, fmt.Errorf("make the admin key: %w", err)
		}
		config.Key = access.NewKey.Reveal()
	}
	if client.File == "" {
		return access, nil
	}
	return access, cliconfig.Write(client.File, config)
}

// storedKey returns the key of a client's file, or none where there is no file.
func storedKey(file string) (string, error) {
	if _, err := os.Stat(file); errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	stored, err := cliconfig.Read(file)
	if err != nil {
		return "", fmt.Errorf("%w: mend it, or move it away and a new one with a new key is made", err)
	}
	return stored.Key, nil
}

// EnsureTunnel makes the row of the one tunnel, or names it anew.
func EnsureTunnel(ctx context.Context, db store.Store, name string) error {
	tunnelID, ok, err := app.SoleTunnel(ctx, db)
	if err != nil {
		return fmt.Errorf("look for the tunnel: %w", err)
	}
	if !ok {
		tunnelID = id.NewTunnel()
	}
	if err := app.EnsureTunnel(ctx, db, tunnel.Tunnel{ID: tunnelID, Name: name}); err != nil {
		return fmt.Errorf("make the tunnel: %w", err)
	}
	return nil
}
