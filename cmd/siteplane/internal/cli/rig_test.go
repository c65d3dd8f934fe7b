package cli_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	"github.com/siteplane/siteplane/cmd/siteplane/internal/cli"
	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
	"github.com/siteplane/siteplane/internal/platform/cliconfig"
	"github.com/siteplane/siteplane/internal/platform/identity"
)

var update = flag.Bool("update", false, "write the golden files anew")

// rig is a fake installation and a client that knows the way to it.
type rig struct {
	t              *testing.T
	sites          *fakeSites
	domains        *fakeDomains
	tenants        *fakeTenants
	zones          *fakeZones
	operations     *fakeOperations
	infrastructure *fakeInfrastructure
	keys           *fakeKeys
	events         *fakeEvents
	clock          *clock
	ctx            context.Context
	file           string
	config         cliconfig.Config
	environ        map[string]string
	// home is where contexts are kept.
	home  string
	stdin string
	// terminal says that somebody looks at what is written.
	terminal bool
}

// setup starts an installation whose certificate is like a real one's.
func setup(t *testing.T, tweaks ...func(*tls.Config)) *rig {
	t.Helper()
	ca, err := identity.LoadOrCreateCA(t.TempDir(), "cli.test")
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := ca.IssueServer([]string{"127.0.0.1"}, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	serving := &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{certificate}}
	for _, tweak := range tweaks {
		tweak(serving)
	}
	// A command that never ends fails its test soon.
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	t.Cleanup(cancel)
	sites := &fakeSites{}
	r := &rig{
		t: t, sites: sites, domains: &fakeDomains{beside: sites}, tenants: &fakeTenants{beside: sites}, zones: &fakeZones{beside: sites},
		operations: &fakeOperations{beside: sites}, infrastructure: &fakeInfrastructure{beside: sites},
		keys: &fakeKeys{beside: sites}, events: &fakeEvents{beside: sites},
		clock: &clock{now: start}, ctx: ctx, home: t.TempDir(),
	}
	r.file = filepath.Join(t.TempDir(), "cli.json")
	r.environ = map[string]string{cliconfig.EnvPath: r.file, "HOME": r.home}
	r.config = cliconfig.Config{Address: r.serve(serving), CA: string(ca.CertificatePEM()), Key: "sp_test_key", PublicPort: 8088}
	r.writeConfig()
	return r
}

func (r *rig) serve(serving *tls.Config) string {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		r.t.Fatal(err)
	}
	server := grpc.NewServer(grpc.Creds(credentials.NewTLS(serving)))
	lifecyclev1.RegisterSiteServiceServer(server, r.sites)
	lifecyclev1.RegisterDomainServiceServer(server, r.domains)
	lifecyclev1.RegisterTenantServiceServer(server, r.tenants)
	lifecyclev1.RegisterZoneServiceServer(server, r.zones)
	lifecyclev1.RegisterOperationServiceServer(server, r.operations)
	lifecyclev1.RegisterInfrastructureServiceServer(server, r.infrastructure)
	lifecyclev1.RegisterKeyServiceServer(server, r.keys)
	lifecyclev1.RegisterEventServiceServer(server, r.events)
	stopped := make(chan error, 1)
	go func() { stopped <- server.Serve(listener) }()
	r.t.Cleanup(func() {
		server.Stop()
		// A test may end before the server has begun.
		if err := <-stopped; err != nil && !errors.Is(err, grpc.ErrServerStopped) {
			r.t.Error(err)
		}
	})
	return listener.Addr().String()
}

func (r *rig) writeConfig() {
	r.t.Helper()
	if err := cliconfig.Write(r.file, r.config); err != nil {
		r.t.Fatal(err)
	}
}

// outcome is what a user and a script see of one command.
type outcome struct {
	code           int
	stdout, stderr string
}

func (r *rig) deps() cli.Deps {
	return cli.Deps{
		Getenv:   func(name string) string { return r.environ[name] },
		Now:      r.clock.Now,
		Pause:    r.clock.Pause,
		NewID:    func() string { return "new-request-id" },
		Terminal: func(io.Writer) bool { return r.terminal },
	}
}

func (r *rig) run(args ...string) outcome {
	r.t.Helper()
	root := cli.New(r.deps())
	root.SetIn(strings.NewReader(r.stdin))
	var stdout, stderr bytes.Buffer
	root.SetOut(&stdout)
	root.SetErr(&stderr)
	root.SetArgs(append([]string{}, args...)) // nil would mean those of the process
	code := cli.Execute(r.ctx, root)
	return outcome{code: code, stdout: stdout.String(), stderr: stderr.String()}
}

// golden runs a command and compares all that it does with a file.
func (r *rig) golden(name string, wantCode int, args ...string) {
	r.t.Helper()
	got := r.run(args...)
	if got.code != wantCode {
		r.t.Errorf("exit code %d, want %d; stderr:\n%s", got.code, wantCode, got.stderr)
	}
	text := fmt.Sprintf("$ siteplane %s\n--- exit %d, stdout:\n%s--- stderr:\n%s",
		strings.Join(args, " "), got.code, got.stdout, got.stderr)
	text = strings.NewReplacer(r.config.Address, "ADDRESS", r.file, "FILE", r.home, "HOME").Replace(text)
	compareGolden(r.t, name, text)
}

func compareGolden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs (-update writes it anew); got:\n%s\nwant:\n%s", file, got, want)
	}
}

// clock moves only when a command pauses.
type clock struct {
	now time.Time
	// onPause runs before each pause ends.
	onPause func()
}

func (c *clock) Now() time.Time { return c.now }

func (c *clock) Pause(ctx context.Context, d time.Duration) error {
	c.now = c.now.Add(d)
	if c.onPause != nil {
		c.onPause()
	}
	return ctx.Err()
}
