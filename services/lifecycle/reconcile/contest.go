package reconcile

import (
	"context"
	"time"

	"github.com/siteplane/siteplane/internal/platform/tracecontext"
	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/condition"
	"github.com/siteplane/siteplane/services/lifecycle/infra"
	"github.com/siteplane/siteplane/services/lifecycle/network"
	"github.com/siteplane/siteplane/services/lifecycle/store"
	"github.com/siteplane/siteplane/services/lifecycle/worker"
)

// settle does what follows when a tenant has proved a hostname that another
// holds: it opens a contest, or ends one that the holder let run out, or that came to
// nothing because the name above was taken meanwhile.
func (r *Reconciler) settle(ctx context.Context, tx store.Tx, d network.Domain, v network.Verdict, holder network.Domain, contest network.Contest) error {
	switch v {
	case network.Contestable:
		return r.openContest(ctx, tx, d, holder)
	case network.ParentTaken: // a contest that runs cannot be won any more
		contests, err := tx.ContestsOn(ctx, d.Hostname)
		if own, open := network.OpenContest(contests); err != nil || !open || own.ContenderID != d.ID {
			return err
		}
		return withdrawContest(ctx, tx, d, r.Clock())
	case network.Won:
		contest.Outcome = network.ContestLost
		if err := tx.PutContest(ctx, contest); err != nil {
			return err
		}
		return OpenRelease(ctx, tx, holder, lifecycle.Cause{
			Actor: "worker:domain", Reason: "another tenant proved the name and the holder did not",
			TraceID: tracecontext.ID(ctx), At: r.Clock(),
		})
	}
	return nil
}

// openContest gives the holder a fresh token and a date.
func (r *Reconciler) openContest(ctx context.Context, tx store.Tx, d, holder network.Domain) error {
	contest := network.Contest{
		Hostname: d.Hostname, ContenderID: d.ID, ContenderTenant: d.TenantID,
		HolderID: holder.ID, HolderTenant: holder.TenantID, Token: network.NewToken(),
		OpenedAt: r.Clock(), Until: r.Clock().Add(r.TransferAfter), Outcome: network.ContestOpen,
	}
	if err := tx.PutContest(ctx, contest); err != nil {
		return err
	}
	if err := r.instruct(ctx, tx, holder, nil); err != nil {
		return err
	}
	r.Logger.InfoContext(ctx, "hostname contested", "hostname", d.Hostname, "holder", holder.ID, "contender", d.ID, "until", contest.Until)
	return r.markDomain(ctx, tx, holder.TenantID, holder.ID, "")
}

// withdrawContest takes back the contest of a contender whose proof is gone: an
// open one ends, and one that was decided no longer bars the next.
func withdrawContest(ctx context.Context, tx store.Tx, d network.Domain, at time.Time) error {
	contests, err := tx.ContestsOn(ctx, d.Hostname)
	if err != nil {
		return err
	}
	for _, c := range contests {
		if c.ContenderID != d.ID {
			continue
		}
		if err := tx.DeleteContest(ctx, d.ID); err != nil {
			return err
		}
		if c.Outcome != network.ContestOpen {
			continue
		}
		mark := worker.Mark{Kind: worker.Domain, Key: string(c.HolderID), TenantID: string(c.HolderTenant), DueAt: at}
		if err := tx.MarkWork(ctx, mark); err != nil {
			return err
		}
	}
	return nil
}

// defend looks, while a contest runs against a domain, whether its holder has
// published the fresh token, and ends the contest if so. What the holder is told
// follows the contest.
func (r *Reconciler) defend(ctx context.Context, w worker.Work, d network.Domain) error {
	if !d.Status.Verified() {
		return nil
	}
	contest, known, err := r.contestAgainst(ctx, d)
	if err != nil || !known {
		return err
	}
	if contest.Outcome != network.ContestOpen {
		return r.update(ctx, w, func(tx store.Tx) error { return r.uncontested(ctx, tx, d) })
	}
	record := network.KeepRecord(d.Hostname, contest.Token, contest.Until)
	finding, err := r.DNS.CheckOwnership(ctx, d.Hostname, record.Name, record.Value)
	if err != nil {
		finding = unanswered(err)
	}
	return r.update(ctx, w, func(tx store.Tx) error { return r.defended(ctx, tx, d, contest, finding) })
}

// contestAgainst returns the contest against a domain whose holder must be told
// of it; known is false when there is nothing to tell.
func (r *Reconciler) contestAgainst(ctx context.Context, d network.Domain) (contest network.Contest, known bool, err error) {
	err = r.Store.View(ctx, func(tx store.Tx) error {
		contests, err := tx.ContestsOn(ctx, d.Hostname)
		if err != nil {
			return err
		}
		for _, c := range contests {
			if c.HolderID == d.ID && c.Outcome == network.ContestOpen {
				contest, known = c, true
				return nil
			}
		}
		told, err := tx.Instructions(ctx, d.ID)
		for _, i := range told { // a contest that is over leaves its record behind
			known = known || i.Purpose == network.Keep
		}
		return err
	})
	return contest, known, err
}

// uncontested takes back what the holder was told.
func (r *Reconciler) uncontested(ctx context.Context, tx store.Tx, d network.Domain) error {
	c := r.condition(ctx, string(d.ID), condition.Owned, condition.True, condition.ReasonConfirmed, "nobody contests "+d.Hostname+" any more")
	if err := condition.Set(ctx, tx, c); err != nil {
		return err
	}
	return r.instruct(ctx, tx, d, nil)
}

// defended writes down what came of a look for the holder's fresh record, unless
// the contest changed since.
func (r *Reconciler) defended(ctx context.Context, tx store.Tx, d network.Domain, seen network.Contest, finding infra.Finding) error {
	contests, err := tx.ContestsOn(ctx, d.Hostname)
	if err != nil {
		return err
	}
	if now, ok := network.OpenContest(contests); !ok || now != seen {
		return lifecycle.ErrLostRace
	}
	c := r.condition(ctx, string(d.ID), condition.Owned, condition.True, condition.ReasonConfirmed, "the fresh ownership record of "+d.Hostname+" is in DNS")
	c.Evidence = finding.Seen
	if finding.Outcome == infra.Confirmed {
		seen.Outcome = network.ContestKept
		if err := tx.PutContest(ctx, seen); err != nil {
			return err
		}
		if err := r.keepEvidence(ctx, tx, d, network.EvidenceOwnership, finding); err != nil {
			return err
		}
		if err := r.markDomain(ctx, tx, seen.ContenderTenant, seen.ContenderID, ""); err != nil {
			return err
		}
	} else {
		c.Status, c.Reason, c.Actor = condition.Unknown, infra.CodeTransferPending, condition.Tenant
		c.Message = "Another tenant has proved " + d.Hostname + ". Prove it again until " + seen.Until.UTC().Format(time.RFC3339) + ", or it becomes theirs."
		record := network.KeepRecord(d.Hostname, seen.Token, seen.Until)
		c.Fix = []string{"Add: " + record.Name + ` 300 IN TXT "` + record.Value + `"`}
	}
	if err := condition.Set(ctx, tx, c); err != nil {
		return err
	}
	return r.instruct(ctx, tx, d, nil)
}
