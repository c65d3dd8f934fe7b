package reconcile_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/app/apptest"
	"github.com/siteplane/siteplane/services/lifecycle/condition"
	"github.com/siteplane/siteplane/services/lifecycle/infra"
	"github.com/siteplane/siteplane/services/lifecycle/infra/fake"
	"github.com/siteplane/siteplane/services/lifecycle/network"
	"github.com/siteplane/siteplane/services/lifecycle/reconcile"
	"github.com/siteplane/siteplane/services/lifecycle/saga"
	"github.com/siteplane/siteplane/services/lifecycle/site"
	"github.com/siteplane/siteplane/services/lifecycle/store"
)

func TestDomain_resolves(t *testing.T) {
	t.Parallel()
	t.Run("a name that leads elsewhere waits with the diagnosis, and opens no operation", func(t *testing.T) {
		w := setup(t)
		w.DNS.ScriptAddresses(hostname, fake.Contradict("DNS_NXDOMAIN", condition.Operator))
		s := w.Create("Shop")
		w.RunFor(10 * time.Minute)
		wantStatus(t, w, s, site.DomainPendingDNS)
		wantCondition(t, w, s, condition.Condition{
			Type: condition.Resolves, Status: condition.False, Reason: "DNS_NXDOMAIN", Actor: condition.Operator,
		})
		if c := w.Condition(s, condition.Resolves); len(c.Evidence) != 1 || !slices.Equal(c.Fix, []string{"mend DNS_NXDOMAIN"}) {
			t.Errorf("evidence %v, fix %v", c.Evidence, c.Fix)
		}
		if ops := w.Operations(s); len(ops) != 1 {
			t.Errorf("%d operations, want create_site only", len(ops))
		}
		if w.Host().Serves(hostname) {
			t.Error("the hostname is on the edge")
		}
		w.Check()
	})
	t.Run("attempts wait longer each time, and the wait outlives the process", func(t *testing.T) {
		w := setup(t)
		w.DNS.ScriptAddresses(hostname, fake.Contradict("DNS_NXDOMAIN", condition.Operator))
		s := w.Create("Shop")
		w.Run()
		var waits []time.Duration
		for range 8 {
			due := w.Get(s).Primary.NextAttemptAt
			waits = append(waits, due.Sub(w.Clock.Now()))
			w.Restart()
			w.Run()
			if got := w.Get(s).Primary.NextAttemptAt; !got.Equal(due) {
				t.Fatalf("due at %s after a restart, before at %s", got, due)
			}
			w.RunFor(due.Sub(w.Clock.Now()))
		}
		for i := 1; i < len(waits); i++ { // jitter makes the factor 6/5 to 10/3
			if waits[i] <= waits[i-1] {
				t.Errorf("waits do not grow: %v", waits)
				break
			}
		}
		if asked := len(w.DNS.Calls("CheckAddresses")); asked != 9 {
			t.Errorf("the validator was asked %d times for 9 attempts", asked)
		}
	})
	t.Run("goes on by itself once the name is right", func(t *testing.T) {
		w := setup(t)
		w.DNS.ScriptAddresses(hostname, fake.Contradict("DNS_NXDOMAIN", condition.Operator))
		s := w.Create("Shop")
		w.RunFor(10 * time.Minute)
		w.DNS.ScriptAddresses(hostname)
		w.Settle()
		wantStatus(t, w, s, site.Active)
		if d := w.Get(s).Primary.Domain; d.Attempts != 0 {
			t.Errorf("%d attempts are still counted", d.Attempts)
		}
		w.CheckSettled()
	})
	unknown := map[string]fake.Answer{
		"an unknown outcome":       fake.Unknown("DNS_SERVFAIL", condition.Tenant),
		"an outcome without cause": {Finding: infra.Finding{Outcome: infra.Unknown}},
		"no outcome at all":        {},
		"a validator that errors":  {Err: &infra.UnavailableError{Service: "dnsvalidator", Err: context.DeadlineExceeded}},
	}
	for name, answer := range unknown {
		t.Run(name+" is Unknown and moves nothing", func(t *testing.T) {
			w := setup(t)
			w.DNS.ScriptAddresses(hostname, answer)
			s := w.Create("Shop")
			w.RunFor(10 * time.Minute)
			wantStatus(t, w, s, site.DomainPendingDNS)
			if c := w.Condition(s, condition.Resolves); c.Status != condition.Unknown || c.Actor != condition.Operator {
				t.Errorf("Resolves is %+v", c)
			}
			if e := evidence(w, s, network.EvidenceResolves); e != (network.Evidence{}) {
				t.Errorf("evidence was kept: %+v", e)
			}
			w.DNS.ScriptAddresses(hostname)
			w.Settle()
			wantStatus(t, w, s, site.Active)
		})
	}
	t.Run("a name that stops leading here between the look and the operation waits on", func(t *testing.T) {
		w := setup(t)
		w.DNS.ScriptAddresses(hostname, fake.Confirm(), fake.Contradict("DNS_WRONG_TARGET", condition.Operator))
		s := w.Create("Shop")
		w.RunFor(time.Minute)
		wantStatus(t, w, s, site.DomainPendingDNS)
		if op := wantOperation(t, w, s, reconcile.ActivateDomain, saga.Succeeded); op.WaitingFor != "operator" {
			t.Errorf("it waits for %q", op.WaitingFor)
		}
		w.DNS.ScriptAddresses(hostname)
		w.Settle()
		wantStatus(t, w, s, site.Active)
	})
}

func TestDomain_serves(t *testing.T) {
	t.Parallel()
	t.Run("a nonce from elsewhere stops it in DOMAIN_ROUTED; the operation ends well", func(t *testing.T) {
		w := setup(t)
		w.DNS.ScriptProbes(hostname, fake.Contradict("PROBE_NOT_OURS", condition.Tenant))
		s := w.Create("Shop")
		w.RunFor(10 * time.Minute)
		wantStatus(t, w, s, site.DomainRouted)
		wantCondition(t, w, s, condition.Condition{
			Type: condition.Serving, Status: condition.False, Reason: "PROBE_NOT_OURS", Actor: condition.Tenant,
		})
		if op := wantOperation(t, w, s, reconcile.ActivateDomain, saga.Succeeded); op.WaitingFor != "tenant" {
			t.Errorf("it waits for %q", op.WaitingFor)
		}
		if n := len(w.Operations(s)); n != 2 {
			t.Errorf("%d operations: a look that changes nothing opens one", n)
		}
		if d := w.Get(s).Primary.Domain; d.Wanted != network.Public || !w.Host().Serves(hostname) {
			t.Errorf("wanted is %s", d.Wanted)
		}
		w.DNS.ScriptProbes(hostname)
		w.Settle()
		wantStatus(t, w, s, site.Active)
		w.CheckSettled()
	})
	t.Run("a probe that turns between the look and the operation is tried again", func(t *testing.T) {
		w := setup(t)
		no := fake.Contradict("PROBE_NOT_OURS", condition.Operator)
		w.DNS.ScriptProbes(hostname, no, no, fake.Confirm(), no, no, fake.Confirm(), fake.Confirm())
		s := w.Create("Shop")
		w.Settle()
		wantStatus(t, w, s, site.Active)
	})
	for name, answer := range map[string]fake.Answer{
		"an unreachable probe":    fake.Unknown("PROBE_UNREACHABLE", condition.Operator),
		"a validator that errors": {Err: &infra.UnavailableError{Service: "dnsvalidator", Err: context.DeadlineExceeded}},
	} {
		t.Run(name+" is Unknown and never ACTIVE", func(t *testing.T) {
			w := setup(t)
			w.DNS.ScriptProbes(hostname, answer)
			s := w.Create("Shop")
			w.RunFor(10 * time.Minute)
			wantStatus(t, w, s, site.DomainRouted)
			if c := w.Condition(s, condition.Serving); c.Status != condition.Unknown || c.Actor != condition.Operator {
				t.Errorf("Serving is %+v", c)
			}
			if e := evidence(w, s, network.EvidenceNonce); e != (network.Evidence{}) {
				t.Errorf("evidence was kept: %+v", e)
			}
		})
	}
	t.Run("evidence says since when it confirms or contradicts", func(t *testing.T) {
		w := setup(t)
		w.DNS.ScriptProbes(hostname, fake.Contradict("PROBE_NOT_OURS", condition.Operator))
		s := w.Create("Shop")
		w.Run()
		first := evidence(w, s, network.EvidenceNonce)
		w.RunFor(10 * time.Minute)
		if got := evidence(w, s, network.EvidenceNonce); !got.PositiveAt.IsZero() || !got.ContradictedAt.Equal(first.ContradictedAt) {
			t.Errorf("contradicted since %s, positive at %s; want since %s, never", got.ContradictedAt, got.PositiveAt, first.ContradictedAt)
		}
		w.DNS.ScriptProbes(hostname)
		w.Settle()
		if got := evidence(w, s, network.EvidenceNonce); got.PositiveAt.IsZero() || !got.ContradictedAt.IsZero() {
			t.Errorf("contradicted since %s, positive at %s", got.ContradictedAt, got.PositiveAt)
		}
	})
}

func TestDomain_probe_policy(t *testing.T) {
	t.Parallel()
	under := func(t *testing.T, policy string) (*apptest.World, site.Site) {
		w := apptest.New(t, apptest.Options{Configure: func(c *lifecycle.Config) { c.ProbePolicy = policy }})
		s := w.Create("Shop")
		w.Settle()
		wantStatus(t, w, s, site.Active)
		w.CheckSettled()
		return w, s
	}
	t.Run("edge shows in the reason", func(t *testing.T) {
		w, s := under(t, "edge")
		wantCondition(t, w, s, condition.Condition{Type: condition.Serving, Status: condition.True, Reason: condition.ReasonProbeWeak})
	})
	t.Run("off makes Serving not applicable and asks nobody", func(t *testing.T) {
		w, s := under(t, "off")
		wantCondition(t, w, s, condition.Condition{Type: condition.Serving, Status: condition.NotApplicable, Reason: condition.ReasonProbeOff})
		if n := len(w.DNS.Calls("ProbeHostname")); n != 0 {
			t.Errorf("%d probes", n)
		}
	})
}

func TestDomain_mode(t *testing.T) {
	t.Parallel()
	t.Run("a look-up that fails is repeated and never taken for no zone", func(t *testing.T) {
		w := setup(t)
		w.Tunnel.SetDown(true)
		s := w.Create("Shop")
		w.RunFor(10 * time.Minute)
		wantStatus(t, w, s, site.DomainPendingDNS)
		wantCondition(t, w, s, condition.Condition{
			Type: condition.TunnelRouted, Status: condition.Unknown, Reason: infra.CodeServiceUnavailable, Actor: condition.Operator,
		})
		if d := w.Get(s).Primary.Domain; d.Mode != network.ModeUnknown {
			t.Errorf("the mode is %s", d.Mode)
		}
		if n := len(w.Tunnel.Calls("LookupZone")); n < 5 {
			t.Errorf("%d look-ups in 10 minutes", n)
		}
		if n := len(w.DNS.Calls("")); n != 0 {
			t.Errorf("the validator was asked %d times before the mode was known", n)
		}
		w.Tunnel.SetDown(false)
		w.Settle()
		wantStatus(t, w, s, site.Active)
	})
	t.Run("is chosen once", func(t *testing.T) {
		w := setup(t)
		w.DNS.ScriptAddresses(hostname, fake.Contradict("DNS_NXDOMAIN", condition.Operator))
		s := w.Create("Shop")
		w.RunFor(10 * time.Minute)
		if n := len(w.Tunnel.Calls("LookupZone")); n != 1 || w.Get(s).Primary.Domain.Mode != network.Direct {
			t.Errorf("%d look-ups, mode %s", n, w.Get(s).Primary.Domain.Mode)
		}
	})
}

// evidence is what was seen of a site's primary domain.
func evidence(w *apptest.World, s site.Site, kind network.EvidenceKind) (e network.Evidence) {
	w.View(func(ctx context.Context, tx store.Tx) (err error) {
		e, err = tx.GetEvidence(ctx, w.Get(s).Primary.Domain.ID, kind)
		return err
	})
	return e
}
