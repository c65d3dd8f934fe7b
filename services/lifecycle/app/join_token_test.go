package app_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/siteplane/siteplane/services/lifecycle/app"
	"github.com/siteplane/siteplane/services/lifecycle/app/apptest"
	"github.com/siteplane/siteplane/services/lifecycle/edge"
	"github.com/siteplane/siteplane/services/lifecycle/id"
)

// token makes a join token for an edge of a name.
func (s scene) token(name string) app.NewJoinToken {
	s.t.Helper()
	made, err := s.App.CreateJoinToken(s.t.Context(), s.PlatformAdmin(), app.TokenAsked{Name: name}, "")
	must(s.t, err)
	return made
}

// tokens are the ids of those that can be used.
func (s scene) tokens() (ids []id.JoinToken) {
	s.t.Helper()
	tokens, err := s.App.ListJoinTokens(s.t.Context())
	must(s.t, err)
	for _, token := range tokens {
		ids = append(ids, token.ID)
	}
	return ids
}

func TestCreateJoinToken(t *testing.T) {
	t.Run("reserves an id for a new edge", func(t *testing.T) {
		s := stage(t)
		made, err := s.App.CreateJoinToken(t.Context(), s.Caller, app.TokenAsked{
			Name: "fra1", Labels: edge.Labels{"zone": "fra"}, PublicAddresses: []string{"192.0.2.1"}, Lifetime: time.Minute,
		}, "")
		must(t, err)
		got := made.Token
		if got.EdgeID == "" || got.EdgeID == s.EdgeIDs()[0] || got.Name != "fra1" || got.Labels["zone"] != "fra" || len(got.PublicAddresses) != 1 ||
			!got.ExpiresAt.Equal(s.Clock.Now().Add(time.Minute)) {
			t.Errorf("the token is %+v", got)
		}
		if len(s.edges()) != 1 {
			t.Error("the edge is there already")
		}
	})
	t.Run("lets a host become an edge that is there, as that is", func(t *testing.T) {
		s := stage(t)
		e := s.Edge(s.EdgeIDs()[0])
		made, err := s.App.CreateJoinToken(t.Context(), s.Caller, app.TokenAsked{Name: e.Name, Labels: edge.Labels{"other": "x"}, PublicAddresses: []string{"192.0.2.9"}}, "")
		must(t, err)
		if got := made.Token; got.EdgeID != e.ID || len(got.Labels) != 0 || !slices.Equal(got.PublicAddresses, e.PublicAddresses) {
			t.Errorf("the token is %+v", got)
		}
	})
	t.Run("reserves another id for the name of an evicted edge", func(t *testing.T) {
		s := stage(t)
		e := s.Edge(s.EdgeIDs()[0])
		_, err := s.App.EvictEdge(t.Context(), s.Caller, e.ID, "")
		must(t, err)
		if got := s.token(e.Name).Token; got.EdgeID == e.ID {
			t.Error("an evicted edge can be joined")
		}
	})
	t.Run("ends the token of that name that was made before", func(t *testing.T) {
		s := stage(t)
		first, other := s.token("fra1"), s.token("fra2")
		second := s.token("fra1")
		if got, want := s.tokens(), []id.JoinToken{second.Token.ID, other.Token.ID}; !slices.Equal(got, want) {
			t.Errorf("the tokens are %v, want %v without %s", got, want, first.Token.ID)
		}
		s.wantRefused(s.join(first, "key"))
	})
	t.Run("holds ten minutes and no longer", func(t *testing.T) {
		s := stage(t)
		if got := s.token("fra1").Token; !got.ExpiresAt.Equal(s.Clock.Now().Add(10 * time.Minute)) {
			t.Errorf("it ends at %s", got.ExpiresAt)
		}
		for _, lifetime := range []time.Duration{10*time.Minute + 1, -1} {
			_, err := s.App.CreateJoinToken(t.Context(), s.Caller, app.TokenAsked{Name: "fra2", Lifetime: lifetime}, "")
			wantViolation(t, err, "lifetime", "")
		}
	})
	t.Run("shows its text once", func(t *testing.T) {
		s := stage(t)
		var ids []id.JoinToken
		for _, shown := range []bool{true, false} {
			made, err := s.App.CreateJoinToken(t.Context(), s.Caller, app.TokenAsked{Name: "fra1"}, "request-1")
			if err != nil || (made.Text != "") != shown || made.Token.SecretHash != [32]byte{} {
				t.Errorf("got %+v, %v", made, err)
			}
			ids = append(ids, made.Token.ID)
		}
		if ids[0] != ids[1] {
			t.Errorf("the repeated request made another: %v", ids)
		}
	})
	t.Run("keeps its secret nowhere", func(t *testing.T) {
		s := stage(t)
		made, err := s.App.CreateJoinToken(t.Context(), s.Caller, app.TokenAsked{Name: "fra1"}, "request-1")
		must(t, err)
		_, err = s.join(made, "key")
		must(t, err)
		parts := strings.Split(made.Text.Reveal(), ".")
		if len(parts) != 3 || parts[0] != string(made.Token.ID) {
			t.Fatalf("the text has %d parts", len(parts))
		}
		files := s.Files()
		if !bytes.Contains(files, []byte(parts[0])) {
			t.Fatal("these are not the database's files")
		}
		if bytes.Contains(files, []byte(parts[1])) {
			t.Error("the secret is in the database")
		}
	})
	t.Run("is refused where nothing issues certificates", func(t *testing.T) {
		w := apptest.New(t, apptest.Options{})
		without, err := app.New(app.WithStore(w.Store), app.WithEdge(w.Edges), app.WithTunnel(w.Tunnel), app.WithDNS(w.DNS))
		must(t, err)
		_, err = without.CreateJoinToken(t.Context(), w.Caller, app.TokenAsked{Name: "fra1"}, "")
		wantPrecondition(t, err)
		if !strings.Contains(err.Error(), "--issuing-ca") {
			t.Errorf("it does not say what to do: %v", err)
		}
	})
}

func TestListJoinTokens_shows_those_that_can_be_used(t *testing.T) {
	s := stage(t)
	used, ended, deleted := s.token("used"), s.token("ended"), s.token("deleted")
	_, err := s.join(used, "key")
	must(t, err)
	must(t, s.App.DeleteJoinToken(t.Context(), s.Caller, deleted.Token.ID, ""))
	wantNotFound(t, s.App.DeleteJoinToken(t.Context(), s.Caller, deleted.Token.ID, ""))
	if got := s.tokens(); !slices.Equal(got, []id.JoinToken{ended.Token.ID}) {
		t.Errorf("the tokens are %v", got)
	}
	s.Clock.Advance(10 * time.Minute)
	if got := s.tokens(); len(got) != 0 {
		t.Errorf("the tokens are %v", got)
	}
	s.wantRefused(s.join(deleted, "key"))
}

func TestPruneTokens(t *testing.T) {
	s := stage(t)
	old := s.token("old")
	s.Clock.Advance(70*time.Minute + time.Second)
	young := s.token("young")
	must(t, s.App.PruneTokens(t.Context()))
	rows := s.Dump()["join_token"]
	if len(rows) != 1 || !strings.Contains(rows[0], string(young.Token.ID)) {
		t.Errorf("kept are %v, not only %s, of which %s is old", rows, young.Token.ID, old.Token.ID)
	}
}
