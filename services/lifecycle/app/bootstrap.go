package app

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/siteplane/siteplane/internal/platform/secret"
	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/admin"
	"github.com/siteplane/siteplane/services/lifecycle/auth"
	"github.com/siteplane/siteplane/services/lifecycle/edge"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/network"
	"github.com/siteplane/siteplane/services/lifecycle/store"
	"github.com/siteplane/siteplane/services/lifecycle/tunnel"
	"github.com/siteplane/siteplane/services/lifecycle/worker"
)

// EnsureTenant returns the tenant of a name and makes it if there is none.
func EnsureTenant(ctx context.Context, s store.Store, t admin.Tenant) (tenant admin.Tenant, err error) {
	err = s.Update(ctx, func(tx store.Tx) error {
		var missing *lifecycle.NotFoundError
		if tenant, err = tx.TenantByName(ctx, t.Name); !errors.As(err, &missing) {
			return err
		}
		tenant = t
		if err := tx.InsertTenant(ctx, t); err != nil {
			return err
		}
		return auditInstaller(ctx, tx, admin.Entry{TenantID: t.ID, Action: "EnsureTenant", ObjectID: string(t.ID), At: t.CreatedAt}, auditedTenant(t))
	})
	return tenant, err
}

// auditInstaller notes what no caller asked for: whoever runs the installation did.
func auditInstaller(ctx context.Context, tx admin.Store, e admin.Entry, after any) (err error) {
	e.Actor = "installer"
	if e.After, err = object(after); err != nil {
		return err
	}
	return tx.AppendAudit(ctx, e)
}

// IssueKey makes an API key. Its text is returned once and stored nowhere.
func IssueKey(ctx context.Context, s store.Store, tenant id.Tenant, name string, role auth.Role, now time.Time) (secret.Secret, error) {
	key, text := auth.NewAPIKey(tenant, name, role, now)
	err := s.Update(ctx, func(tx store.Tx) error {
		if err := tx.InsertKey(ctx, key); err != nil {
			return err
		}
		return auditInstaller(ctx, tx, admin.Entry{TenantID: tenant, Action: "IssueKey", ObjectID: string(key.ID), At: now}, auditedKey(key))
	})
	return text, err
}

// EnsureEdge writes down an edge that is new, and the name and addresses of one
// that is not, and makes it due. Every site that is wanted reaches a new edge
// with its first whole snapshot.
func EnsureEdge(ctx context.Context, s store.Store, e edge.Edge) error {
	return s.Update(ctx, func(tx store.Tx) error {
		if err := tx.PutEdge(ctx, e); err != nil {
			return err
		}
		return tx.MarkWork(ctx, worker.Mark{Kind: worker.Edge, Key: string(e.ID), DueAt: time.UnixMicro(0)})
	})
}

// SoleEdge returns the one edge of a single-host installation; ok is false when
// there is none yet, or none that is not evicted.
func SoleEdge(ctx context.Context, s store.Store) (edgeID id.Edge, ok bool, err error) {
	err = s.View(ctx, func(tx store.Tx) error {
		edges, err := tx.ListEdges(ctx)
		if edges = slices.DeleteFunc(edges, edge.Edge.Evicted); err == nil && len(edges) > 0 {
			edgeID, ok = edges[0].ID, true
		}
		return err
	})
	return edgeID, ok, err
}

// EnsureTunnel writes down a tunnel that is new, and the name of one that is not,
// and makes it due.
func EnsureTunnel(ctx context.Context, s store.Store, t tunnel.Tunnel) error {
	return s.Update(ctx, func(tx store.Tx) error {
		if err := tx.PutTunnel(ctx, t); err != nil {
			return err
		}
		return tx.MarkWork(ctx, worker.Mark{Kind: worker.Tunnel, Key: string(t.ID), DueAt: time.UnixMicro(0)})
	})
}

// SoleTunnel returns the one tunnel of a single-host installation; ok is false
// when there is none yet.
func SoleTunnel(ctx context.Context, s store.Store) (tunnelID id.Tunnel, ok bool, err error) {
	err = s.View(ctx, func(tx store.Tx) error {
		tunnels, err := tx.ListTunnels(ctx)
		if err == nil && len(tunnels) > 0 {
			tunnelID, ok = tunnels[0].ID, true
		}
		return err
	})
	return tunnelID, ok, err
}

// EnsureZoneGrant lets a tenant claim any name in a zone, without asking whether
// the zone is ours; ControlPlane.GrantZone asks.
func EnsureZoneGrant(ctx context.Context, s store.Store, zoneName string, tenant id.Tenant, now time.Time) error {
	return s.Update(ctx, func(tx store.Tx) error {
		had, err := tx.ZoneGrantedTo(ctx, zoneName, tenant)
		if err != nil || had {
			return err
		}
		if err := tx.PutZoneGrant(ctx, network.ZoneGrant{ZoneName: zoneName, TenantID: tenant, CreatedAt: now}); err != nil {
			return err
		}
		kept := auditGrant{ZoneName: zoneName, TenantID: tenant}
		return auditInstaller(ctx, tx, admin.Entry{TenantID: tenant, Action: "EnsureZoneGrant", ObjectID: zoneName, At: now}, kept)
	})
}
