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
	"github.com/siteplane/siteplane/services/lifecycle/id"
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

// The stories that the property walks through, told once each.
func TestClaims_contest(t *testing.T) {
	t.Parallel()
	duel := func(t *testing.T) (w *apptest.World, holder, contender network.Domain) {
		t.Helper()
		w = apptest.New(t, apptest.Options{Configure: rarely})
		holder = w.AddDomain(w.Create("Shop"), contested, true)
		publishProof(w, holder)
		w.Settle()
		if got := w.Domain(holder).Status; got != network.Active {
			t.Fatalf("the holder is %s", got)
		}
		contender = w.AddDomain(w.CreateFor(w.NewTenant("rival"), "Other"), contested, true)
		w.RunFor(10 * time.Minute)
		if c := w.DomainCondition(contender, condition.Owned); c.Status != condition.False || c.Reason != "OWNERSHIP_TXT_WRONG" {
			t.Fatalf("without a record the contender is told %+v", c)
		}
		publishProof(w, contender)
		w.RunFor(10 * time.Minute)
		c := w.DomainCondition(contender, condition.Owned)
		if c.Status != condition.Unknown || c.Reason != infra.CodeTransferPending || c.Actor != condition.Nobody {
			t.Fatalf("with a record the contender is told %+v", c)
		}
		return w, holder, contender
	}
	statuses := func(t *testing.T, w *apptest.World, holder, contender network.Domain, want ...network.Status) {
		t.Helper()
		if got := []network.Status{w.Domain(holder).Status, w.Domain(contender).Status}; !slices.Equal(got, want) {
			t.Fatalf("holder and contender are %v, want %v; %+v", got, want, w.DomainConditions(contender))
		}
	}
	t.Run("a holder who does nothing loses the name after 72 hours, not before", func(t *testing.T) {
		w, holder, contender := duel(t)
		w.RunFor(71 * time.Hour)
		statuses(t, w, holder, contender, network.Active, network.PendingDNS)
		w.RunFor(2 * time.Hour)
		statuses(t, w, holder, contender, network.Released, network.Active)
		if owner, ok := reservation(w, contested); ok {
			t.Errorf("the name is still reserved for %s", owner)
		}
		w.CheckSettled()
	})
	t.Run("a holder who publishes the fresh record keeps it, and the contender hears DOMAIN_TAKEN", func(t *testing.T) {
		w, holder, contender := duel(t)
		keep := w.Records(holder, network.Keep)
		if len(keep) != 1 || keep[0].Value == w.Records(holder, network.Ownership)[0].Value {
			t.Fatalf("the holder is told to write %+v", keep)
		}
		w.RunFor(70 * time.Hour)
		w.DNS.SetTXT(keep[0].Name, append(w.DNS.TXT(keep[0].Name), keep[0].Value)...)
		w.RunFor(10 * time.Hour)
		statuses(t, w, holder, contender, network.Active, network.PendingDNS)
		if c := w.DomainCondition(contender, condition.Owned); c.Status != condition.False || c.Reason != infra.CodeDomainTaken || c.Actor != condition.Tenant {
			t.Errorf("the contender is told %+v", c)
		}
		if c := w.DomainCondition(holder, condition.Owned); c.Status != condition.True || len(w.Records(holder, network.Keep)) != 0 {
			t.Errorf("the holder is told %+v and to write %+v", c, w.Records(holder, network.Keep))
		}
	})
	t.Run("the old record does not keep it", func(t *testing.T) {
		w, holder, contender := duel(t)
		publishProof(w, holder)
		w.RunFor(73 * time.Hour)
		statuses(t, w, holder, contender, network.Released, network.Active)
	})
	t.Run("a contender whose record goes away loses the contest at once", func(t *testing.T) {
		w, holder, contender := duel(t)
		w.DNS.SetTXT(network.ChallengePrefix + contested)
		w.RunFor(80 * time.Hour)
		statuses(t, w, holder, contender, network.Active, network.PendingDNS)
		if c := w.DomainCondition(holder, condition.Owned); c.Status != condition.True {
			t.Errorf("the holder is still told %+v", c)
		}
	})
	t.Run("a holder who leaves hands it over at once", func(t *testing.T) {
		w, holder, contender := duel(t)
		if err := w.TryRemoveDomain(holder); err != nil {
			t.Fatal(err)
		}
		w.RunFor(10 * time.Minute)
		statuses(t, w, holder, contender, network.Released, network.Active)
	})
	t.Run("a holder whose site is in ERROR can still keep it", func(t *testing.T) {
		w, holder, contender := duel(t)
		w.Host().Reject(string(holder.SiteID), "refused")
		w.Update(func(ctx context.Context, tx store.Tx) error {
			s, err := tx.GetSite(ctx, holder.TenantID, holder.SiteID)
			if err != nil {
				return err
			}
			primary, err := tx.GetDomain(ctx, s.TenantID, s.PrimaryDomainID)
			if err != nil {
				return err
			}
			cause := lifecycle.Cause{Actor: "key:test", Reason: "the test breaks it", TraceID: "0af7651916cd43dd8448eb211c80319c", At: w.Clock.Now()}
			for _, event := range []network.Event{network.DNSLost, network.Validate, network.Fail} {
				if primary, err = network.Apply(ctx, tx, primary, event, cause); err != nil {
					return err
				}
			}
			return nil
		})
		if got := w.Get(site.Site{ID: holder.SiteID, TenantID: holder.TenantID}).Site.Status; got != site.Error {
			t.Fatalf("the site is %s", got)
		}
		keep := w.Records(holder, network.Keep)[0]
		w.DNS.SetTXT(keep.Name, append(w.DNS.TXT(keep.Name), keep.Value)...)
		w.RunFor(80 * time.Hour)
		statuses(t, w, holder, contender, network.Active, network.PendingDNS)
	})
	t.Run("a site whose primary was lost in a contest says that it has no domain", func(t *testing.T) {
		w, holder, _ := duel(t)
		if err := w.TrySetPrimary(holder); err != nil {
			t.Fatal(err)
		}
		w.RunFor(74 * time.Hour)
		view := w.Get(site.Site{ID: holder.SiteID, TenantID: holder.TenantID})
		c, _ := condition.Find(view.Conditions, condition.Resolves)
		if view.Site.Status != site.DomainPendingDNS || c.Reason != infra.CodeNoDomain || c.Actor != condition.Tenant {
			t.Errorf("the site is %s and says %+v", view.Site.Status, c)
		}
	})
	t.Run("errors of DNS decide nothing", func(t *testing.T) {
		w, holder, contender := duel(t)
		w.DNS.SetDown(true)
		w.RunFor(100 * time.Hour)
		statuses(t, w, holder, contender, network.Active, network.PendingDNS)
	})
}

// reservation is whom a released name is kept for.
func reservation(w *apptest.World, hostname string) (owner id.Tenant, ok bool) {
	w.View(func(ctx context.Context, tx store.Tx) (err error) {
		owner, ok, err = tx.ReservedFor(ctx, hostname, w.Clock.Now())
		return err
	})
	return owner, ok
}
