package reconcile_test

import (
	"errors"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/siteplane/siteplane/services/lifecycle/app"
	"github.com/siteplane/siteplane/services/lifecycle/app/apptest"
	"github.com/siteplane/siteplane/services/lifecycle/condition"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/infra"
	"github.com/siteplane/siteplane/services/lifecycle/infra/fake"
	"github.com/siteplane/siteplane/services/lifecycle/site"
)

func TestEdge_apply(t *testing.T) {
	t.Parallel()
	t.Run("a new edge is sent everything, a known one what changed", func(t *testing.T) {
		w, _ := active(t)
		w.Create("Second")
		w.Settle()
		var wholes, sites int
		for _, c := range w.Edges.Calls("Apply") {
			if c.Update.Whole {
				wholes++
			}
			sites = max(sites, len(c.Update.Sites))
		}
		if wholes != 1 || sites != 1 {
			t.Errorf("%d whole snapshots, up to %d sites in one update; want 1 and 1", wholes, sites)
		}
		second := w.AddEdge()
		w.RunFor(time.Minute)
		calls := w.Edges.Calls("Apply")
		if last := calls[len(calls)-1]; last.Edge != second || !last.Update.Whole || len(last.Update.Sites) != 2 {
			t.Errorf("the new edge was sent %+v", last)
		}
		w.CheckSettled()
	})
	t.Run("an edge that hangs holds up no other, also after a restart, when no digest is known by heart", func(t *testing.T) {
		w := apptest.New(t, apptest.Options{Edges: 2})
		w.Run()
		s := w.Create("Shop")
		w.Settle()
		w.Restart()
		w.Run()
		first, second := w.EdgeIDs()[0], w.EdgeIDs()[1]
		hung := false
		w.Edges.Host(first).During(func() {
			hung = true
			for range 4 {
				w.Step()
			}
			wantHeld(t, w, s, map[id.Edge]int64{second: 2})
		})
		w.Deploy(s, "X-Two")
		w.Mark("edge", string(first), "") // the longest due, so that it is the first
		w.Settle()
		if !hung {
			t.Error("the first edge was not sent anything")
		}
		w.CheckSettled()
	})
	t.Run("generations grow by each send and epochs never fall", func(t *testing.T) {
		w, s := active(t)
		w.Delete(s)
		w.Settle()
		var last infra.Fence
		for _, c := range w.Edges.Calls("Apply") {
			f := c.Update.Fence
			if f.Generation != last.Generation+1 || f.Epoch < last.Epoch || f.Era != 1 {
				t.Errorf("fence %+v follows %+v", f, last)
			}
			last = f
		}
	})
	t.Run("a removal names the operation that removed the site", func(t *testing.T) {
		w, s := active(t)
		w.Delete(s)
		w.Settle()
		calls := w.Edges.Calls("Apply")
		want := string(w.Operation(s, "delete_site").ID)
		if got := calls[len(calls)-1].Update.Removals; len(got) != 1 || got[s.ID] != want {
			t.Errorf("removals are %v, want %s by %s", got, s.ID, want)
		}
	})
	t.Run("a lost reply costs one more apply and changes nothing else", func(t *testing.T) {
		plain, _ := active(t)
		w := setup(t)
		w.Host().LoseReply()
		s := w.Create("Shop")
		w.Run()
		wantCondition(t, w, s, condition.Condition{
			Type: condition.EdgeSynced, Status: condition.Unknown, Reason: infra.CodeEdgeUnreachable, Actor: condition.Operator,
		})
		w.Settle()
		wantStatus(t, w, s, site.Active)
		w.CheckSettled()
		if extra := applies(w) - applies(plain); extra != 1 {
			t.Errorf("%d applies more than without the loss", extra)
		}
		if got, want := w.Written().History, plain.Written().History; got != want {
			t.Errorf("%d history rows, want %d", got, want)
		}
	})
	t.Run("a request that arrives late is refused by the fence", func(t *testing.T) {
		w := setup(t)
		w.Host().HoldBack()
		s := w.Create("Shop")
		w.Settle()
		wantStatus(t, w, s, site.Active)
		w.Delete(s)
		w.Settle()
		if answers := w.Host().Deliver(); len(answers) != 1 || !errors.Is(answers[0], infra.ErrStaleFence) {
			t.Fatalf("the late request was answered %v", answers)
		}
		w.CheckSettled()
	})
	t.Run("what changes while an apply is on the way is sent afterwards", func(t *testing.T) {
		w := setup(t)
		var second site.Site
		w.Host().During(func() {
			second = w.Create("Second")
			w.Run()
			wantStatus(t, w, second, site.Provisioning)
		})
		s := w.Create("Shop")
		w.Settle()
		wantStatus(t, w, s, site.Active)
		wantStatus(t, w, second, site.Active)
		w.CheckSettled()
	})
	t.Run("a change of the same site during its apply is not taken for proved", func(t *testing.T) {
		w := setup(t)
		s := w.Create("Shop")
		w.Host().During(func() {
			w.Delete(s)
			w.Run()
			wantStatus(t, w, s, site.Deleting)
		})
		w.Settle()
		wantStatus(t, w, s, site.Deleted)
		w.CheckSettled()
	})
	t.Run("an edge that lost its base asks for everything", func(t *testing.T) {
		w, _ := active(t)
		w.Host().Wipe()
		second := w.Create("Second")
		w.Settle()
		wantStatus(t, w, second, site.Active)
		w.CheckSettled()
	})
	t.Run("a delta whose digest does not come out is followed by everything", func(t *testing.T) {
		w, s := active(t)
		w.Host().Lose(s.ID)
		second := w.Create("Second")
		w.Settle()
		wantStatus(t, w, second, site.Active)
		w.CheckSettled()
	})
	t.Run("a stale fence is no loss: the next claim is newer", func(t *testing.T) {
		w := setup(t)
		w.Host().See(infra.Fence{Era: 1, Epoch: 6})
		s := w.Create("Shop")
		w.Run()
		wantCondition(t, w, s, condition.Condition{
			Type: condition.EdgeSynced, Status: condition.False, Reason: infra.CodeEdgeNotProven, Actor: condition.Operator,
		})
		w.Settle()
		wantStatus(t, w, s, site.Active)
		w.CheckSettled()
	})
	t.Run("an unknown error of the edge is tried again", func(t *testing.T) {
		w := setup(t)
		w.Host().FailNext(errors.New("something new"))
		s := w.Create("Shop")
		w.Settle()
		wantStatus(t, w, s, site.Active)
	})
	t.Run("deltas have the digest of the whole without the cache, too", func(t *testing.T) {
		w, _ := active(t)
		w.Restart()
		w.Run()
		before := len(w.Edges.Calls("Apply"))
		second := w.Create("Second")
		w.Settle()
		wantStatus(t, w, second, site.Active)
		for _, c := range w.Edges.Calls("Apply")[before:] {
			if c.Update.Whole || len(c.Update.Sites) != 1 || c.Err != nil {
				t.Errorf("after a restart the edge was sent %+v and answered %v", c.Update, c.Err)
			}
		}
	})
}

func TestEdge_observe(t *testing.T) {
	t.Parallel()
	drifts := map[string]func(*fake.Host, site.Site){
		"an edit by hand is overwritten":             func(h *fake.Host, _ site.Site) { h.Edit("servers.conf") },
		"a site that an edge dropped comes back":     func(h *fake.Host, s site.Site) { h.Lose(s.ID) },
		"an edge that was wiped is filled again":     func(h *fake.Host, _ site.Site) { h.Wipe() },
		"an edge that was away is looked at again":   func(h *fake.Host, _ site.Site) { h.SetDown(true); h.Wipe(); h.SetDown(false) },
		"a drift under a lost reply is mended twice": func(h *fake.Host, _ site.Site) { h.Edit("servers.conf"); h.LoseReply() },
	}
	for name, drift := range drifts {
		t.Run(name, func(t *testing.T) {
			w, s := active(t)
			written := w.Written()
			drift(w.Host(), s)
			w.RunFor(time.Minute)
			w.CheckSettled()
			wantStatus(t, w, s, site.Active)
			if !w.Host().Serves(hostname) {
				t.Error("the edge does not serve the site")
			}
			// Only what is told of the drift itself: that it was found, and that it is over.
			written.Outbox += 2 * len(w.Drifts())
			if got := w.Written(); got != written || len(w.Drifts()) == 0 {
				t.Errorf("rows grew to %+v, want %+v", got, written)
			}
			quiet := applies(w)
			w.RunFor(time.Minute)
			if applies(w) != quiet {
				t.Error("the edge is written to though nothing drifts")
			}
		})
	}
	t.Run("an edge that does not answer has not drifted", func(t *testing.T) {
		w, s := active(t)
		applied := applies(w)
		w.Host().SetDown(true)
		w.RunFor(10 * time.Minute)
		wantStatus(t, w, s, site.Active)
		w.Host().SetDown(false)
		w.RunFor(10 * time.Minute)
		if got := applies(w) - applied; got != 0 {
			t.Errorf("%d applies after an edge was away", got)
		}
	})
	t.Run("the probe key of an edge that was made anew is the one that counts", func(t *testing.T) {
		w, _ := active(t)
		w.Host().Wipe()
		second := w.Create("Second")
		w.Settle()
		wantStatus(t, w, second, site.Active)
	})
}

// Whatever is created and deleted in whatever order, over lost replies and
// restarts: the edge, which makes the digest anew from what it holds, takes each
// delta for what it is and never has to ask for everything.
func TestEdge_digest_of_a_delta_is_that_of_the_whole(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		w := apptest.New(t, apptest.Options{})
		w.Run() // the edge has proved that it holds nothing
		host := w.Host()
		var sites []site.Site
		pick := func(do func(site.Site)) func(*rapid.T) {
			return func(t *rapid.T) {
				if len(sites) == 0 {
					t.Skip("no site")
				}
				do(rapid.SampledFrom(sites).Draw(t, "site"))
			}
		}
		t.Repeat(map[string]func(*rapid.T){
			"": func(*rapid.T) { w.Check() },
			"create": func(t *rapid.T) {
				in := app.NewSite{Name: rapid.StringMatching(`[a-z]{1,8}`).Draw(t, "name"), Spec: spec(t)}
				s, err := w.TryCreate(w.Caller, in, "")
				if err != nil {
					t.Fatal(err)
				}
				sites = append(sites, s)
			},
			"delete":     pick(func(s site.Site) { w.Delete(s) }),
			"lose reply": func(*rapid.T) { host.LoseReply() },
			"step":       func(*rapid.T) { w.Step() },
			"run":        func(*rapid.T) { w.RunFor(time.Second) },
			"restart":    func(*rapid.T) { w.Restart() },
		})
		w.Settle()
		w.CheckSettled()
		for i, c := range w.Edges.Calls("Apply") {
			if errors.Is(c.Err, infra.ErrSnapshotNeeded) || c.Update.Whole != (i == 0) {
				t.Errorf("apply %d, whole: %v, was answered %v", i, c.Update.Whole, c.Err)
			}
		}
	})
}

// spec draws a valid spec.
func spec(t *rapid.T) site.Spec {
	if rapid.Bool().Draw(t, "redirects") {
		return site.Spec{Redirect: &site.Redirect{BaseURL: "https://www.example.com"}}
	}
	s := apptest.Spec()
	s.Origin.Targets[0].Weight = rapid.IntRange(0, 100).Draw(t, "weight")
	s.Options.MaxBodyBytes = rapid.Int64Range(0, 1<<30).Draw(t, "body")
	s.Options.Websocket = rapid.Bool().Draw(t, "websocket")
	return s
}
