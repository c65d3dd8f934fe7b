package cli_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/siteplane/siteplane/cmd/siteplane/internal/cli"
	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
	"github.com/siteplane/siteplane/internal/platform/rpcerr"
)

// checked are monitors of which none found anything.
func checked() []*lifecyclev1.Check {
	return []*lifecyclev1.Check{
		{
			MonitorId: "M1", Name: "duplicate-claims", Says: "A hostname is held by one domain at most.", Applies: true,
			Severity: lifecyclev1.Severity_SEVERITY_CRITICAL, Remedy: "Remove one.",
		},
		{
			MonitorId: "M6", Name: "unplaced-events", Says: "Every event gets its place soon.",
			Severity: lifecyclev1.Severity_SEVERITY_WARNING, Remedy: "Wait.",
		},
		{
			MonitorId: "M11", Name: "late-work", Says: "Work is claimed soon.", Applies: true,
			Severity: lifecyclev1.Severity_SEVERITY_WARNING, Remedy: "Look whether the database is slow.",
		},
	}
}

// ailing are monitors that found something in every form.
func ailing() []*lifecyclev1.Check {
	checks := checked()
	checks[0].Count, checks[0].Findings = 12, []*lifecyclev1.Finding{
		{ObjectId: "dom_01", TenantId: "ten_01", Detail: "shop.example.com is held by another domain, too", Since: ago(2 * time.Hour)},
		{ObjectId: "dom_02", TenantId: "ten_02", Detail: hostile},
	}
	checks[2].Count, checks[2].Findings = 1, []*lifecyclev1.Finding{
		{ObjectId: "edge_01", Detail: "the work on this edge is due, and nobody has claimed it", Since: ago(9 * time.Minute)},
	}
	return checks
}

func TestDoctor(t *testing.T) {
	for _, test := range []struct {
		name   string
		checks []*lifecyclev1.Check
		code   int
	}{
		{"doctor_well", checked(), cli.ExitOK},
		{"doctor_found", ailing(), cli.ExitFound},
	} {
		for _, format := range []string{"table", "json", "yaml"} {
			t.Run(test.name+"/"+format, func(t *testing.T) {
				r := setup(t)
				r.infrastructure.checks = test.checks
				r.golden(test.name+"."+format, test.code, "doctor", "-o", format)
			})
		}
	}
}

func TestDoctor_asks(t *testing.T) {
	for _, test := range []struct {
		args []string
		want *lifecyclev1.RunChecksRequest
	}{
		{[]string{"doctor"}, &lifecyclev1.RunChecksRequest{PageSize: 10}},
		{[]string{"doctor", "--all", "--limit", "3"}, &lifecyclev1.RunChecksRequest{All: true, PageSize: 3}},
	} {
		r := setup(t)
		if got := r.run(test.args...); got.code != cli.ExitOK {
			t.Errorf("%v: %s", test.args, got.stderr)
		}
		if diff := cmp.Diff(any(test.want), r.sites.requests[0], protocmp.Transform()); diff != "" {
			t.Error(diff)
		}
	}
}

// A doctor that could not look has found nothing, which is not well.
func TestDoctor_that_may_not(t *testing.T) {
	r := setup(t)
	r.sites.fail = rpcerr.New(codes.PermissionDenied, "NOT_ALLOWED", "the key has the role admin, the call demands platform_admin")
	r.golden("doctor_denied", cli.ExitDenied, "doctor")
}
