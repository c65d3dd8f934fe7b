package cli_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"github.com/siteplane/siteplane/cmd/siteplane/internal/cli"
	diagnosisv1 "github.com/siteplane/siteplane/gen/siteplane/diagnosis/v1"
	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
	"github.com/siteplane/siteplane/internal/platform/rpcerr"
)

// fullSpec has something in every part.
func fullSpec() *lifecyclev1.SiteSpec {
	spec := originSpec("10.0.0.1:80")
	spec.Routes = []*lifecyclev1.Route{{PathPrefix: "/api/", StripPrefix: true, Origin: originSpec("10.0.0.2:80").GetOrigin()}}
	spec.Options = &lifecyclev1.SiteOptions{
		MaxBodyBytes: 5, Websocket: true, ConnectTimeout: durationpb.New(time.Second), ReadTimeout: durationpb.New(time.Minute),
		ResponseHeaders: []*lifecyclev1.Header{{Name: "X-A", Value: "1"}}, RequestHeaders: []*lifecyclev1.Header{{Name: "X-B", Value: "2"}},
	}
	return spec
}

func redirectTo(url string, code uint32) *lifecyclev1.SiteSpec_Redirect {
	return &lifecyclev1.SiteSpec_Redirect{Redirect: &lifecyclev1.Redirect{BaseUrl: url, StatusCode: code}}
}

func TestSiteUpdate_leaves_what_no_flag_names(t *testing.T) {
	redirecting := fullSpec()
	redirecting.Backend = redirectTo("https://x.example", 302)
	tests := []struct {
		name   string
		args   []string
		before *lifecyclev1.SiteSpec
		change func(*lifecyclev1.SiteSpec)
	}{
		{"origin", []string{"--origin", "10.0.0.9:80,3", "--origin", "10.0.0.8:80"}, fullSpec(), func(s *lifecyclev1.SiteSpec) {
			s.GetOrigin().Targets = []*lifecyclev1.Target{{Address: "10.0.0.9:80", Weight: 3}, {Address: "10.0.0.8:80"}}
		}},
		{"origin of a redirect", []string{"--origin", "10.0.0.9:80"}, redirecting, func(s *lifecyclev1.SiteSpec) { s.Backend = originSpec("10.0.0.9:80").Backend }},
		{"redirect", []string{"--redirect", "https://y.example"}, fullSpec(), func(s *lifecyclev1.SiteSpec) { s.Backend = redirectTo("https://y.example", 0) }},
		{"redirect of a redirect", []string{"--redirect", "https://y.example"}, redirecting, func(s *lifecyclev1.SiteSpec) { s.Backend = redirectTo("https://y.example", 302) }},
		{"code", []string{"--redirect-code", "307"}, redirecting, func(s *lifecyclev1.SiteSpec) { s.GetRedirect().StatusCode = 307 }},
		{"route", []string{"--route", "/b/=10.0.0.3:80"}, fullSpec(), func(s *lifecyclev1.SiteSpec) {
			s.Routes = []*lifecyclev1.Route{{PathPrefix: "/b/", Origin: originSpec("10.0.0.3:80").GetOrigin()}}
		}},
		{"no routes", []string{"--clear-routes"}, fullSpec(), func(s *lifecyclev1.SiteSpec) { s.Routes = nil }},
		{"body", []string{"--max-body", "1MiB"}, fullSpec(), func(s *lifecyclev1.SiteSpec) { s.Options.MaxBodyBytes = 1 << 20 }},
		{"connect", []string{"--connect-timeout", "2s"}, fullSpec(), func(s *lifecyclev1.SiteSpec) { s.Options.ConnectTimeout = durationpb.New(2 * time.Second) }},
		{"read", []string{"--read-timeout", "2s"}, fullSpec(), func(s *lifecyclev1.SiteSpec) { s.Options.ReadTimeout = durationpb.New(2 * time.Second) }},
		{"no websocket", []string{"--websocket=false"}, fullSpec(), func(s *lifecyclev1.SiteSpec) { s.Options.Websocket = false }},
		{"maintenance", []string{"--maintenance"}, fullSpec(), func(s *lifecyclev1.SiteSpec) { s.Options.Maintenance = true }},
		{"response header", []string{"--response-header", "X-C: 3"}, fullSpec(), func(s *lifecyclev1.SiteSpec) {
			s.Options.ResponseHeaders = []*lifecyclev1.Header{{Name: "X-C", Value: "3"}}
		}},
		{"request header", []string{"--request-header", "X-C: 3"}, fullSpec(), func(s *lifecyclev1.SiteSpec) {
			s.Options.RequestHeaders = []*lifecyclev1.Header{{Name: "X-C", Value: "3"}}
		}},
		{"no headers", []string{"--clear-response-headers", "--clear-request-headers"}, fullSpec(), func(s *lifecyclev1.SiteSpec) {
			s.Options.ResponseHeaders, s.Options.RequestHeaders = nil, nil
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := setup(t)
			found := activeSite()
			found.Site.Spec, found.Site.Etag = test.before, "7a"
			r.sites.begun, r.sites.looks = activeSite(), []look{{found: found}}
			if got := r.run(append([]string{"site", "update", "site_01"}, test.args...)...); got.code != cli.ExitOK {
				t.Fatal(got.stderr)
			}
			spec := proto.CloneOf(test.before)
			test.change(spec)
			want := []any{&lifecyclev1.GetSiteRequest{SiteId: "site_01"}, &lifecyclev1.UpdateSiteRequest{
				Site:       &lifecyclev1.Site{SiteId: "site_01", Spec: spec, Etag: "7a"},
				UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"spec"}}, RequestId: "new-request-id",
			}}
			if diff := cmp.Diff(want, r.sites.requests, protocmp.Transform()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestSiteUpdate_of_the_name_alone_reads_nothing(t *testing.T) {
	r := setup(t)
	r.sites.begun = activeSite()
	r.golden("update_name", cli.ExitOK, "site", "update", "site_01", "--name", "", "--request-id", "r")
	want := []any{&lifecyclev1.UpdateSiteRequest{
		Site: &lifecyclev1.Site{SiteId: "site_01"}, UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"name"}}, RequestId: "r",
	}}
	if diff := cmp.Diff(want, r.sites.requests, protocmp.Transform()); diff != "" {
		t.Error(diff)
	}
}

func TestSiteUpdate_refuses(t *testing.T) {
	t.Run("a code for a site that does not redirect", func(t *testing.T) {
		r := setup(t)
		r.sites.looks = []look{{found: activeSite()}}
		r.golden("update_code", cli.ExitUsage, "site", "update", "site_01", "--redirect-code", "301")
	})
	t.Run("a tombstone", func(t *testing.T) {
		r := setup(t)
		gone := siteIn(deleted)
		gone.Site.Spec = nil
		r.sites.looks = []look{{found: gone}}
		if got := r.run("site", "update", "site_01", "--websocket"); got.code != cli.ExitNotFound {
			t.Errorf("exit code %d\n%s", got.code, got.stderr)
		}
	})
	t.Run("what somebody else has changed meanwhile", func(t *testing.T) {
		r := setup(t)
		r.sites.fail = rpcerr.New(codes.Aborted, "LOST_RACE", "the object changed at the same time; read it again")
		got := r.run("site", "update", "site_01", "--name", "x")
		if got.code != cli.ExitConflict || !strings.Contains(got.stderr, "run the command again") {
			t.Errorf("exit code %d\n%s", got.code, got.stderr)
		}
	})
	t.Run("says how to repeat what nobody answered", func(t *testing.T) {
		r := setup(t)
		r.sites.fail = status.Error(codes.Unavailable, "try later")
		if got := r.run("site", "update", "site_01", "--name", "x"); !strings.Contains(got.stderr, "--request-id new-request-id") {
			t.Error(got.stderr)
		}
	})
}

// updatedSite is an ACTIVE site whose second revision is wanted and not proved.
func updatedSite(conditions ...*lifecyclev1.Condition) *lifecyclev1.GetSiteResponse {
	found := activeSite()
	found.Site.Revision, found.Site.Conditions = 2, conditions
	found.Operation = runningUpdate()
	found.Operation.Message = "1 of 2 edges has proved it"
	return found
}

// over changes a site after its operation has ended.
func over(found *lifecyclev1.GetSiteResponse, wanted, confirmed int64) look {
	found.Site.Revision, found.Site.ConfirmedRevision = wanted, confirmed
	found.Operation = nil
	return look{found: found}
}

func rejected() *lifecyclev1.Condition {
	return &lifecyclev1.Condition{
		Type: "EdgeSynced", Status: lifecyclev1.ConditionStatus_CONDITION_STATUS_FALSE, Reason: "CONFIG_REJECTED",
		Message: "edge frankfurt refuses revision 2", Actor: diagnosisv1.Actor_ACTOR_TENANT, Fix: []string{"correct the site"}, Since: ago(time.Second),
	}
}

func TestSiteUpdate_waits_for_the_revision(t *testing.T) {
	broken := updatedSite(rejected())
	broken.Site.Status, broken.Operation = failed, nil
	domainAtWork := updatedSite(rejected())
	domainAtWork.Operation.ObjectId, domainAtWork.Operation.Kind = "dom_01", "activate_domain"
	tests := []struct {
		name  string
		begun *lifecyclev1.GetSiteResponse
		looks []look // the first one is before the update
		code  int
	}{
		{"update_wait", updatedSite(confirmed("EdgeSynced")), []look{
			{found: updatedSite(unproven())}, over(updatedSite(confirmed("EdgeSynced")), 2, 2),
		}, cli.ExitOK},
		{"update_wait_nothing_to_do", activeSite(), nil, cli.ExitOK},
		{"update_wait_rejected", updatedSite(confirmed("EdgeSynced")), []look{
			{found: updatedSite(confirmed("EdgeSynced"))}, over(updatedSite(rejected()), 2, 1),
		}, cli.ExitSiteError},
		{"update_wait_after_a_rejection", updatedSite(rejected()), []look{
			{found: updatedSite(rejected())}, over(updatedSite(confirmed("EdgeSynced")), 2, 2),
		}, cli.ExitOK},
		{"update_wait_rejected_before", over(updatedSite(rejected()), 2, 1).found, nil, cli.ExitSiteError},
		{"update_wait_domain_at_work", domainAtWork, nil, cli.ExitSiteError},
		{"update_wait_replaced", updatedSite(), []look{over(updatedSite(), 3, 1)}, cli.ExitConflict},
		{"update_wait_taken_back", updatedSite(), []look{over(updatedSite(), 1, 1)}, cli.ExitConflict},
		{"update_wait_error", broken, nil, cli.ExitSiteError},
		{"update_wait_deleted", updatedSite(), []look{{found: siteIn(deleting)}}, cli.ExitConflict},
		{"update_wait_timeout", updatedSite(), []look{{found: updatedSite(unproven())}}, cli.ExitTimeout},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := setup(t)
			r.sites.begun, r.sites.looks = test.begun, append([]look{{found: activeSite()}}, test.looks...)
			r.golden(test.name, test.code, "site", "update", "site_01", "--websocket", "--wait", "--timeout", "1s")
		})
	}
}

func TestSiteUpdate_without_waiting(t *testing.T) {
	broken := updatedSite(rejected())
	broken.Site.Status, broken.Operation = failed, nil
	for name, begun := range map[string]*lifecyclev1.GetSiteResponse{
		"update": updatedSite(rejected()), "update_begun": updatedSite(confirmed("EdgeSynced")), "update_error": broken,
	} {
		r := setup(t)
		r.sites.begun, r.sites.looks = begun, []look{{found: activeSite()}}
		r.golden(name, cli.ExitOK, "site", "update", "site_01", "--origin", "127.0.0.1:9001")
	}
}
