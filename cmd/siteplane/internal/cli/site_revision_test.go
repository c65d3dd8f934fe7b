package cli_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/siteplane/siteplane/cmd/siteplane/internal/cli"
	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
	"github.com/siteplane/siteplane/internal/platform/rpcerr"
)

// revisions are those of a site whose last update changed nothing, and whose edges
// are one behind.
func revisions() []*lifecyclev1.SiteRevision {
	routed := originSpec("127.0.0.1:9001")
	routed.Routes = []*lifecyclev1.Route{{PathPrefix: "/api/", Origin: originSpec("127.0.0.1:9002").GetOrigin()}}
	routed.Options = &lifecyclev1.SiteOptions{Websocket: true, ResponseHeaders: []*lifecyclev1.Header{{Name: "X-A", Value: hostile}}}
	return []*lifecyclev1.SiteRevision{
		{Number: 4, Spec: proto.CloneOf(routed), Wanted: true, Actor: "key:key_02", CreateTime: ago(time.Minute)},
		{Number: 3, Spec: routed, Confirmed: true, Actor: "key:key_01", CreateTime: ago(time.Hour)},
		{Number: 2, Spec: originSpec("127.0.0.1:9000"), RollbackOf: 1, Actor: "key:key_01", CreateTime: ago(3 * time.Hour)},
		{Number: 1, Spec: originSpec("127.0.0.1:9000"), CreateTime: ago(72 * time.Hour)},
	}
}

func TestSiteRevisions(t *testing.T) {
	for _, format := range []string{"table", "json", "yaml"} {
		r := setup(t)
		r.sites.revisions = revisions()
		r.golden("revisions."+format, cli.ExitOK, "site", "revisions", "site_01", "-o", format)
	}
}

func TestSiteDiff(t *testing.T) {
	for _, format := range []string{"table", "json", "yaml"} {
		r := setup(t)
		r.sites.revisions = revisions()
		r.golden("diff."+format, cli.ExitOK, "site", "diff", "site_01", "2", "-o", format)
	}
	for name, test := range map[string]struct {
		confirmed int64
		args      []string
		says      string
	}{
		"from what the edges have proved":      {3, nil, "no difference between revision 3 and revision 4"},
		"from the one before where that is it": {4, nil, "--- revision 2\n+++ revision 4\n"},
		"between two that are named":           {3, []string{"3", "1"}, "--- revision 3\n+++ revision 1\n"},
	} {
		t.Run(name, func(t *testing.T) {
			r := setup(t)
			r.sites.revisions = revisions()
			for _, revision := range r.sites.revisions {
				revision.Confirmed = revision.GetNumber() == test.confirmed
			}
			if got := r.run(append([]string{"site", "diff", "site_01"}, test.args...)...); got.code != cli.ExitOK || !strings.Contains(got.stdout, test.says) {
				t.Errorf("exit code %d, said %q%s", got.code, got.stdout, got.stderr)
			}
		})
	}
	t.Run("of a first revision with itself is none", func(t *testing.T) {
		r := setup(t)
		r.sites.revisions = []*lifecyclev1.SiteRevision{{Number: 1, Spec: originSpec("127.0.0.1:9000"), Wanted: true, Confirmed: true}}
		r.golden("diff_none", cli.ExitOK, "site", "diff", "site_01")
	})
	t.Run("of one that is not there", func(t *testing.T) {
		r := setup(t)
		r.sites.revisions = revisions()
		r.golden("diff_missing", cli.ExitNotFound, "site", "diff", "site_01", "9")
	})
	t.Run("has colours on a terminal", func(t *testing.T) {
		r := setup(t)
		r.sites.revisions, r.terminal = revisions(), true
		if got := r.run("site", "diff", "site_01", "2"); !strings.Contains(got.stdout, "\x1b[32m+  response_headers") && !strings.Contains(got.stdout, "\x1b[32m+") {
			t.Error(got.stdout)
		}
	})
}

func TestSiteRollback(t *testing.T) {
	tests := []struct {
		name string
		args []string
		want int64
	}{
		{"rollback", nil, 2},
		{"rollback_to", []string{"--to", "3"}, 3},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := setup(t)
			r.sites.begun, r.sites.revisions = pendingSite(), revisions()
			r.golden(test.name, cli.ExitOK, append([]string{"site", "rollback", "site_01"}, test.args...)...)
			want := &lifecyclev1.RollbackSiteRequest{SiteId: "site_01", Revision: test.want, RequestId: "new-request-id"}
			if diff := cmp.Diff(any(want), r.sites.requests[len(r.sites.requests)-1], protocmp.Transform()); diff != "" {
				t.Error(diff)
			}
		})
	}
	t.Run("waits until the edges have proved it", func(t *testing.T) {
		r := setup(t)
		begun, proved := pendingSite(), pendingSite()
		proved.Site.ConfirmedRevision = proved.Site.GetRevision()
		r.sites.begun, r.sites.looks = begun, []look{{found: begun}, {found: proved}}
		r.golden("rollback_wait", cli.ExitOK, "site", "rollback", "site_01", "--to", "2", "--wait")
	})
	t.Run("of a site that never was otherwise", func(t *testing.T) {
		r := setup(t)
		r.sites.revisions = revisions()[:2]
		r.golden("rollback_nothing", cli.ExitNotFound, "site", "rollback", "site_01")
	})
	t.Run("to a revision that is not there", func(t *testing.T) {
		r := setup(t)
		r.sites.fail = rpcerr.New(codes.NotFound, "NOT_FOUND", "revision 9 not found")
		r.golden("rollback_missing", cli.ExitNotFound, "site", "rollback", "site_01", "--to", "9")
	})
}
