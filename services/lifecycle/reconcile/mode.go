package reconcile

import (
	"context"
	"time"

	"github.com/siteplane/siteplane/services/lifecycle/condition"
	"github.com/siteplane/siteplane/services/lifecycle/infra"
	"github.com/siteplane/siteplane/services/lifecycle/network"
	"github.com/siteplane/siteplane/services/lifecycle/store"
	"github.com/siteplane/siteplane/services/lifecycle/worker"
)

// chooseMode looks up the zone, fixes the mode for good, and attempts again at
// once. A look-up that fails is repeated; it is never taken for "no zone". A name
// in a zone of ours that is not granted has no mode: it waits for the grant.
func (r *Reconciler) chooseMode(ctx context.Context, w worker.Work, d network.Domain) (time.Time, error) {
	zone, err := r.Tunnel.LookupZone(ctx, d.Hostname)
	if err != nil {
		return r.later(ctx, w, d, r.tunnelAnswered(ctx, d, "the zone cannot be looked up", err))
	}
	granted := d.Kind == network.Platform
	if zone.Found && !granted {
		if granted, err = r.zoneGranted(ctx, zone.ZoneName, d); err != nil {
			return time.Time{}, err
		}
	}
	switch {
	case zone.Found && !granted:
		return r.later(ctx, w, d, r.zoneNotGranted(ctx, d, zone.ZoneName))
	case zone.Found:
		d.Mode, d.ZoneID, d.ZoneName = network.Managed, zone.ZoneID, zone.ZoneName
	case d.Kind == network.Custom && !d.PreferDirect && zone.CustomHostnameTarget != "":
		d.Mode, d.Target = network.CustomHostname, zone.CustomHostnameTarget
	default:
		d.Mode = network.Direct
	}
	if d, err = r.fixMode(ctx, w, d, zone); err != nil {
		return time.Time{}, err
	}
	r.Logger.InfoContext(ctx, "domain mode chosen", "domain_id", d.ID, "hostname", d.Hostname, "mode", d.Mode, "zone", d.ZoneName, "backend", zone.Backend)
	return r.attempt(ctx, w, d)
}

// fixMode writes the mode, what can never apply in it, and the records to paste,
// before anything outside is made for the domain.
func (r *Reconciler) fixMode(ctx context.Context, w worker.Work, d network.Domain, zone infra.ZoneAnswer) (network.Domain, error) {
	d.UpdatedAt = r.Clock()
	err := r.update(ctx, w, func(tx store.Tx) error {
		if err := condition.Set(ctx, tx, r.conditionsOfMode(ctx, d, zone)...); err != nil {
			return err
		}
		if err := tx.UpdateDomain(ctx, d); err != nil {
			return err
		}
		return r.instruct(ctx, tx, d, nil)
	})
	d.Version++
	return d, err
}

func (r *Reconciler) conditionsOfMode(ctx context.Context, d network.Domain, zone infra.ZoneAnswer) []condition.Condition {
	fixed := []condition.Condition{
		r.condition(ctx, string(d.ID), condition.CertReady, condition.NotApplicable, condition.ReasonHTTP, "the edges speak HTTP"),
	}
	if d.Kind == network.Platform {
		fixed = append(fixed, r.givenByPlatform(ctx, d))
	}
	if d.Mode == network.Direct {
		fixed = append(fixed, r.condition(ctx, string(d.ID), condition.TunnelRouted, condition.NotApplicable, condition.ReasonModeDirect,
			"the name's records lead to the edges (zone look-up by "+zone.Backend+")"))
	}
	return fixed
}

// givenByPlatform is the condition of a name that needs no proof.
func (r *Reconciler) givenByPlatform(ctx context.Context, d network.Domain) condition.Condition {
	return r.condition(ctx, string(d.ID), condition.Owned, condition.NotApplicable, condition.ReasonPlatformName, "the name is given by the platform")
}

func (r *Reconciler) zoneGranted(ctx context.Context, zoneName string, d network.Domain) (granted bool, err error) {
	err = r.Store.View(ctx, func(tx store.Tx) error {
		granted, err = tx.ZoneGrantedTo(ctx, zoneName, d.TenantID)
		return err
	})
	return granted, err
}

// zoneNotGranted is the look at a name in a zone of ours that is not granted to
// its tenant.
func (r *Reconciler) zoneNotGranted(ctx context.Context, d network.Domain, zoneName string) confirmation {
	c := r.condition(ctx, string(d.ID), condition.Owned, condition.False, infra.CodeDomainParentTaken,
		d.Hostname+" lies in the zone "+zoneName+" of this installation, which is not granted to you.")
	c.Actor = condition.Tenant
	c.Fix = []string{"Ask the operator to grant you " + zoneName + ", or use a name in a zone of your own."}
	return r.blocked(c)
}
