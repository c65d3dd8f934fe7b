package app_test

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/siteplane/siteplane/services/lifecycle/app"
	"github.com/siteplane/siteplane/services/lifecycle/app/apptest"
	"github.com/siteplane/siteplane/services/lifecycle/id"
)

// renew has a host renew with the certificate of a serial, which is as old as now.
func (s scene) renew(edgeID id.Edge, serial string) (app.Joined, error) {
	s.t.Helper()
	s.Clock.Advance(time.Minute) // not more than an edge may ask
	return s.App.RenewEdge(s.t.Context(), app.Renewal{EdgeID: edgeID, Serial: serial, NotBefore: s.Clock.Now(), Request: []byte("next key")})
}

// joined is an edge that a host has joined as; its certificate has the serial 1.
func joined(t *testing.T, logs ...slog.Handler) (scene, id.Edge) {
	t.Helper()
	opts := apptest.Options{Edges: -1}
	for _, h := range logs {
		opts.Logger = slog.New(h)
	}
	s := scene{apptest.New(t, opts), t}
	got, err := s.join(s.token("fra1"), "key")
	must(t, err)
	s.Edges.Host(got.EdgeID)
	s.Run()
	return s, got.EdgeID
}

func wantCloned(t *testing.T, err error) {
	t.Helper()
	var cloned *app.ClonedError
	if !errors.As(err, &cloned) || !strings.Contains(err.Error(), "evict") {
		t.Errorf("got %v, want the edge cloned", err)
	}
}

func TestRenewEdge(t *testing.T) {
	t.Run("gives the next certificate for the last one", func(t *testing.T) {
		s, e := joined(t)
		for _, serial := range []string{"1", "2", "3"} {
			renewed, err := s.renew(e, serial)
			must(t, err)
			if len(renewed.Certificate) == 0 || len(renewed.CA) == 0 || renewed.ExpiresAt.IsZero() {
				t.Errorf("the host is told %+v", renewed)
			}
		}
		if c := s.Edge(e).Certificate; c.Serial != "4" || c.Previous != "3" {
			t.Errorf("the certificate is %+v", c)
		}
	})
	t.Run("gives it again when the answer was lost", func(t *testing.T) {
		s, e := joined(t)
		for range 3 {
			_, err := s.renew(e, "1")
			must(t, err)
		}
		_, err := s.renew(e, "4") // the last of the three arrived
		must(t, err)
	})
	t.Run("adopts a certificate that was made by hand", func(t *testing.T) {
		s := stage(t)
		e := s.EdgeIDs()[0]
		_, err := s.renew(e, "made by hand")
		must(t, err)
		if c := s.Edge(e).Certificate; c.Serial != "1" || c.Previous != "made by hand" {
			t.Errorf("the certificate is %+v", c)
		}
		_, err = s.renew(e, "another made by hand")
		wantCloned(t, err)
	})
	t.Run("gives an evicted or unknown edge none", func(t *testing.T) {
		s, e := joined(t)
		_, err := s.App.EvictEdge(t.Context(), s.PlatformAdmin(), e, "")
		must(t, err)
		for _, of := range []id.Edge{e, "edge_unknown"} {
			_, err := s.renew(of, "1")
			var evicted *app.EvictedError
			if !errors.As(err, &evicted) {
				t.Errorf("got %v", err)
			}
		}
	})
	t.Run("bounds how often an edge may ask, and no other edge by it", func(t *testing.T) {
		s, e := joined(t)
		var busy *app.BusyError
		for range 20 {
			_, err := s.App.RenewEdge(t.Context(), app.Renewal{EdgeID: e, Serial: "1", NotBefore: s.Clock.Now()})
			if errors.As(err, &busy) {
				break
			}
		}
		if busy == nil {
			t.Error("an edge may ask as often as it likes")
		}
		other, err := s.join(s.token("fra2"), "key")
		must(t, err)
		_, err = s.App.RenewEdge(t.Context(), app.Renewal{EdgeID: other.EdgeID, Serial: s.Edge(other.EdgeID).Certificate.Serial, NotBefore: s.Clock.Now()})
		must(t, err)
	})
}

// Two hosts that are copies of each other are found by the first renewal that does not
// follow from the one before.
func TestRenewEdge_finds_a_clone(t *testing.T) {
	var logs bytes.Buffer
	s, e := joined(t, slog.NewTextHandler(&logs, nil))
	_, err := s.renew(e, "1") // the first host, which has 2 from now on
	must(t, err)
	_, err = s.renew(e, "1") // its copy, which has 3: the answer to the first may have been lost
	must(t, err)
	_, err = s.renew(e, "2")
	wantCloned(t, err)
	if !strings.Contains(logs.String(), "edge was cloned") {
		t.Error("operators do not read of it")
	}
	t.Run("and lets neither renew", func(t *testing.T) {
		for _, serial := range []string{"1", "2", "3", "cloned", ""} {
			_, err := s.renew(e, serial)
			wantCloned(t, err)
		}
	})
	t.Run("and shows it until a host joins anew", func(t *testing.T) {
		s.RunFor(time.Minute) // it is looked at, and well in all else
		if got := s.edges()[0].Edge; got.FaultReason != "EDGE_CLONED" || !strings.Contains(got.FaultMessage, "join anew") {
			t.Errorf("the fault is %s: %s", got.FaultReason, got.FaultMessage)
		}
		_, err := s.join(s.token("fra1"), "fresh key")
		must(t, err)
		if got := s.edges()[0].Edge; got.FaultReason != "" || got.ID != e {
			t.Errorf("the edge is %+v", got)
		}
	})
}

// A host that joins anew at once need not wait for a look until its edge is well.
func TestJoinEdge_ends_the_fault_of_a_clone(t *testing.T) {
	s, e := joined(t)
	_, err := s.renew(e, "of nobody")
	wantCloned(t, err)
	if got := s.Edge(e).FaultReason; got != "EDGE_CLONED" {
		t.Errorf("the fault is %q", got)
	}
	_, err = s.join(s.token("fra1"), "fresh key")
	must(t, err)
	if got := s.Edge(e); got.FaultReason != "" || got.FaultMessage != "" {
		t.Errorf("the fault is %q: %q", got.FaultReason, got.FaultMessage)
	}
}

// The host that was the edge before may still run. It cannot renew, and keeps the one
// that joined after it from nothing.
func TestRenewEdge_a_former_host_does_no_harm(t *testing.T) {
	s, e := joined(t)
	old := s.Clock.Now()
	s.Clock.Advance(time.Hour)
	_, err := s.join(s.token("fra1"), "fresh key")
	must(t, err)
	_, err = s.App.RenewEdge(t.Context(), app.Renewal{EdgeID: e, Serial: "1", NotBefore: old, Request: []byte("k")})
	wantCloned(t, err)
	if got := s.edges()[0].Edge; got.FaultReason != "" {
		t.Errorf("the fault is %s", got.FaultReason)
	}
	_, err = s.renew(e, "2")
	must(t, err)
}
