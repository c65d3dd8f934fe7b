package fake_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/siteplane/siteplane/internal/platform/digest"
	"github.com/siteplane/siteplane/services/lifecycle/desired"
	"github.com/siteplane/siteplane/services/lifecycle/drift"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/infra"
	"github.com/siteplane/siteplane/services/lifecycle/infra/fake"
	"github.com/siteplane/siteplane/services/lifecycle/site"
)

const edgeID = id.Edge("edge_1")

// sender sends a host everything, with growing generations.
type sender struct {
	*testing.T
	edges *fake.Edges
	*fake.Host
	generation uint64
}

func newSender(t *testing.T) *sender {
	edges := fake.NewEdges()
	return &sender{T: t, edges: edges, Host: edges.Host(edgeID)}
}

func (s *sender) update(sites ...desired.EdgeSite) infra.EdgeUpdate {
	s.generation++
	return infra.EdgeUpdate{
		Fence: infra.Fence{Era: 1, Epoch: 1, Generation: s.generation}, Whole: true, Sites: sites, Digest: setOf(sites...).Digest(),
	}
}

func (s *sender) send(update infra.EdgeUpdate) (infra.EdgeProof, error) {
	return s.edges.Apply(s.Context(), edgeID, update)
}

func (s *sender) must(sites ...desired.EdgeSite) infra.EdgeProof {
	s.Helper()
	proof, err := s.send(s.update(sites...))
	if err != nil {
		s.Fatal(err)
	}
	return proof
}

func (s *sender) state() infra.EdgeState {
	s.Helper()
	state, err := s.edges.State(s.Context(), edgeID)
	if err != nil {
		s.Fatal(err)
	}
	return state
}

func setOf(sites ...desired.EdgeSite) *digest.Set {
	set := digest.NewSet()
	for _, s := range sites {
		set.Put(string(s.SiteID), s.Sum())
	}
	return set
}

func edgeSite(siteID id.Site, revision int64, header string, hostnames ...string) desired.EdgeSite {
	return desired.EdgeSite{SiteID: siteID, Revision: revision, Hostnames: hostnames, Spec: site.Spec{
		Redirect: &site.Redirect{BaseURL: "https://a.example", StatusCode: 308},
		Options:  site.Options{RequestHeaders: []site.Header{{Name: header, Value: "x"}}},
	}}
}

func TestHost_Reject(t *testing.T) {
	one, two := edgeSite("site_1", 1, "Good", "one.example"), edgeSite("site_2", 1, "Good", "two.example")
	bad := edgeSite("site_1", 2, "Poison", "one.example")
	t.Run("a bad revision leaves the one before, and the others apply", func(t *testing.T) {
		s := newSender(t)
		s.must(one)
		s.Reject("Poison", "too long")
		proof := s.must(bad, two)
		want := []infra.Rejection{{SiteID: "site_1", Revision: 2, Message: "too long", KeptRevision: 1}}
		if diff := cmp.Diff(want, proof.Rejected); diff != "" || proof.Sites != 2 || proof.Digest != setOf(one, two).Digest() {
			t.Errorf("proved %+v (-want +got):\n%s", proof, diff)
		}
		if diff := cmp.Diff([]desired.EdgeSite{one, two}, s.Sites()); diff != "" || s.state().Digest != proof.Digest {
			t.Errorf("it holds (-want +got):\n%s", diff)
		}
	})
	t.Run("a new site is left out", func(t *testing.T) {
		s := newSender(t)
		s.Reject("Poison", "too long")
		if proof := s.must(bad, two); len(proof.Rejected) != 1 || proof.Digest != setOf(two).Digest() || s.Holds("site_1") || !s.Serves("two.example") {
			t.Errorf("proved %+v", proof)
		}
	})
	t.Run("by id and by hostname, as a whole", func(t *testing.T) {
		for text, refused := range map[string]int{"site_1": 1, "one.example": 1, "ne.example": 0, "site_": 0} {
			s := newSender(t)
			s.Reject(text, "no")
			if proof := s.must(one, two); len(proof.Rejected) != refused {
				t.Errorf("%s refuses %v", text, proof.Rejected)
			}
		}
	})
	t.Run("what is held already stays, and what is good again is taken", func(t *testing.T) {
		s := newSender(t)
		s.must(one)
		s.Reject("Poison", "too long")
		s.Reject("site_1", "no")
		if proof := s.must(one, two); proof.Rejected != nil {
			t.Errorf("proved %+v", proof)
		}
		s.Accept("site_1")
		s.Accept("Poison")
		if proof := s.must(bad, two); proof.Rejected != nil || proof.Digest != setOf(bad, two).Digest() {
			t.Errorf("proved %+v", proof)
		}
	})
	t.Run("RejectAll blames nobody and changes nothing", func(t *testing.T) {
		s := newSender(t)
		s.must(one)
		s.RejectAll("nginx refuses it")
		var refused *infra.RejectedError
		if _, err := s.send(s.update(one, two)); !errors.As(err, &refused) || refused.SiteID != "" || refused.Message != "nginx refuses it" || s.Holds("site_2") {
			t.Errorf("got %v", err)
		}
		s.RejectAll("")
		s.must(one, two)
	})
}

func TestHost_drift(t *testing.T) {
	one := edgeSite("site_1", 1, "Good", "one.example")
	words := func(found []drift.Finding) (out []string) {
		for _, f := range found {
			out = append(out, f.Kind+" "+f.Place)
		}
		return out
	}
	t.Run("is told until an apply overwrites it, which says so once", func(t *testing.T) {
		s := newSender(t)
		s.must(one)
		s.Edit("servers.conf")
		s.Edit("servers.conf")
		s.Reload()
		want := []string{"FILE_CHANGED servers.conf", "RELOADED "}
		if state := s.state(); !slices.Equal(words(state.Drifts), want) || state.Intact || state.Digest != setOf(one).Digest() {
			t.Errorf("state is %+v", state)
		}
		s.SetNotProven("old workers")
		if _, err := s.send(s.update(one)); err == nil || len(s.state().Drifts) != 2 {
			t.Errorf("after an apply that failed with %v the state is %+v", err, s.state())
		}
		s.SetNotProven("")
		if proof := s.must(one); !slices.Equal(words(proof.Drifts), want) {
			t.Errorf("proved %+v", proof)
		}
		if state := s.state(); state.Drifts != nil || !state.Intact {
			t.Errorf("state is %+v", state)
		}
		if proof := s.must(one); proof.Drifts != nil {
			t.Errorf("proved %+v", proof)
		}
	})
	t.Run("a file that is put back is no drift, but the workers are still others", func(t *testing.T) {
		s := newSender(t)
		s.must(one)
		s.Edit("servers.conf")
		s.Reload()
		s.PutBack("servers.conf")
		if state := s.state(); !slices.Equal(words(state.Drifts), []string{"RELOADED "}) || !state.Intact {
			t.Errorf("state is %+v", state)
		}
	})
	t.Run("is overwritten by nobody who holds it", func(t *testing.T) {
		s := newSender(t)
		s.must(one)
		s.Edit("servers.conf")
		update := s.update()
		update.HoldDrift, update.Explanations = true, map[id.Site]string{"site_1": "op_1"}
		var held *infra.DriftError
		if _, err := s.send(update); !errors.As(err, &held) || held.Message != "FILE_CHANGED servers.conf" || !s.Holds("site_1") || len(s.state().Drifts) != 1 {
			t.Errorf("got %v", err)
		}
		s.PutBack("servers.conf")
		if _, err := s.send(update); err != nil || s.Holds("site_1") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("a wiped host has none", func(t *testing.T) {
		s := newSender(t)
		s.must(one)
		s.Edit("servers.conf")
		s.Wipe()
		if state := s.state(); state.Drifts != nil || state.Digest != "" {
			t.Errorf("state is %+v", state)
		}
	})
}

func TestHost_Writes(t *testing.T) {
	one := edgeSite("site_1", 1, "Good", "one.example")
	s := newSender(t)
	update := s.update(one)
	for i, step := range []struct {
		what string
		do   func()
		want int
	}{
		{"the first", func() {}, 1},
		{"the same again", func() {}, 1},
		{"the same over drift", func() { s.Edit("servers.conf") }, 2},
		{"the same after a site got lost", func() { s.Lose("site_1") }, 3},
		{"another generation", func() { update = s.update(one) }, 4},
		{"one that is not proved", func() { s.SetNotProven("old workers"); update = s.update() }, 4},
	} {
		step.do()
		if _, err := s.send(update); (err != nil) != (i == 5) || s.Host.Writes() != step.want {
			t.Errorf("%s: %v, %d writes, want %d", step.what, err, s.Host.Writes(), step.want)
		}
	}
}

func TestHost_versions(t *testing.T) {
	s := newSender(t)
	before := s.state()
	s.SetNginxVersion("1.28.0")
	if after := s.state(); before.NginxVersion == "" || after.NginxVersion != "1.28.0" || before.RendererVersion == "" || after.RendererVersion != before.RendererVersion {
		t.Errorf("before %+v, after %+v", before, after)
	}
}
