package app_test

import (
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/app"
	"github.com/siteplane/siteplane/services/lifecycle/app/apptest"
	"github.com/siteplane/siteplane/services/lifecycle/drift"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/infra"
	"github.com/siteplane/siteplane/services/lifecycle/reconcile"
	"github.com/siteplane/siteplane/services/lifecycle/site"
	"github.com/siteplane/siteplane/services/lifecycle/worker"
)

func TestGetEdge(t *testing.T) {
	s := scene{apptest.New(t, apptest.Options{Edges: 2}), t}
	s.serving()
	edgeID := s.EdgeIDs()[0]
	look := func() (app.EdgeView, *app.EdgeLook) {
		t.Helper()
		view, look, err := s.App.GetEdge(t.Context(), edgeID)
		must(t, err)
		return view, look
	}
	t.Run("shows the row and what the host says now", func(t *testing.T) {
		view, look := look()
		if view.Edge.ID != edgeID || !view.Synced || look.Unreachable != "" || look.State.Running != view.Edge.Generation || look.State.Sites != 1 {
			t.Errorf("got %+v, %+v", view, look)
		}
	})
	t.Run("says why a host could not be asked", func(t *testing.T) {
		s.Edges.Host(edgeID).SetDown(true)
		defer s.Edges.Host(edgeID).SetDown(false)
		view, look := look()
		if view.Edge.ID != edgeID || !strings.Contains(look.Unreachable, "edge unavailable") || look.State.Running != 0 {
			t.Errorf("got %+v, %+v", view, look)
		}
	})
	t.Run("does not ask an evicted one", func(t *testing.T) {
		s.Evict(edgeID)
		asked := len(s.Edges.Calls("State"))
		if view, look := look(); !view.Edge.Evicted() || look != nil || len(s.Edges.Calls("State")) != asked {
			t.Errorf("got %+v, %+v", view, look)
		}
	})
	t.Run("knows no other", func(t *testing.T) {
		var missing *lifecycle.NotFoundError
		if _, _, err := s.App.GetEdge(t.Context(), id.NewEdge()); !errors.As(err, &missing) {
			t.Errorf("got %v", err)
		}
	})
}

// preview asks what an edge would be sent, and demands that it leaves no trace.
func (s scene) preview(edgeID id.Edge) reconcile.Preview {
	s.t.Helper()
	before, applied := s.Dump(), len(s.Edges.Calls("Apply"))
	preview, err := s.App.PreviewEdge(s.t.Context(), edgeID)
	must(s.t, err)
	if diff := cmp.Diff(before, s.Dump()); diff != "" || len(s.Edges.Calls("Apply")) != applied {
		s.t.Errorf("the preview wrote, or applied (-before +after):\n%s", diff)
	}
	return preview
}

// sent is what an edge is sent, without what a preview does not claim.
func sent(u infra.EdgeUpdate) infra.EdgeUpdate {
	return infra.EdgeUpdate{Fence: infra.Fence{Generation: u.Fence.Generation}, Whole: u.Whole, Sites: u.Sites, Removals: u.Removals, Digest: u.Digest}
}

// wantSame demands that the next apply sends what the last preview sent.
func (s scene) wantSame(whole bool) {
	s.t.Helper()
	previews, applied := s.Edges.Calls("Preview"), len(s.Edges.Calls("Apply"))
	s.RunFor(time.Minute)
	if len(s.Edges.Calls("Apply")) == applied {
		s.t.Fatal("nothing was applied")
	}
	shown, done := sent(previews[len(previews)-1].Update), sent(s.Edges.Calls("Apply")[applied].Update)
	if diff := cmp.Diff(shown, done); diff != "" || done.Whole != whole {
		s.t.Errorf("whole: %t; previewed and applied (-shown +done):\n%s", done.Whole, diff)
	}
}

func paths(p reconcile.Preview) (paths []string) {
	for _, f := range p.Files {
		paths = append(paths, f.Path)
	}
	return paths
}

func TestPreviewEdge(t *testing.T) {
	start := func(t *testing.T) (scene, site.Site, id.Edge) {
		s := scene{apptest.New(t, apptest.Options{}), t}
		shop := s.serving()
		return s, shop, s.EdgeIDs()[0]
	}
	// waiting is a world in which a change waits for the edge.
	waiting := func(t *testing.T, change func(scene, site.Site)) (scene, site.Site, id.Edge) {
		s, shop, edgeID := start(t)
		s.Host().SetDown(true)
		change(s, shop)
		s.RunFor(time.Second)
		s.Host().SetDown(false)
		return s, shop, edgeID
	}
	t.Run("is empty where nothing waits", func(t *testing.T) {
		s, _, edgeID := start(t)
		if got := s.preview(edgeID); len(got.Files) != 0 || len(got.Sites) != 0 {
			t.Errorf("got %+v", got)
		}
	})
	t.Run("is what is sent of a site that comes", func(t *testing.T) {
		var blog site.Site
		s, _, edgeID := waiting(t, func(s scene, _ site.Site) { blog = s.Create("Blog") })
		got := s.preview(edgeID)
		if want := []string{"generation", "sites/" + string(blog.ID)}; !slices.Equal(paths(got), want) || !slices.Equal(got.Sites, []id.Site{blog.ID}) {
			t.Errorf("got %+v, want %v", got, want)
		}
		s.wantSame(false)
	})
	t.Run("is what each send sends, through the life of a site", func(t *testing.T) {
		s, shop, edgeID := start(t)
		applies, removals := 0, 0
		for _, change := range []func(){func() { s.Create("Blog") }, func() { s.Deploy(shop, "two") }, func() { s.Delete(shop) }} {
			change()
			for range 40 {
				_, err := s.App.PreviewEdge(t.Context(), edgeID)
				must(t, err)
				previews, before := s.Edges.Calls("Preview"), len(s.Edges.Calls("Apply"))
				if _, ok := s.Step(); !ok {
					break
				}
				for _, call := range s.Edges.Calls("Apply")[before:] {
					shown, done := sent(previews[len(previews)-1].Update), sent(call.Update)
					if diff := cmp.Diff(shown, done); diff != "" {
						t.Errorf("previewed and applied (-shown +done):\n%s", diff)
					}
					applies, removals = applies+1, removals+len(done.Removals)
				}
			}
			s.Settle()
		}
		if applies < 4 || removals != 1 {
			t.Errorf("%d applies with %d removals were compared", applies, removals)
		}
	})
	t.Run("is the same for a process that has just started", func(t *testing.T) {
		s, _, edgeID := waiting(t, func(s scene, shop site.Site) { s.Deploy(shop, "two") })
		s.Restart()
		if got := s.preview(edgeID); len(got.Files) != 2 || len(got.Sites) != 1 {
			t.Errorf("got %+v", got)
		}
		s.wantSame(false)
	})
	t.Run("is everything for an edge that is made anew", func(t *testing.T) {
		s, shop, edgeID := start(t)
		must(t, s.App.RebuildEdge(t.Context(), s.PlatformAdmin(), edgeID, ""))
		if got := s.preview(edgeID); !slices.Equal(paths(got), []string{"generation"}) || !slices.Equal(got.Sites, []id.Site{shop.ID}) {
			t.Errorf("got %+v", got)
		}
		s.wantSame(true)
	})
	t.Run("is everything for an edge that lost everything", func(t *testing.T) {
		s, shop, edgeID := start(t)
		s.Host().Wipe()
		if got := s.preview(edgeID); !slices.Equal(paths(got), []string{"generation", "sites/" + string(shop.ID)}) {
			t.Errorf("got %+v", got)
		}
		s.wantSame(true)
	})
	t.Run("needs an edge that is there and answers", func(t *testing.T) {
		s, _, edgeID := start(t)
		var missing *lifecycle.NotFoundError
		if _, err := s.App.PreviewEdge(t.Context(), id.NewEdge()); !errors.As(err, &missing) {
			t.Errorf("got %v", err)
		}
		s.Host().SetDown(true)
		var unavailable *lifecycle.UnavailableError
		if _, err := s.App.PreviewEdge(t.Context(), edgeID); !errors.As(err, &unavailable) {
			t.Errorf("got %v", err)
		}
		s.Evict(edgeID)
		var precondition *lifecycle.PreconditionError
		if _, err := s.App.PreviewEdge(t.Context(), edgeID); !errors.As(err, &precondition) {
			t.Errorf("got %v", err)
		}
	})
}

func TestRebuildEdge(t *testing.T) {
	s := scene{apptest.New(t, apptest.Options{Edges: 2}), t}
	s.serving()
	edgeID := s.EdgeIDs()[0]
	before := s.Edge(edgeID)
	must(t, s.App.RebuildEdge(t.Context(), s.PlatformAdmin(), edgeID, ""))
	if !s.dueNow(worker.Edge, string(edgeID)) || s.dueNow(worker.Edge, string(s.EdgeIDs()[1])) {
		t.Error("not that edge alone is due")
	}
	s.Settle()
	calls := s.Edges.Calls("Apply")
	if last := calls[len(calls)-1]; last.Edge != edgeID || !last.Update.Whole || len(last.Update.Sites) != 1 {
		t.Errorf("the edge was sent %+v", last)
	}
	if after := s.Edge(edgeID); after.NeedsWhole || after.ProvenGeneration != before.ProvenGeneration+2 || after.ProvenDigest != before.ProvenDigest {
		t.Errorf("the edge is %+v, was %+v", after, before)
	}
	s.CheckSettled()
	s.Evict(edgeID)
	var precondition *lifecycle.PreconditionError
	if err := s.App.RebuildEdge(t.Context(), s.PlatformAdmin(), edgeID, ""); !errors.As(err, &precondition) {
		t.Errorf("got %v", err)
	}
}

// F39: what was edited by hand holds what tenants configured. It is for the list of
// drifts, and for nothing else that is kept or logged.
func TestDrift_shows_its_diff_to_platform_admins_only(t *testing.T) {
	const secret = "very-secret-contents"
	var log strings.Builder
	s := scene{apptest.New(t, apptest.Options{Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))}), t}
	s.serving()
	s.Host().EditTo("a.conf", "+"+secret+"\n", "mallory")
	s.RunFor(time.Minute)
	s.Settle()
	drifts := s.Drifts()
	if len(drifts) != 1 || drifts[0].Diff != "+"+secret+"\n" || drifts[0].Owner != "mallory" || drifts[0].Outcome != drift.Repaired {
		t.Fatalf("the drifts are %+v", drifts)
	}
	if strings.Contains(log.String(), secret) || !strings.Contains(log.String(), "edge apply outcome") {
		t.Errorf("the log is\n%s", log.String())
	}
	for table, rows := range s.Dump() {
		for _, row := range rows {
			if table != "drift" && strings.Contains(row, secret) {
				t.Errorf("%s holds %s", table, row)
			}
		}
	}
}
