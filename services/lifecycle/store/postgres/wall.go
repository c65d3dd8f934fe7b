package postgres

import (
	"context"
	"fmt"

	"github.com/siteplane/siteplane/services/lifecycle/store"
)

// The wall between tenants. Every statement says itself whose rows it is about; should
// one forget to, the policies of the tables let a transaction of a tenant have the rows
// of that tenant alone. They go by a setting that holds until the transaction ends, and
// that the server is told with the statement before which it changes: that costs no
// round trip. Where nothing is set there is no wall, which is how the work of the
// installation, and a version from before there were policies, see everything.
const wall = "SELECT set_config('siteplane.tenant', $1, true)"

// tenantOf returns whose rows alone the transactions of a context may have, "" for all.
func tenantOf(ctx context.Context) string {
	if store.IsAcrossTenants(ctx) {
		return ""
	}
	tenant, _ := store.TenantOf(ctx)
	return string(tenant)
}

// face has the wall stand as the next statement needs it: it falls for one that is about
// all tenants, and for no other, whatever context that is given.
func (c *conn) face(ctx context.Context) error {
	tenant := c.tenant
	if store.IsAcrossTenants(ctx) {
		tenant = ""
	}
	if tenant == c.facing {
		return nil
	}
	c.facing = tenant
	if c.careful {
		_, err := c.on.Exec(ctx, wall, tenant)
		return c.noted(ctx, err)
	}
	c.waiting = append(c.waiting, statement{text: wall, args: []any{tenant}})
	return nil
}

// checkWall says so when there is no wall: superusers and roles with BYPASSRLS pass
// every policy.
func (s *Store) checkWall(ctx context.Context) error {
	var role string
	var stands bool
	if err := s.pool.QueryRow(ctx, "SELECT current_user::text, row_security_active('tenant')").Scan(&role, &stands); err != nil {
		return fmt.Errorf("ask for the wall between tenants: %w", mapped(ctx, err))
	}
	if !stands {
		s.logger.WarnContext(ctx, "the role of the database passes the wall between tenants: it is a superuser or has BYPASSRLS", "role", role)
	}
	return nil
}
