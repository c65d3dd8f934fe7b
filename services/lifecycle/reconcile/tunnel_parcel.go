package reconcile

import (
	"context"

	"github.com/siteplane/siteplane/services/lifecycle/desired"
	"github.com/siteplane/siteplane/services/lifecycle/hold"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/infra"
	"github.com/siteplane/siteplane/services/lifecycle/store"
	"github.com/siteplane/siteplane/services/lifecycle/tunnel"
	"github.com/siteplane/siteplane/services/lifecycle/worker"
)

// tunnelParcel is one update of a tunnel with what it answers.
type tunnelParcel struct {
	tunnel  tunnel.Tunnel
	update  infra.TunnelUpdate
	changes []tunnel.Change
	// routed are the domains behind the routes.
	routed []desired.Routed
	// changed are the hostnames of the changes.
	changed map[string]bool
	// proven says that nothing differs from what the tunnel proved last.
	proven bool
}

// traces are those that the changes were made in.
func (p tunnelParcel) traces() (out []string) {
	for _, change := range p.changes {
		out = append(out, change.TraceParent)
	}
	return out
}

// packTunnel reads what the tunnel shall hold, in one transaction, and assigns
// the next generation if it holds something else.
func (r *Reconciler) packTunnel(ctx context.Context, w worker.Work, tunnelID id.Tunnel) (p tunnelParcel, err error) {
	err = r.update(ctx, w, func(tx store.Tx) error {
		p = tunnelParcel{changed: map[string]bool{}}
		if p.tunnel, err = tx.GetTunnel(ctx, tunnelID); err != nil {
			return err
		}
		if p.changes, err = tx.TunnelChanges(ctx, tunnelID); err != nil {
			return err
		}
		if p.routed, err = tx.RoutedDomains(ctx, tunnelID); err != nil {
			return err
		}
		if p.update.Fence.Era, err = tx.Era(ctx); err != nil {
			return err
		}
		if p.update.Installation, err = tx.InstallationID(ctx); err != nil {
			return err
		}
		if p.update.ConfirmedHold, err = hold.Confirmed(ctx, tx, p.tunnel.Target()); err != nil {
			return err
		}
		p.update.Routes = desired.ForTunnel(p.routed)
		p.update.Digest = desired.TunnelDigest(p.update.Routes)
		if err := p.nameRemovals(ctx, tx); err != nil {
			return err
		}
		t := p.tunnel
		if t.ProvenDigest != p.update.Digest || t.ProvenGeneration != t.Generation {
			t.Generation++
			if err := tx.UpdateTunnel(ctx, t); err != nil {
				return err
			}
		}
		p.proven = len(p.changes) == 0 && t.Generation == t.ProvenGeneration
		p.update.Fence.Epoch, p.update.Fence.Generation = w.Epoch, t.Generation
		return nil
	})
	return p, err
}

// nameRemovals names the operation behind each hostname that changed and is not
// routed any more.
func (p *tunnelParcel) nameRemovals(ctx context.Context, tx store.Tx) error {
	p.update.Removals = map[string]string{}
	for _, change := range p.changes {
		d, err := tx.GetDomain(ctx, change.TenantID, change.DomainID)
		if err != nil {
			return err
		}
		p.changed[d.Hostname] = true
		p.update.Removals[d.Hostname] = change.OperationID
	}
	for _, route := range p.update.Routes {
		delete(p.update.Removals, route.Hostname)
	}
	return nil
}
