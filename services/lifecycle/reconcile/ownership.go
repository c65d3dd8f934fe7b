package reconcile

import (
	"context"
	"errors"
	"time"

	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/condition"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/infra"
	"github.com/siteplane/siteplane/services/lifecycle/network"
	"github.com/siteplane/siteplane/services/lifecycle/saga"
	"github.com/siteplane/siteplane/services/lifecycle/store"
)

// ownership is what a look for the owner of a hostname gave.
type ownership struct {
	proved    bool
	proof     network.Proof
	finding   infra.Finding
	condition condition.Condition
}

// confirmValidated looks at what VALIDATED needs: the hostname is the tenant's,
// nobody else holds it, and, where its own records lead to the edges, they do.
func (r *Reconciler) confirmValidated(ctx context.Context, d network.Domain) (confirmation, error) {
	o, err := r.lookForOwner(ctx, d)
	if err != nil {
		return confirmation{}, err
	}
	owned := r.owned(d, o)
	if !owned.Done {
		return r.withTarget(ctx, d, owned)
	}
	standing, err := r.standing(ctx, d, o.proof)
	if err != nil {
		return confirmation{}, err
	}
	if verdict, other, contest := standing.Judge(); verdict != network.MayHave {
		return r.refused(ctx, d, o, verdict, other, contest), nil
	}
	if d.Mode == network.Managed || d.Mode == network.CustomHostname && !d.Lost {
		return owned, nil // a managed name leads nowhere before we write its record
	}
	resolves, err := r.confirmResolves(ctx, d)
	return both(owned, resolves), err
}

// withTarget looks, while a name is not proved, where it leads as well, so that
// its tenant sees at once all that is to be done.
func (r *Reconciler) withTarget(ctx context.Context, d network.Domain, owned confirmation) (confirmation, error) {
	if d.Mode == network.Managed {
		return owned, nil
	}
	resolves, err := r.confirmResolves(ctx, d)
	return both(resolves, owned), err
}

// lookForOwner asks whatever the mode's proof of ownership is.
func (r *Reconciler) lookForOwner(ctx context.Context, d network.Domain) (ownership, error) {
	switch {
	case d.Kind == network.Platform:
		return ownership{proved: true, proof: network.ByPlatform, condition: r.givenByPlatform(ctx, d)}, nil
	case d.Mode == network.Managed:
		return r.lookForGrant(ctx, d)
	}
	return r.lookForRecord(ctx, d)
}

func (r *Reconciler) lookForGrant(ctx context.Context, d network.Domain) (ownership, error) {
	granted, err := r.zoneGranted(ctx, d.ZoneName, d)
	c := r.condition(ctx, string(d.ID), condition.Owned, condition.True, condition.ReasonZoneGranted, "the zone "+d.ZoneName+" is granted to you")
	if !granted {
		c.Status, c.Reason, c.Actor = condition.False, infra.CodeDomainParentTaken, condition.Tenant
		c.Message = "The zone " + d.ZoneName + " is not granted to you any more."
		c.Fix = []string{"Ask the operator to grant you " + d.ZoneName + "."}
	}
	return ownership{proved: granted, proof: network.ByGrant, condition: c}, err
}

// lookForRecord asks DNS for the ownership record. Without it, a name that is
// reserved for the tenant is still theirs.
func (r *Reconciler) lookForRecord(ctx context.Context, d network.Domain) (ownership, error) {
	var claim network.Claim
	reserved := false
	err := r.Store.View(ctx, func(tx store.Tx) (err error) {
		if claim, err = tx.GetClaim(ctx, d.TenantID, d.Hostname); err != nil {
			return err
		}
		owner, ok, err := tx.ReservedFor(ctx, d.Hostname, r.Clock())
		reserved = ok && owner == d.TenantID
		return err
	})
	if err != nil {
		return ownership{}, err
	}
	record := network.OwnershipRecord(d.Hostname, claim.Token)
	finding, err := r.DNS.CheckOwnership(ctx, d.Hostname, record.Name, record.Value)
	if err != nil {
		finding = unanswered(err)
	}
	o := ownership{
		proved: finding.Outcome == infra.Confirmed, proof: network.ByRecord, finding: finding,
		condition: r.found(ctx, d, condition.Owned, finding, "the ownership record of "+d.Hostname+" is in DNS"),
	}
	if !o.proved && reserved {
		o.proved, o.proof = true, network.ByReservation
		o.condition = r.condition(ctx, string(d.ID), condition.Owned, condition.True, condition.ReasonReserved, "you held "+d.Hostname+" last, and it is still reserved for you")
	}
	return o, nil
}

// owned makes a confirmation of a look for the owner. A record that is gone takes
// back the contest that it opened.
func (r *Reconciler) owned(d network.Domain, o ownership) confirmation {
	return confirmation{
		Done: o.proved, Reason: o.condition.Reason, Message: o.condition.Message, WaitingFor: waitingFor(o.condition.Actor),
		Response: map[string]any{"proof": o.proof, "finding": o.finding},
		Record: func(ctx context.Context, tx store.Tx) error {
			if err := condition.Set(ctx, tx, o.condition); err != nil {
				return err
			}
			if o.finding.Outcome == infra.Contradicted {
				if err := withdrawContest(ctx, tx, d, r.Clock()); err != nil {
					return err
				}
			}
			return r.keepEvidence(ctx, tx, d, network.EvidenceOwnership, o.finding)
		},
	}
}

// standing reads everything that decides who may have a hostname.
func (r *Reconciler) standing(ctx context.Context, d network.Domain, proof network.Proof) (s network.Standing, err error) {
	err = r.Store.View(ctx, func(tx store.Tx) error {
		s, err = r.standingIn(ctx, tx, d, proof)
		return err
	})
	return s, err
}

func (r *Reconciler) standingIn(ctx context.Context, tx store.Tx, d network.Domain, proof network.Proof) (s network.Standing, err error) {
	s = network.Standing{Domain: d, Proof: proof, Now: r.Clock()}
	if s.Claims, err = tx.ClaimsOn(ctx, append(network.Above(d.Hostname), d.Hostname)); err != nil {
		return s, err
	}
	if s.Leaving, err = leaving(ctx, tx, s.Claims); err != nil {
		return s, err
	}
	s.Contests, err = tx.ContestsOn(ctx, d.Hostname)
	return s, err
}

// leaving returns those of the domains that are being lowered: wanted HIDDEN is not yet
// gone.
func leaving(ctx context.Context, tx store.Tx, domains []network.Domain) (map[id.Domain]bool, error) {
	out := map[id.Domain]bool{}
	for _, d := range domains {
		if !d.Lost {
			continue
		}
		op, active, err := tx.ActiveOperation(ctx, string(d.ID))
		if err != nil {
			return nil, err
		}
		out[d.ID] = active && op.Kind == LowerDomain
	}
	return out, nil
}

// refused is the look at a hostname that the tenant has proved and may not have,
// or not yet. What it records is judged anew in its transaction.
func (r *Reconciler) refused(ctx context.Context, d network.Domain, o ownership, verdict network.Verdict, other network.Domain, contest network.Contest) confirmation {
	until := contest.Until
	if verdict == network.Contestable {
		until = r.Clock().Add(r.TransferAfter)
	}
	c := r.refusal(ctx, d, verdict, until)
	seen := r.blocked(c)
	seen.Record = func(ctx context.Context, tx store.Tx) error {
		now, err := r.standingIn(ctx, tx, d, o.proof)
		if err != nil {
			return err
		}
		if v, holder, _ := now.Judge(); v != verdict || holder.ID != other.ID {
			return lifecycle.ErrLostRace
		}
		if err := r.settle(ctx, tx, d, verdict, other, contest); err != nil {
			return err
		}
		if err := r.keepEvidence(ctx, tx, d, network.EvidenceOwnership, o.finding); err != nil {
			return err
		}
		return condition.Set(ctx, tx, c)
	}
	return seen
}

// refusal says why a proved hostname is not the tenant's yet.
func (r *Reconciler) refusal(ctx context.Context, d network.Domain, v network.Verdict, until time.Time) condition.Condition {
	c := r.condition(ctx, string(d.ID), condition.Owned, condition.False, infra.CodeDomainTaken,
		d.Hostname+" is already used on this platform. Its holder has proved it again.")
	c.Actor, c.Fix = condition.Tenant, []string{"Remove this domain, or settle with whoever else controls the name's DNS."}
	switch v {
	case network.ParentTaken:
		c.Reason = infra.CodeDomainParentTaken
		c.Message = "A name above " + d.Hostname + " belongs to a verified owner on this platform."
		c.Fix = []string{"Ask the owner of the name above to release it, or to serve this name for you."}
	case network.Contestable, network.Contested:
		c.Status, c.Reason, c.Actor = condition.Unknown, infra.CodeTransferPending, condition.Nobody
		c.Message = "Your proof of " + d.Hostname + " is right. Another tenant holds the name and has until " + until.UTC().Format(time.RFC3339) + " to prove it again; else it becomes yours."
		c.Fix = []string{"Leave the ownership record in DNS and wait."}
	case network.Won, network.Withdrawing:
		c.Status, c.Reason, c.Actor, c.Fix = condition.Unknown, condition.ReasonWaiting, condition.Nobody, nil
		c.Message = "Another claim on " + d.Hostname + " is being settled first."
	}
	return c
}

// commitValidated moves the domain to VALIDATED, unless somebody else came to
// hold the name since the look; then the look begins anew.
func (r *Reconciler) commitValidated(ctx context.Context, tx store.Tx, op saga.Operation) error {
	d, err := domainOf(ctx, tx, op)
	if err != nil {
		return err
	}
	proof := network.ByRecord
	switch {
	case d.Kind == network.Platform:
		proof = network.ByPlatform
	case d.Mode == network.Managed:
		proof = network.ByGrant
	}
	standing, err := r.standingIn(ctx, tx, d, proof)
	if err != nil {
		return err
	}
	if verdict, _, _ := standing.Judge(); verdict != network.MayHave {
		return lifecycle.ErrLostRace
	}
	if err := errors.Join(tx.EndReservations(ctx, d.Hostname), tx.DeleteContest(ctx, d.ID)); err != nil {
		return err
	}
	if d.Lost {
		d.Lost = false
		if err := tx.UpdateDomain(ctx, d); err != nil {
			return err
		}
	}
	err = r.commitDomain(network.Validate, "the name is the tenant's, and DNS shows what the mode demands")(ctx, tx, op)
	var taken *lifecycle.TakenError
	if errors.As(err, &taken) {
		return lifecycle.ErrLostRace
	}
	return err
}

// others returns the domains of anybody else that claim a hostname.
func others(ctx context.Context, tx store.Tx, hostname string, but id.Domain) ([]network.Domain, error) {
	claims, err := tx.ClaimsOn(ctx, []string{hostname})
	var out []network.Domain
	for _, c := range claims {
		if c.ID != but {
			out = append(out, c)
		}
	}
	return out, err
}
