package reconcile_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/app/apptest"
	"github.com/siteplane/siteplane/services/lifecycle/auth"
	"github.com/siteplane/siteplane/services/lifecycle/condition"
	"github.com/siteplane/siteplane/services/lifecycle/infra"
	"github.com/siteplane/siteplane/services/lifecycle/network"
	"github.com/siteplane/siteplane/services/lifecycle/site"
	"github.com/siteplane/siteplane/services/lifecycle/store"
)

const (
	contested     = "www.example.net"
	transferAfter = 2 * time.Hour
)

// S10, S12, I11, I12: two tenants, one hostname, all orders of add, prove, keep,
// take back, remove and let time pass. After each: at most one holds the name, the
// edge serves it for the holder's site or for nobody, nobody came to hold it
// without a record or a reservation, nobody lost it but by a contest that ran out
// or by leaving, and nobody is told of another before proving the name. In the
// end the only one who proves it has it.
func TestClaims_of_two_tenants(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		r := newRivals(t)
		t.Repeat(map[string]func(*rapid.T){
			"":          func(t *rapid.T) { r.check(t) },
			"add":       r.pick(func(v *rival) { r.add(t, v) }),
			"prove":     r.pick(func(v *rival) { r.publish(v, network.Ownership) }),
			"keep":      r.pick(func(v *rival) { r.publish(v, network.Keep) }),
			"take back": r.pick(func(v *rival) { r.takeBack(v) }),
			"remove":    r.pick(func(v *rival) { r.remove(v) }),
			"fail DNS":  func(t *rapid.T) { r.w.DNS.SetDown(rapid.Bool().Draw(t, "down")) },
			"run":       func(t *rapid.T) { r.run(t, time.Duration(rapid.IntRange(0, 30).Draw(t, "min"))*time.Minute) },
			"expire":    func(t *rapid.T) { r.run(t, transferAfter+10*time.Minute) },
			"restart":   func(*rapid.T) { r.w.Restart() },
		})
		r.w.DNS.SetDown(false)
		r.endsWithTheOwner(t)
	})
}

// rivals are two tenants with a site each, who want one hostname.
type rivals struct {
	w    *apptest.World
	both [2]*rival
}

type rival struct {
	site   site.Site
	domain network.Domain // the last one that was added
	texts  []string       // that it has published
	held   bool           // when last looked at
}

func newRivals(t *rapid.T) *rivals {
	w := apptest.New(t, apptest.Options{Configure: func(c *lifecycle.Config) {
		rarely(c)
		c.TransferAfter, c.ReserveFor = transferAfter, 6*time.Hour
	}})
	r := &rivals{w: w}
	for i, owner := range []auth.Principal{w.Caller, w.NewTenant("rival")} {
		r.both[i] = &rival{site: w.CreateFor(owner, "Shop "+string(rune('a'+i)))}
	}
	w.Settle()
	return r
}

func (r *rivals) pick(do func(*rival)) func(*rapid.T) {
	return func(t *rapid.T) { do(r.both[rapid.IntRange(0, 1).Draw(t, "tenant")]) }
}

func (r *rivals) other(v *rival) *rival {
	if v == r.both[0] {
		return r.both[1]
	}
	return r.both[0]
}

func (r *rivals) add(t *rapid.T, v *rival) {
	d, err := r.w.TryAddDomain(v.site, contested, true, "")
	var taken *lifecycle.TakenError
	if err == nil {
		v.domain = d
	} else if !errors.As(err, &taken) {
		t.Fatal(err)
	}
}

// publish writes the records of a purpose that the tenant is told to write.
func (r *rivals) publish(v *rival, purpose network.Purpose) {
	if v.domain.ID == "" {
		return
	}
	for _, record := range r.w.Records(v.domain, purpose) {
		if !slices.Contains(v.texts, record.Value) {
			v.texts = append(v.texts, record.Value)
		}
	}
	r.writeTXT()
}

func (r *rivals) takeBack(v *rival) {
	v.texts = nil
	r.writeTXT()
}

func (r *rivals) writeTXT() {
	r.w.DNS.SetTXT(network.ChallengePrefix+contested, slices.Concat(r.both[0].texts, r.both[1].texts)...)
}

func (r *rivals) remove(v *rival) {
	if v.domain.ID != "" {
		_ = r.w.TryRemoveDomain(v.domain) // one that is gone stays gone
	}
}

// run lets time pass in pieces, so that nothing is missed in between.
func (r *rivals) run(t *rapid.T, d time.Duration) {
	for left := d; ; left -= 10 * time.Minute {
		r.w.RunFor(min(max(left, 0), 10*time.Minute))
		r.check(t)
		if left <= 10*time.Minute {
			return
		}
	}
}

func (r *rivals) check(t *rapid.T) {
	t.Helper()
	r.w.Check()
	var holders []*rival
	for _, v := range r.both {
		if v.domain.ID == "" {
			continue
		}
		before := v.domain.Status.Verified()
		v.domain = r.w.Domain(v.domain)
		if v.domain.Status.Verified() {
			holders = append(holders, v)
		}
		if !before && v.domain.Status.Verified() && !r.mayCome(v) {
			t.Fatalf("%s came to hold the name by nothing", v.site.Slug)
		}
		r.checkDiscretion(t, v)
	}
	if len(holders) > 1 {
		t.Fatal("both hold the name")
	}
	for _, served := range r.w.Host().Sites() {
		if !slices.Contains(served.Hostnames, contested) {
			continue
		}
		i := slices.IndexFunc(r.both[:], func(v *rival) bool { return v.site.ID == served.SiteID })
		wanted := func(d network.Domain) bool { return d.Hostname == contested && d.Wanted != network.Hidden }
		if !slices.ContainsFunc(r.w.Domains(r.both[i].site), wanted) {
			t.Fatalf("the edge serves the name for %s, who has no domain that is wanted there", r.both[i].site.Slug)
		}
	}
	r.checkLosses(t)
}

// mayCome reports whether a tenant that came to hold the name had a reason: its
// record, or the reservation of its last hold.
func (r *rivals) mayCome(v *rival) bool {
	if len(v.texts) > 0 {
		return true
	}
	return v.held
}

// checkLosses demands that whoever does not hold the name any more has left, or
// was beaten in a contest that ran out.
func (r *rivals) checkLosses(t *rapid.T) {
	t.Helper()
	for _, v := range r.both {
		if v.domain.ID == "" {
			continue
		}
		v.held = v.held || v.domain.Status.Verified()
		for _, c := range r.w.History(string(v.domain.ID)) {
			if c.Event != string(network.Release) || c.Actor != "worker:domain" {
				continue
			}
			contest, known := r.contestBy(r.other(v))
			if known && (contest.Outcome != network.ContestLost || c.At.Before(contest.Until)) {
				t.Fatalf("%s was released at %s by the contest %+v", v.site.Slug, c.At, contest)
			}
		}
	}
}

func (r *rivals) contestBy(v *rival) (contest network.Contest, known bool) {
	r.w.View(func(ctx context.Context, tx store.Tx) error {
		contests, err := tx.ContestsOn(ctx, contested)
		for _, c := range contests {
			if c.ContenderID == v.domain.ID {
				contest, known = c, true
			}
		}
		return err
	})
	return contest, known
}

// hasHeld reports whether a domain ever was verified.
func (r *rivals) hasHeld(d network.Domain) bool {
	return slices.ContainsFunc(r.w.History(string(d.ID)), func(c lifecycle.Change) bool { return c.Event == string(network.Validate) })
}

// checkDiscretion demands that only who holds or has proved the name hears of the
// other.
func (r *rivals) checkDiscretion(t *rapid.T, v *rival) {
	t.Helper()
	c := r.w.DomainCondition(v.domain, condition.Owned)
	if r.hasHeld(v.domain) || c.Reason != infra.CodeDomainTaken && c.Reason != infra.CodeTransferPending {
		return
	}
	r.w.View(func(ctx context.Context, tx store.Tx) error {
		e, err := tx.GetEvidence(ctx, v.domain.ID, network.EvidenceOwnership)
		if err == nil && e.PositiveAt.IsZero() {
			err = fmt.Errorf("%s hears %s without having proved the name", v.site.Slug, c.Reason)
		}
		return err
	})
}

// endsWithTheOwner: once nobody proves the name, and then one tenant does, it is
// theirs.
func (r *rivals) endsWithTheOwner(t *rapid.T) {
	owner := r.both[rapid.IntRange(0, 1).Draw(t, "owner")]
	for _, v := range r.both {
		r.takeBack(v)
	}
	r.run(t, time.Hour)
	if owner.domain.ID == "" || !owner.domain.Status.Live() {
		r.add(t, owner)
	}
	r.publish(owner, network.Ownership)
	for range 8 {
		r.publish(owner, network.Keep)
		r.run(t, time.Hour)
	}
	if owner.domain.Status != network.Active {
		t.Fatalf("the only one who proves the name is %s: %+v; rival %s", owner.domain.Status, r.w.DomainConditions(owner.domain), r.other(owner).domain.Status)
	}
	r.w.CheckSettled()
}
