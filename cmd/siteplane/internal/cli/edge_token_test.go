package cli_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/siteplane/siteplane/cmd/siteplane/internal/cli"
	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
	"github.com/siteplane/siteplane/internal/platform/rpcerr"
)

func TestEdgeToken(t *testing.T) {
	for _, test := range []struct {
		name string
		args []string
	}{
		{"edge_tokens", []string{"edge", "tokens"}},
		{"edge_revoke", []string{"edge", "revoke", "join_01.secret.digest"}},
		{"edge_evict", []string{"edge", "evict", "paris", "--yes"}},
	} {
		for _, format := range []string{"table", "json", "yaml"} {
			t.Run(test.name+"/"+format, func(t *testing.T) {
				r := setup(t)
				troubled(r.infrastructure)
				r.golden(test.name+"."+format, cli.ExitOK, append(test.args, "-o", format)...)
			})
		}
	}
	t.Run("goes alone to the standard output", func(t *testing.T) {
		r := setup(t)
		got := r.run("edge", "token", "fra1", "--server", "lifecycle.example.com:9094")
		if got.code != cli.ExitOK || got.stdout != "join_01.secret.digest\n" {
			t.Errorf("exit code %d, stdout %q", got.code, got.stdout)
		}
		for _, want := range []string{"fra1 (edge_03)", "in 10m", "siteplane edge join --server lifecycle.example.com:9094 --advertise ADDRESS-OF-THAT-HOST:9091"} {
			if !strings.Contains(got.stderr, want) {
				t.Errorf("%q does not say %q", got.stderr, want)
			}
		}
		if strings.Contains(got.stderr, "secret") {
			t.Error("the token is where logs are")
		}
	})
	t.Run("says so when it was shown before", func(t *testing.T) {
		got := setup(t).run("edge", "token", "fra1", "--request-id", "repeated")
		if got.code != cli.ExitOK || got.stdout != "" || !strings.Contains(got.stderr, "was shown the first time") {
			t.Errorf("exit code %d, stdout %q, stderr %q", got.code, got.stdout, got.stderr)
		}
	})
	t.Run("is JSON where that is asked for", func(t *testing.T) {
		r := setup(t)
		got := r.run("edge", "token", "fra1", "-o", "json")
		if !strings.Contains(got.stdout, `"token": "join_01.secret.digest"`) {
			t.Errorf("stdout %q", got.stdout)
		}
	})
}

func TestEdgeToken_sends(t *testing.T) {
	for _, test := range []struct {
		args []string
		want any
	}{
		{
			[]string{"edge", "token", "fra1"},
			&lifecyclev1.CreateJoinTokenRequest{Name: "fra1", Lifetime: durationpb.New(10 * time.Minute), RequestId: "new-request-id"},
		},
		{
			[]string{"edge", "token", "fra1", "--label", "region=eu", "--label", "canary=true", "--public-address", "203.0.113.7", "--public-address", "2001:db8::7", "--lifetime", "1m"},
			&lifecyclev1.CreateJoinTokenRequest{
				Name: "fra1", Labels: &lifecyclev1.EdgeLabels{Labels: map[string]string{"region": "eu", "canary": "true"}},
				PublicAddresses: &lifecyclev1.EdgeAddresses{Addresses: []string{"203.0.113.7", "2001:db8::7"}},
				Lifetime:        durationpb.New(time.Minute), RequestId: "new-request-id",
			},
		},
		{[]string{"edge", "revoke", "join_01.secret.digest"}, &lifecyclev1.DeleteJoinTokenRequest{JoinTokenId: "join_01", RequestId: "new-request-id"}},
		{[]string{"edge", "evict", "frankfurt", "--yes"}, &lifecyclev1.EvictEdgeRequest{EdgeId: "edge_01", RequestId: "new-request-id"}},
	} {
		r := setup(t)
		troubled(r.infrastructure)
		if got := r.run(test.args...); got.code != cli.ExitOK {
			t.Errorf("%v: %s", test.args, got.stderr)
		}
		sent := false
		for _, request := range r.sites.requests {
			sent = sent || cmp.Equal(request, test.want, protocmp.Transform())
		}
		if !sent {
			t.Errorf("%v sent %v, and not %v", test.args, r.sites.requests, test.want)
		}
	}
}

func TestEdgeToken_refuses(t *testing.T) {
	for name, args := range map[string][]string{
		"edge_token_address":  {"edge", "token", "fra1", "--public-address", "example.com"},
		"edge_token_lifetime": {"edge", "token", "fra1", "--lifetime", "11m"},
		"edge_token_label":    {"edge", "token", "fra1", "--label", "region"},
	} {
		r := setup(t)
		r.golden(name, cli.ExitUsage, args...)
		if len(r.sites.requests) != 0 {
			t.Errorf("%v was sent", args)
		}
	}
	r := setup(t)
	r.sites.fail = rpcerr.New(codes.NotFound, "NOT_FOUND", `join token "join_02" not found`)
	r.golden("edge_revoke_missing", cli.ExitNotFound, "edge", "revoke", "join_02")
}

func TestEdgeEvict_asks(t *testing.T) {
	for _, test := range []struct {
		stdin string
		code  int
		says  string
	}{
		{"yes\n", cli.ExitOK, "Evict frankfurt (edge_01)?"},
		{"no\n", cli.ExitUsage, "nothing was done"},
		{"\n", cli.ExitUsage, "nothing was done"},
		{"", cli.ExitUsage, "give --yes"},
	} {
		r := setup(t)
		troubled(r.infrastructure)
		r.stdin = test.stdin
		got := r.run("edge", "evict", "frankfurt")
		if got.code != test.code || !strings.Contains(got.stderr, test.says) {
			t.Errorf("to %q: exit code %d, %s", test.stdin, got.code, got.stderr)
		}
		evicted := r.infrastructure.edges[0].GetState() == lifecyclev1.EdgeState_EDGE_STATE_EVICTED
		if evicted != (test.code == cli.ExitOK) {
			t.Errorf("to %q: evicted %t", test.stdin, evicted)
		}
	}
}

// A name that an evicted edge had means the one that has it now.
func TestEdgeEvict_means_the_edge_that_is_there(t *testing.T) {
	r := setup(t)
	r.infrastructure.edges = []*lifecyclev1.Edge{
		{EdgeId: "edge_01", Name: "fra1", State: lifecyclev1.EdgeState_EDGE_STATE_EVICTED},
		{EdgeId: "edge_02", Name: "fra1", State: lifecyclev1.EdgeState_EDGE_STATE_JOINED},
	}
	if got := r.run("edge", "evict", "fra1", "--yes"); got.code != cli.ExitOK {
		t.Fatal(got.stderr)
	}
	for _, edge := range r.infrastructure.edges {
		if edge.GetState() != lifecyclev1.EdgeState_EDGE_STATE_EVICTED {
			t.Errorf("%s is %s", edge.GetEdgeId(), edge.GetState())
		}
	}
}
