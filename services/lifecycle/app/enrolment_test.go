package app_test

import (
	"bytes"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/siteplane/siteplane/internal/platform/secret"
	"github.com/siteplane/siteplane/services/lifecycle/admin"
	"github.com/siteplane/siteplane/services/lifecycle/app"
	"github.com/siteplane/siteplane/services/lifecycle/app/apptest"
	"github.com/siteplane/siteplane/services/lifecycle/edge"
	"github.com/siteplane/siteplane/services/lifecycle/worker"
)

// agentAddress is where hosts say that their agents are.
const agentAddress = "192.0.2.1:9091"

// join has a host with a key join with a token.
func (s scene) join(made app.NewJoinToken, key string) (app.Joined, error) {
	s.t.Helper()
	return s.App.JoinEdge(s.t.Context(), app.Join{Token: made.Text, Request: []byte(key), Address: agentAddress, From: "192.0.2.1"})
}

func (s scene) wantRefused(_ app.Joined, err error) {
	s.t.Helper()
	var refused *app.JoinRefusedError
	if !errors.As(err, &refused) {
		s.t.Errorf("got %v, want the token refused", err)
	}
}

func TestJoinEdge_makes_a_new_edge(t *testing.T) {
	s := stage(t)
	made, err := s.App.CreateJoinToken(t.Context(), s.PlatformAdmin(), app.TokenAsked{
		Name: "fra1", Labels: edge.Labels{"zone": "fra"}, PublicAddresses: []string{"192.0.2.1"},
	}, "")
	must(t, err)
	before := s.Dump()
	joined, err := s.join(made, "key")
	must(t, err)
	e := s.Edge(made.Token.EdgeID)
	if joined.EdgeID != e.ID || joined.Name != "fra1" || len(joined.Certificate) == 0 || string(joined.CA) != "CA" {
		t.Errorf("the host is told %+v", joined)
	}
	if e.Name != "fra1" || e.Address != agentAddress || e.Labels["zone"] != "fra" || !slices.Equal(e.PublicAddresses, []string{"192.0.2.1"}) || !e.NeedsWhole {
		t.Errorf("the edge is %+v", e)
	}
	if c := e.Certificate; c.Serial == "" || c.Previous != "" || !c.JoinedAt.Equal(s.Clock.Now()) || !c.ExpiresAt.Equal(joined.ExpiresAt) {
		t.Errorf("its certificate is %+v", c)
	}
	if !s.dueNow(worker.Edge, string(e.ID)) {
		t.Error("it is not looked at")
	}
	added := s.Dump().Added(before)
	if added["audit"] != 1 || added["outbox"] != 1 {
		t.Errorf("added were %v", added)
	}
	entries, err := s.App.ListAudit(t.Context(), s.PlatformAdmin(), admin.AuditPage{ObjectID: string(e.ID), Limit: 10}, true)
	must(t, err)
	if len(entries) != 1 || entries[0].Actor != "edge:fra1" || entries[0].Action != "JoinEdge" || entries[0].Address != "192.0.2.1" || entries[0].TenantID != "" {
		t.Errorf("the audit says %+v", entries)
	}
	t.Run("that is served once it answers", func(t *testing.T) {
		s.Edges.Host(e.ID)
		s.Run()
		if e := s.Edge(e.ID); !e.Synced() {
			t.Errorf("the edge is %+v", e)
		}
	})
}

func TestJoinEdge_lets_a_host_become_an_edge_again(t *testing.T) {
	s := stage(t)
	was := s.Edge(s.EdgeIDs()[0])
	if was.NeedsWhole {
		t.Fatal("the edge has proved nothing")
	}
	joined, err := s.join(s.token(was.Name), "key")
	must(t, err)
	e := s.Edge(was.ID)
	if joined.EdgeID != was.ID || e.Address != agentAddress || !slices.Equal(e.PublicAddresses, was.PublicAddresses) || !e.NeedsWhole {
		t.Errorf("the edge is %+v, was %+v", e, was)
	}
	if len(s.edges()) != 1 {
		t.Error("there is another edge")
	}
}

func TestJoinEdge_a_token_is_for_one_host(t *testing.T) {
	s := stage(t)
	made := s.token("fra1")
	first, err := s.join(made, "key")
	must(t, err)
	s.wantRefused(s.join(made, "another key"))
	t.Run("which may ask again with the same key", func(t *testing.T) {
		again, err := s.join(made, "key")
		must(t, err)
		if again.EdgeID != first.EdgeID || bytes.Equal(again.Certificate, first.Certificate) {
			t.Errorf("got %+v after %+v", again, first)
		}
		if c := s.Edge(first.EdgeID).Certificate; c.Serial != "2" || c.Previous != "1" { // it has one of the two
			t.Errorf("the certificate is %+v", c)
		}
	})
	t.Run("until it ends", func(t *testing.T) {
		s.Clock.Advance(10 * time.Minute)
		s.wantRefused(s.join(made, "key"))
	})
}

func TestJoinEdge_refuses(t *testing.T) {
	for name, c := range map[string]struct {
		prepare func(s scene, made *app.NewJoinToken)
		why     string
	}{
		"a token that has ended":        {func(s scene, _ *app.NewJoinToken) { s.Clock.Advance(10 * time.Minute) }, "it has ended"},
		"a token that nobody made":      {func(_ scene, made *app.NewJoinToken) { made.Text = "join_1" + made.Text[len(made.Token.ID):] }, "it is unknown"},
		"a secret of another token":     {func(s scene, made *app.NewJoinToken) { made.Text = mixed(*made, s.token("other")) }, "its secret is another one"},
		"a token of another CA":         {func(_ scene, made *app.NewJoinToken) { made.Text = otherCA(*made) }, "no token of this installation"},
		"a text that is none":           {func(_ scene, made *app.NewJoinToken) { made.Text = "none" }, "no token of this installation"},
		"an empty text":                 {func(_ scene, made *app.NewJoinToken) { made.Text = ".." }, "no token of this installation"},
		"a token that was used":         {func(s scene, made *app.NewJoinToken) { _, err := s.join(*made, "first"); must(s.t, err) }, "another host has used it"},
		"an edge that was evicted then": {func(s scene, made *app.NewJoinToken) { *made = s.token("edgea"); s.evict() }, "its edge was evicted"},
		"a name that was taken then": {func(s scene, made *app.NewJoinToken) {
			e := s.Edge(s.EdgeIDs()[0])
			e.ID, e.Name = "edge_2", made.Token.Name
			must(s.t, app.EnsureEdge(s.t.Context(), s.Store, e))
		}, "another edge has the name by now"},
	} {
		t.Run(name, func(t *testing.T) {
			var logs bytes.Buffer
			w := apptest.New(t, apptest.Options{Logger: slog.New(slog.NewTextHandler(&logs, nil))})
			w.Run()
			s := scene{w, t}
			made := s.token("fra1")
			c.prepare(s, &made)
			before := s.Dump()
			_, err := s.join(made, "key")
			s.wantRefused(app.Joined{}, err)
			if err.Error() != (&app.JoinRefusedError{}).Error() {
				t.Errorf("the host reads %q", err)
			}
			if !strings.Contains(logs.String(), c.why) {
				t.Errorf("operators do not read %q in %s", c.why, logs.String())
			}
			for _, part := range strings.Split(made.Text.Reveal(), ".")[1:] {
				if part != "" && strings.Contains(logs.String(), part) {
					t.Error("the log has the token's secret")
				}
			}
			if added := s.Dump().Added(before); len(added) != 0 {
				t.Errorf("written were %v", added)
			}
		})
	}
}

// evict evicts the first edge.
func (s scene) evict() {
	s.t.Helper()
	_, err := s.App.EvictEdge(s.t.Context(), s.PlatformAdmin(), s.EdgeIDs()[0], "")
	must(s.t, err)
}

// mixed is the text of one token with the secret of another.
func mixed(made, other app.NewJoinToken) secret.Secret {
	parts, others := strings.Split(made.Text.Reveal(), "."), strings.Split(other.Text.Reveal(), ".")
	return secret.Secret(parts[0] + "." + others[1] + "." + parts[2])
}

// otherCA is the text of a token with its secret in place of the CA.
func otherCA(made app.NewJoinToken) secret.Secret {
	parts := strings.Split(made.Text.Reveal(), ".")
	return secret.Secret(parts[0] + "." + parts[1] + "." + parts[1])
}

func TestJoinEdge_wants_an_address_that_can_be_called(t *testing.T) {
	s := stage(t)
	made := s.token("fra1")
	for _, address := range []string{"", "host", ":9091", "host:", "host:0", "host:99999", "host:http", "a:b:c"} {
		_, err := s.App.JoinEdge(t.Context(), app.Join{Token: made.Text, Request: []byte("key"), Address: address})
		wantViolation(t, err, "address", "")
	}
	for _, address := range []string{"host:9091", "[2001:db8::1]:9091"} {
		_, err := s.App.JoinEdge(t.Context(), app.Join{Token: made.Text, Request: []byte("key"), Address: address})
		must(t, err)
	}
}

func TestJoinEdge_bounds_the_tries(t *testing.T) {
	s := stage(t)
	made := s.token("fra1")
	var busy *app.BusyError
	var err error
	for range 100 {
		if _, err = s.join(app.NewJoinToken{Text: "none"}, "key"); errors.As(err, &busy) {
			break
		}
	}
	if busy == nil || busy.RetryAfter <= 0 {
		t.Fatalf("a hundred tries at once end with %v", err)
	}
	s.Clock.Advance(time.Second)
	_, err = s.join(made, "key")
	must(t, err)
}
