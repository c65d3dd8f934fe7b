package reconcile_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/app"
	"github.com/siteplane/siteplane/services/lifecycle/app/apptest"
	"github.com/siteplane/siteplane/services/lifecycle/condition"
	"github.com/siteplane/siteplane/services/lifecycle/infra"
	"github.com/siteplane/siteplane/services/lifecycle/network"
	"github.com/siteplane/siteplane/services/lifecycle/reconcile"
	"github.com/siteplane/siteplane/services/lifecycle/saga"
	"github.com/siteplane/siteplane/services/lifecycle/site"
	"github.com/siteplane/siteplane/services/lifecycle/worker"
)

func TestCreateSite(t *testing.T) {
	t.Parallel()
	t.Run("walks exactly the rows of the table to ACTIVE", func(t *testing.T) {
		w, s := active(t)
		w.CheckSettled() // each row has actor, reason, operation and trace
		want := []string{
			"create CREATED", "provision PROVISIONING", "edge_ready DOMAIN_PENDING_DNS",
			"dns_validated DOMAIN_VALIDATED", "routed DOMAIN_ROUTED", "serving ACTIVE",
		}
		if diff := cmp.Diff(want, events(w, string(s.ID))); diff != "" {
			t.Errorf("site history (-want +got):\n%s", diff)
		}
		want = []string{"create PENDING_DNS", "validated VALIDATED", "routed ROUTED", "serving ACTIVE"}
		if diff := cmp.Diff(want, events(w, string(w.Get(s).Primary.Domain.ID))); diff != "" {
			t.Errorf("domain history (-want +got):\n%s", diff)
		}
	})
	t.Run("journals intent and outcome of each step, in one trace", func(t *testing.T) {
		w, s := active(t)
		trace := w.History(string(s.ID))[0].TraceID
		var steps []string
		for _, e := range w.Journal(s) {
			if e.Result == saga.Wait {
				continue
			}
			steps = append(steps, e.Step+" "+string(e.Phase)+" "+string(e.Result))
			if e.TraceID != trace {
				t.Errorf("%s is in trace %s, the call was in %s", e.Step, e.TraceID, trace)
			}
		}
		var want []string
		for _, intent := range []string{
			"provision intent ", "publish_internally intent made", "validate intent ",
			"publish_on_edges intent made", "route intent made", "probe intent ",
		} {
			step, _, _ := strings.Cut(intent, " ")
			want = append(want, intent, step+" outcome ok")
		}
		if diff := cmp.Diff(want, steps); diff != "" {
			t.Errorf("journal (-want +got):\n%s", diff)
		}
	})
	t.Run("journals what the edge and the validator answered", func(t *testing.T) {
		w, s := active(t)
		answers := map[string]string{"publish_internally": string(s.ID) + ".site.internal", "validate": "203.0.113.7", "probe": "signed by"}
		for _, e := range w.Journal(s) {
			if e.Result == saga.OK && !strings.Contains(e.ExternalResponse, answers[e.Step]) {
				t.Errorf("the outcome of %s says %s, want %q in it", e.Step, e.ExternalResponse, answers[e.Step])
			}
		}
	})
	t.Run("confirms the revision and every condition", func(t *testing.T) {
		w, s := active(t)
		if got := w.Get(s).Site; got.ConfirmedRevision != 1 || got.Wanted != site.Present {
			t.Errorf("confirmed revision %d, wanted %s", got.ConfirmedRevision, got.Wanted)
		}
		for c, want := range map[condition.Type]condition.Status{
			condition.EdgeSynced: condition.True, condition.Resolves: condition.True, condition.EdgeRouted: condition.True,
			condition.Serving: condition.True, condition.Owned: condition.NotApplicable,
			condition.TunnelRouted: condition.NotApplicable, condition.CertReady: condition.NotApplicable,
		} {
			if got := w.Condition(s, c); got.Status != want || got.TraceID == "" {
				t.Errorf("%s is %+v, want %s", c, got, want)
			}
		}
	})
	t.Run("a converged world writes nothing and applies nothing", func(t *testing.T) {
		w, _ := active(t)
		written, applied := w.Written(), applies(w)
		w.RunFor(10 * time.Minute)
		if got := w.Written(); got != written {
			t.Errorf("rows grew from %+v to %+v", written, got)
		}
		if got := applies(w); got != applied {
			t.Errorf("%d calls that write to the edge", got-applied)
		}
		if looks := len(w.Edges.Calls("State")); looks < 50 {
			t.Errorf("the edge was looked at %d times in 10 minutes", looks)
		}
	})
	t.Run("without a platform domain it waits for a domain of the tenant's", func(t *testing.T) {
		w := apptest.New(t, apptest.Options{Configure: func(c *lifecycle.Config) { c.PlatformDomain = "" }})
		s := w.Create("Shop")
		w.Settle()
		wantStatus(t, w, s, site.DomainPendingDNS)
		wantCondition(t, w, s, condition.Condition{
			Type: condition.Resolves, Status: condition.False, Reason: infra.CodeNoDomain, Actor: condition.Tenant,
		})
		w.CheckSettled()
	})
}

func TestCreateSite_waits_for_edges(t *testing.T) {
	t.Parallel()
	t.Run("without any edge the operator must act; it goes on when one is seen", func(t *testing.T) {
		w := apptest.New(t, apptest.Options{Edges: -1})
		s := w.Create("Shop")
		w.RunFor(time.Minute)
		wantStatus(t, w, s, site.Provisioning)
		wantCondition(t, w, s, condition.Condition{
			Type: condition.EdgeSynced, Status: condition.False, Reason: infra.CodeNoEdges, Actor: condition.Operator,
		})
		w.AddEdge()
		w.Settle()
		wantStatus(t, w, s, site.Active)
	})
	t.Run("the same reason is not written again", func(t *testing.T) {
		w := apptest.New(t, apptest.Options{Edges: -1})
		s := w.Create("Shop")
		w.RunFor(time.Second)
		written := w.Written()
		w.RunFor(10 * time.Minute)
		if got := w.Written(); got != written {
			t.Errorf("rows grew from %+v to %+v", written, got)
		}
		if op := w.Operation(s, reconcile.CreateSite); op.State != saga.Waiting || op.FailedAttempts != 0 {
			t.Errorf("create_site is %s after %d failures, want it to wait", op.State, op.FailedAttempts)
		}
	})
	t.Run("an edge that proves nothing keeps it PROVISIONING, however long", func(t *testing.T) {
		w := setup(t)
		w.Host().SetNotProven("the workers answer with generation 1")
		s := w.Create("Shop")
		for range 10 {
			w.RunFor(time.Minute)
			wantStatus(t, w, s, site.Provisioning)
			wantCondition(t, w, s, condition.Condition{
				Type: condition.EdgeSynced, Status: condition.False, Reason: infra.CodeEdgeNotProven, Actor: condition.Operator,
			})
		}
		if c := w.Condition(s, condition.EdgeSynced); !strings.Contains(c.Message, "generation 1") {
			t.Errorf("the message %q does not say what was seen", c.Message)
		}
		w.Host().SetNotProven("")
		w.Settle()
		wantStatus(t, w, s, site.Active)
		w.CheckSettled()
	})
	t.Run("an edge that was never proved and proves nothing is named, too", func(t *testing.T) {
		w := apptest.New(t, apptest.Options{})
		w.Host().SetNotProven("the workers answer with generation 1")
		s := w.Create("Shop")
		for range 5 {
			w.RunFor(time.Minute)
			wantCondition(t, w, s, condition.Condition{
				Type: condition.EdgeSynced, Status: condition.False, Reason: infra.CodeEdgeNotProven, Actor: condition.Operator,
			})
		}
	})
	t.Run("what was last known stays while an apply is on the way", func(t *testing.T) {
		w := apptest.New(t, apptest.Options{})
		w.Host().SetNotProven("the workers answer with generation 1")
		s := w.Create("Shop")
		w.RunFor(5 * time.Second)
		written := w.Written()
		for range 10 {
			w.Host().During(func() { look(w, s) })
			w.RunFor(time.Minute)
		}
		if got := w.Written(); got != written {
			t.Errorf("rows grew from %+v to %+v", written, got)
		}
	})
	t.Run("an unreachable edge leaves it unknown", func(t *testing.T) {
		w := setup(t)
		w.Host().SetDown(true)
		s := w.Create("Shop")
		w.RunFor(20 * time.Second)
		wantStatus(t, w, s, site.Provisioning)
		wantCondition(t, w, s, condition.Condition{
			Type: condition.EdgeSynced, Status: condition.Unknown, Reason: infra.CodeEdgeUnreachable, Actor: condition.Operator,
		})
		w.Host().SetDown(false)
		w.Settle()
		wantStatus(t, w, s, site.Active)
	})
	t.Run("an edge that goes after its proof is asked for the internal name again", func(t *testing.T) {
		w := setup(t)
		w.Host().During(func() { w.Host().SetDown(true) })
		s := w.Create("Shop")
		w.RunFor(10 * time.Minute)
		wantStatus(t, w, s, site.Provisioning)
		if op := wantOperation(t, w, s, reconcile.CreateSite, saga.Waiting); op.FailedAttempts != 0 {
			t.Errorf("%d attempts count as failed", op.FailedAttempts)
		}
		w.Host().SetDown(false)
		w.Settle()
		wantStatus(t, w, s, site.Active)
	})
	t.Run("every edge that was seen lately must prove it", func(t *testing.T) {
		w := apptest.New(t, apptest.Options{Edges: 2})
		second := w.Edges.Host(w.EdgeIDs()[1])
		w.Run()
		second.SetNotProven("the workers answer with generation 1")
		s := w.Create("Shop")
		w.RunFor(3 * time.Minute)
		wantStatus(t, w, s, site.Provisioning)
		second.SetNotProven("")
		w.Settle()
		wantStatus(t, w, s, site.Active)
		w.CheckSettled()
	})
	t.Run("an edge that does not serve the internal name is not believed", func(t *testing.T) {
		w := setup(t)
		s := w.Create("Shop")
		w.Host().During(func() { w.Host().Lose(s.ID) })
		w.Run()
		wantStatus(t, w, s, site.Provisioning)
		wantCondition(t, w, s, condition.Condition{
			Type: condition.EdgeSynced, Status: condition.False, Reason: infra.CodeEdgeNotProven, Actor: condition.Operator,
		})
		w.Settle() // the next look at the edge sees that it lost the site
		wantStatus(t, w, s, site.Active)
	})
}

func TestCreateSite_rejected(t *testing.T) {
	t.Parallel()
	const reason = "invalid header value"
	rejected := func(t *testing.T) (w *apptest.World, other, s site.Site) {
		w, other = active(t)
		s = w.Create("Bad")
		w.Host().Reject(string(s.ID), reason)
		w.Settle()
		return w, other, s
	}
	t.Run("is undone: ERROR with the reason, off the edge, FAILED", func(t *testing.T) {
		w, _, s := rejected(t)
		wantStatus(t, w, s, site.Error)
		wantCondition(t, w, s, condition.Condition{
			Type: condition.EdgeSynced, Status: condition.False, Reason: infra.CodeConfigRejected, Actor: condition.Tenant,
		})
		op := wantOperation(t, w, s, reconcile.CreateSite, saga.Failed)
		if op.Reason != infra.CodeConfigRejected || !strings.Contains(op.Message, reason) {
			t.Errorf("it ended for %q: %q", op.Reason, op.Message)
		}
		if got := w.Get(s).Site; got.Wanted != site.Absent || got.ConfirmedRevision != 0 {
			t.Errorf("wanted %s, confirmed revision %d", got.Wanted, got.ConfirmedRevision)
		}
		w.CheckSettled()
	})
	t.Run("is not ERROR before the edge has proved that it is gone", func(t *testing.T) {
		w, _ := active(t)
		s := w.Create("Bad")
		w.Host().Reject(string(s.ID), reason)
		w.Clock.Advance(time.Second)
		for w.Operation(s, reconcile.CreateSite).State != saga.Compensating {
			if _, ok := w.Step(); !ok {
				t.Fatal("it never compensates")
			}
		}
		w.Host().SetDown(true)
		w.RunFor(30 * time.Second)
		wantStatus(t, w, s, site.Provisioning)
		w.Host().SetDown(false)
		w.Settle()
		wantStatus(t, w, s, site.Error)
	})
	t.Run("undoes what it made", func(t *testing.T) {
		w, _, s := rejected(t)
		var undone []string
		for _, e := range w.Journal(s) {
			if e.Phase == saga.Compensation {
				undone = append(undone, e.Step)
			}
		}
		if want := []string{"publish_internally"}; !slices.Equal(undone, want) {
			t.Errorf("undone were %v, want %v", undone, want)
		}
	})
	t.Run("leaves other sites as they are", func(t *testing.T) {
		w, other, s := rejected(t)
		wantStatus(t, w, other, site.Active)
		third := w.Create("Third")
		w.Settle()
		wantStatus(t, w, third, site.Active)
		if w.Host().Holds(s.ID) || !w.Host().Holds(other.ID) {
			t.Error("the edge holds the wrong sites")
		}
	})
	t.Run("is not told to others who wait for the same edge", func(t *testing.T) {
		w := setup(t)
		bad := w.Create("Bad")
		w.Host().Reject(string(bad.ID), reason)
		for w.Operation(bad, reconcile.CreateSite).State != saga.Compensating {
			w.Step()
		}
		mending := claim(t, w, worker.Edge) // which is about to forget its fault
		waiting, err := w.TryCreate(w.NewTenant("other"), app.NewSite{Name: "Good", Spec: apptest.Spec()}, "")
		if err != nil {
			t.Fatal(err)
		}
		w.Run()
		next, err := w.Handle(mending)
		w.Finish(mending, next, err)
		w.Settle()
		wantStatus(t, w, waiting, site.Active)
		wantStatus(t, w, bad, site.Error)
		for _, e := range w.Journal(waiting) {
			if strings.Contains(e.Message, reason) {
				t.Errorf("the journal of another tenant's site says %q", e.Message)
			}
		}
	})
	t.Run("a retry walks again, and to ACTIVE once the edge accepts", func(t *testing.T) {
		w, _, s := rejected(t)
		w.Retry(s)
		w.Settle()
		wantStatus(t, w, s, site.Error)
		w.Host().Accept(string(s.ID))
		w.Retry(s)
		w.Settle()
		wantStatus(t, w, s, site.Active)
		w.CheckSettled()
		if ops := w.Operations(s); len(ops) != 4 { // three create_site, one activate_domain
			t.Errorf("%d operations: %+v", len(ops), ops)
		}
	})
	t.Run("is deleted without a trace", func(t *testing.T) {
		w, _, s := rejected(t)
		w.Delete(s)
		w.Settle()
		wantStatus(t, w, s, site.Deleted)
		w.CheckSettled()
	})
	t.Run("a rejection that names no site fails nobody, and the site can go", func(t *testing.T) {
		w := setup(t)
		w.Host().RejectAll("nginx refuses it")
		s := w.Create("Shop")
		w.RunFor(5 * time.Minute)
		wantStatus(t, w, s, site.Provisioning)
		wantCondition(t, w, s, condition.Condition{
			Type: condition.EdgeSynced, Status: condition.False, Reason: infra.CodeConfigRejected,
		})
		w.Delete(s)
		w.RunFor(5 * time.Minute)
		wantStatus(t, w, s, site.Deleting)
		wantOperation(t, w, s, reconcile.DeleteSite, saga.Waiting)
		w.Host().RejectAll("")
		w.Settle()
		wantStatus(t, w, s, site.Deleted)
	})
}

// An edge may reject a hostname that it had no quarrel with before.
func TestActivateDomain_rejected(t *testing.T) {
	t.Parallel()
	w := setup(t)
	s := w.Create("Shop")
	for w.Get(s).Primary.Domain.Status != network.Validated {
		w.Step()
	}
	w.Host().Reject(hostname, "conflicting server name")
	w.Settle()
	wantStatus(t, w, s, site.Error)
	if d := w.Get(s).Primary.Domain; d.Status != network.Error || d.Wanted != network.Hidden {
		t.Errorf("the domain is %s and wanted %s", d.Status, d.Wanted)
	}
	wantOperation(t, w, s, reconcile.ActivateDomain, saga.Failed)
	w.Host().Accept(hostname)
	w.Retry(s)
	w.Settle()
	wantStatus(t, w, s, site.Active)
	w.CheckSettled()
}

// events is the history of an object: what happened, and where it led.
func events(w *apptest.World, object string) (out []string) {
	for _, c := range w.History(object) {
		out = append(out, c.Event+" "+c.To)
	}
	return out
}

// look has a site's handler run now, whatever else is on the way.
func look(w *apptest.World, s site.Site) {
	w.Mark(worker.Site, string(s.ID), s.TenantID)
	w.Run()
}
