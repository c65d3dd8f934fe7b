package cli_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/siteplane/siteplane/cmd/siteplane/internal/cli"
	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
	"github.com/siteplane/siteplane/internal/platform/cliconfig"
	"github.com/siteplane/siteplane/internal/platform/rpcerr"
)

func TestServerError_sets_the_exit_code(t *testing.T) {
	want := map[codes.Code]int{
		codes.Canceled: 130, codes.Unknown: 1, codes.InvalidArgument: 2, codes.DeadlineExceeded: 5, codes.NotFound: 3,
		codes.AlreadyExists: 4, codes.PermissionDenied: 8, codes.ResourceExhausted: 10, codes.FailedPrecondition: 4,
		codes.Aborted: 4, codes.OutOfRange: 2, codes.Unimplemented: 1, codes.Internal: 1, codes.Unavailable: 5,
		codes.DataLoss: 1, codes.Unauthenticated: 8,
	}
	r := setup(t)
	for code, exit := range want {
		r.sites.fail = status.Error(code, "no")
		if got := r.run("site", "get", "site_01"); got.code != exit || got.stdout != "" {
			t.Errorf("%s: exit code %d and stdout %q, want %d and nothing", code, got.code, got.stdout, exit)
		}
	}
}

func TestServerError_says_what_to_do(t *testing.T) {
	tests := []struct {
		name string
		err  error
		code int
	}{
		{"error_fields", rpcerr.New(codes.InvalidArgument, "INVALID_FIELDS", "2 fields are wrong",
			rpcerr.Violation("site.spec.origin.targets[0].address", "must be ip:port, not example.com:80"),
			rpcerr.Violation("site.name", hostile)), cli.ExitUsage},
		{"error_diagnosis", invalidName(t), cli.ExitUsage},
		{"error_precondition", rpcerr.New(codes.FailedPrecondition, "PRECONDITION", "the site is in ERROR; retry it first"), cli.ExitConflict},
		{"error_fields_bare", status.Error(codes.InvalidArgument, "site.name: too long"), cli.ExitUsage},
		{"error_taken", rpcerr.New(codes.AlreadyExists, "NAME_TAKEN", `the slug "shop" belongs to a live site`), cli.ExitConflict},
		{"error_internal", rpcerr.New(codes.Internal, "INTERNAL", "internal error",
			rpcerr.Metadata("trace_id", "4bf92f3577b34da6a3ce929d0e0e4736")), cli.ExitError},
		{"error_unavailable", rpcerr.New(codes.Unavailable, "UNAVAILABLE", "the database is busy",
			rpcerr.RetryAfter(1500*time.Millisecond), rpcerr.Help("https://siteplane.example/docs", "what is going on")), cli.ExitUnavailable},
		{"error_key", status.Error(codes.Unauthenticated, "the key is not valid"), cli.ExitDenied},
		{"error_limit", reached("domains", "100"), cli.ExitLimit},
		{"error_limit_claims", reached("pending_claims", "5"), cli.ExitLimit},
		{"error_limit_requests", reached("requests_per_second", ""), cli.ExitLimit},
		{"error_limit_other", reached("streams", "10"), cli.ExitLimit},
		{"error_suspended", rpcerr.New(codes.PermissionDenied, "TENANT_SUSPENDED", "the tenant is suspended: unpaid since May"), cli.ExitDenied},
		{"error_in_progress", rpcerr.New(codes.Aborted, "REQUEST_IN_PROGRESS", "the first request of this id is still at work"), cli.ExitConflict},
		{"error_id_reused", rpcerr.New(codes.AlreadyExists, "REQUEST_ID_REUSED", "the request id was used with another body"), cli.ExitConflict},
		{"error_not_allowed", rpcerr.New(codes.PermissionDenied, "NOT_ALLOWED", "the key has the role viewer, the call demands operator"), cli.ExitDenied},
		{"error_hostile", rpcerr.New(codes.Aborted, hostile, hostile), cli.ExitConflict},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := setup(t)
			r.sites.fail = test.err
			r.golden(test.name, test.code, "site", "create", "shop", "--origin", "127.0.0.1:9000")
		})
	}
}

func TestSiteCreate_says_whose_name_is_taken(t *testing.T) {
	const claim = "next: `siteplane domain get www.shop.example` shows the claim that you have already"
	r := setup(t)
	r.sites.fail = rpcerr.New(codes.AlreadyExists, "NAME_TAKEN", `hostname "www.shop.example" is taken`)
	create := []string{"site", "create", "shop", "--origin", "127.0.0.1:9000", "--domain", "WWW.shop.example"}
	if got := r.run(create...); got.code != cli.ExitConflict || !strings.Contains(got.stderr, claim) {
		t.Errorf("exit code %d, said %q", got.code, got.stderr)
	}
	got := r.run(append(create, "--slug", "shop")...)
	if got.code != cli.ExitConflict || !strings.Contains(got.stderr, "--slug") || !strings.Contains(got.stderr, "`siteplane domain get www.shop.example`") {
		t.Errorf("with a slug, exit code %d, said %q", got.code, got.stderr)
	}
}

// reached is the answer when a limit is.
func reached(limit, allowed string) error {
	return rpcerr.New(codes.ResourceExhausted, "LIMIT_REACHED", "the limit of "+limit+" is reached",
		rpcerr.Metadata("limit", limit), rpcerr.Metadata("allowed", allowed), rpcerr.Metadata("used", allowed))
}

// invalidName is a violation with the diagnosis of what is wrong.
func invalidName(t *testing.T) error {
	bad := &errdetails.BadRequest{FieldViolations: []*errdetails.BadRequest_FieldViolation{
		{Field: "primary_hostname", Description: `"shop" is no hostname: it has one label`, Reason: "NAME_INVALID"},
		{Field: "other", Description: "has a reason without a page", Reason: hostile},
	}}
	refused, err := status.New(codes.InvalidArgument, "the request is not valid").WithDetails(bad)
	must(t, err)
	return refused.Err()
}

func TestServerError_has_advice_for_every_reason(t *testing.T) {
	r := setup(t)
	for number, name := range lifecyclev1.ErrorReason_name {
		if number == 0 {
			continue
		}
		r.sites.fail = rpcerr.New(codes.Unknown, strings.TrimPrefix(name, "ERROR_REASON_"), "no")
		if got := r.run("site", "get", "site_01"); !strings.Contains(got.stderr, "\n  next: ") {
			t.Errorf("%s: nothing to do next in:\n%s", name, got.stderr)
		}
	}
}

func TestConnection(t *testing.T) {
	t.Run("nothing listens", func(t *testing.T) {
		r := setup(t)
		r.config.Address = "127.0.0.1:1"
		r.writeConfig()
		r.golden("connection_refused", cli.ExitUnavailable, "site", "get", "site_01")
	})
	t.Run("another installation listens", func(t *testing.T) {
		r, other := setup(t), setup(t)
		r.config.CA = other.config.CA
		r.writeConfig()
		got := r.run("site", "get", "site_01")
		if got.code != cli.ExitUnavailable || !strings.Contains(got.stderr, "is not the installation that "+r.file) {
			t.Errorf("exit code %d, stderr:\n%s", got.code, got.stderr)
		}
		if len(r.sites.credentials) != 0 {
			t.Error("the key was sent to a server that was not verified")
		}
	})
	t.Run("TLS 1.2 is refused", func(t *testing.T) {
		r := setup(t, func(serving *tls.Config) { serving.MaxVersion = tls.VersionTLS12 })
		if got := r.run("site", "get", "site_01"); got.code != cli.ExitUnavailable {
			t.Errorf("exit code %d, want %d", got.code, cli.ExitUnavailable)
		}
	})
	t.Run("interrupted before the answer", func(t *testing.T) {
		r := setup(t)
		ctx, interrupt := context.WithCancel(t.Context())
		interrupt()
		r.ctx = ctx
		r.golden("connection_interrupted", cli.ExitInterrupted, "site", "create", "shop", "--origin", "127.0.0.1:9000")
	})
}

func TestConfigFile(t *testing.T) {
	tests := []struct {
		name   string
		damage func(*testing.T, *rig)
	}{
		{"config_missing", func(t *testing.T, r *rig) { must(t, os.Remove(r.file)) }},
		{"config_loose", func(t *testing.T, r *rig) { must(t, os.Chmod(r.file, 0o640)) }},
		{"config_not_json", func(t *testing.T, r *rig) { must(t, os.WriteFile(r.file, []byte("address: here"), 0o600)) }},
		{"config_incomplete", func(t *testing.T, r *rig) { must(t, os.WriteFile(r.file, []byte("{}"), 0o600)) }},
		{"config_nowhere", func(_ *testing.T, r *rig) { r.environ = nil }},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := setup(t)
			test.damage(t, r)
			r.golden(test.name, cli.ExitError, "site", "list")
			if len(r.sites.requests) != 0 {
				t.Error("the server was called")
			}
		})
	}
	t.Run("the flag wins over the environment", func(t *testing.T) {
		r := setup(t)
		r.sites.pages = noSites()
		r.environ[cliconfig.EnvPath] = "/does/not/exist"
		if got := r.run("site", "list", "--config", r.file); got.code != cli.ExitOK {
			t.Error(got.stderr)
		}
	})
}

func TestUsage(t *testing.T) {
	tests := map[string][]string{
		"unknown command":       {"sites"},
		"unknown subcommand":    {"site", "lst"},
		"unknown flag":          {"site", "list", "--sort", "name"},
		"unknown format":        {"site", "list", "-o", "xml"},
		"no id":                 {"site", "get"},
		"two ids":               {"site", "timeline", "a", "b"},
		"no backend":            {"site", "create", "shop"},
		"two backends":          {"site", "create", "shop", "--origin", "10.0.0.1:80", "--redirect", "https://x.example"},
		"empty origin":          {"site", "create", "shop", "--origin", ",3"},
		"weight":                {"site", "create", "shop", "--origin", "10.0.0.1:80,heavy"},
		"route without address": {"site", "create", "shop", "--origin", "10.0.0.1:80", "--route", "/a/"},
		"route weight":          {"site", "create", "shop", "--origin", "10.0.0.1:80", "--route", "/a/=10.0.0.1:80,-1"},
		"header":                {"site", "create", "shop", "--origin", "10.0.0.1:80", "--response-header", "X-A"},
		"direct alone":          {"site", "create", "shop", "--origin", "10.0.0.1:80", "--direct"},
		"no hostname":           {"domain", "add", "shop"},
		"no domain":             {"domain", "check"},
		"timeout alone, domain": {"domain", "remove", "dom_02", "--timeout", "1s"},
		"limit of domains":      {"domain", "list", "--limit", "-1"},
		"no tenant":             {"zone", "grant", "shop.example"},
		"two tenants":           {"zone", "revoke", "shop.example", "shop", "--tenant", "shop"},
		"no role":               {"key", "create", "ci"},
		"unknown role":          {"key", "create", "ci", "--role", "root"},
		"no time":               {"key", "create", "ci", "--role", "viewer", "--expires", "tomorrow"},
		"slug of another":       {"key", "create", "ci", "--role", "viewer", "--tenant", "shop", "--site", "shop"},
		"no limit":              {"tenant", "limits", "shop"},
		"no number":             {"tenant", "limits", "shop", "--sites", "many"},
		"no reason":             {"tenant", "suspend", "shop"},
		"two tenants to get":    {"tenant", "get", "a", "b"},
		"no revision":           {"site", "diff", "shop", "first"},
		"revision 0":            {"site", "rollback", "shop", "--to", "0"},
		"timeout alone, back":   {"site", "rollback", "shop", "--timeout", "1s"},
		"limit of events":       {"event", "list", "--limit", "0"},
		"limit of entries":      {"audit", "list", "--limit", "-1"},
		"unknown colour":        {"site", "list", "--color", "blue"},
		"context of nothing":    {"context", "add", "demo"},
		"context of two":        {"context", "add", "demo", "--from", "a.json", "--ca", "b.pem"},
		"no context":            {"context", "use"},
		"bad name of a context": {"context", "add", "a/b", "--from", "a.json"},
		"size":                  {"site", "create", "shop", "--origin", "10.0.0.1:80", "--max-body", "10MMiB"},
		"huge size":             {"site", "create", "shop", "--origin", "10.0.0.1:80", "--max-body", "9999999999GiB"},
		"code alone":            {"site", "create", "shop", "--origin", "10.0.0.1:80", "--redirect-code", "301"},
		"nothing to change":     {"site", "update", "shop"},
		"a wait changes none":   {"site", "update", "shop", "--wait"},
		"two new backends":      {"site", "update", "shop", "--origin", "10.0.0.1:80", "--redirect", "https://x.example"},
		"code of an origin":     {"site", "update", "shop", "--origin", "10.0.0.1:80", "--redirect-code", "301"},
		"set and cleared":       {"site", "update", "shop", "--route", "/a/=10.0.0.1:80", "--clear-routes"},
		"strip alone, update":   {"site", "update", "shop", "--strip-prefix"},
		"timeout alone, update": {"site", "update", "shop", "--name", "x", "--timeout", "1s"},
		"no operation":          {"op", "cancel"},
		"no policy":             {"edge", "policy", "edgea"},
		"unknown policy":        {"tunnel", "policy", "main", "ignore"},
		"no hold":               {"hold", "confirm"},
		"strip alone":           {"site", "create", "shop", "--origin", "10.0.0.1:80", "--strip-prefix"},
		"timeout alone":         {"site", "create", "shop", "--origin", "10.0.0.1:80", "--timeout", "1s"},
		"timeout alone, delete": {"site", "delete", "a", "--timeout", "1s"},
		"no timeout":            {"site", "retry", "a", "--wait", "--timeout", "0"},
		"negative limit":        {"site", "list", "--limit", "-1"},
		"negative page size":    {"site", "list", "--page-size", "-1"},
	}
	r := setup(t)
	var said strings.Builder
	for _, name := range slices.Sorted(maps.Keys(tests)) {
		got := r.run(tests[name]...)
		if got.code != cli.ExitUsage || got.stdout != "" {
			t.Errorf("%s: exit code %d and stdout %q, want %d and nothing", name, got.code, got.stdout, cli.ExitUsage)
		}
		fmt.Fprintf(&said, "# %s\n%s", name, got.stderr)
	}
	compareGolden(t, "usage", said.String())
	if len(r.sites.requests) != 0 {
		t.Error("the server was called")
	}
}

func TestExitCode_of_commands_added_by_others(t *testing.T) {
	for want, err := range map[int]error{
		cli.ExitOK:          nil,
		cli.ExitError:       errors.New("port is taken"),
		cli.ExitInterrupted: fmt.Errorf("stop: %w", context.Canceled),
	} {
		if got := cli.ExitCode(err); got != want {
			t.Errorf("ExitCode(%v) = %d, want %d", err, got, want)
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
