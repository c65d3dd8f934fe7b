package reconcile

import (
	"context"
	"slices"

	"github.com/siteplane/siteplane/services/lifecycle/edge"
	"github.com/siteplane/siteplane/services/lifecycle/network"
	"github.com/siteplane/siteplane/services/lifecycle/store"
)

// instruct writes the records that a domain needs from outside, if they changed.
// The provider's own records are those given; nil keeps the stored ones.
func (r *Reconciler) instruct(ctx context.Context, tx store.Tx, d network.Domain, preparation []network.Instruction) error {
	stored, err := tx.Instructions(ctx, d.ID)
	if err != nil {
		return err
	}
	wanted, err := r.instructions(ctx, tx, d)
	if err != nil {
		return err
	}
	if preparation == nil {
		for _, i := range stored {
			if i.Purpose == network.Preparation {
				preparation = append(preparation, i)
			}
		}
	}
	wanted = append(wanted, preparation...)
	if slices.Equal(stored, wanted) {
		return nil
	}
	return tx.PutInstructions(ctx, d, wanted)
}

// instructions derives the records of a domain from what the database says.
func (r *Reconciler) instructions(ctx context.Context, tx store.Tx, d network.Domain) (out []network.Instruction, err error) {
	contests, err := tx.ContestsOn(ctx, d.Hostname)
	if err != nil {
		return nil, err
	}
	if c, open := network.OpenContest(contests); open && c.HolderID == d.ID {
		out = append(out, network.KeepRecord(d.Hostname, c.Token, c.Until))
	}
	if d.Kind == network.Platform || d.Mode == network.Managed {
		return out, nil
	}
	claim, err := tx.GetClaim(ctx, d.TenantID, d.Hostname)
	if err != nil {
		return nil, err
	}
	s, err := tx.GetSite(ctx, d.TenantID, d.SiteID)
	if err != nil {
		return nil, err
	}
	edges, _, err := edgesOf(ctx, tx, s)
	out = append(out, network.OwnershipRecord(d.Hostname, claim.Token))
	return append(out, d.TrafficRecords(edge.PublicAddresses(edges))...), err
}
