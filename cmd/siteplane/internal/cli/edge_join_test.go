package cli_test

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"

	"github.com/siteplane/siteplane/cmd/siteplane/internal/cli"
	enrolmentv1 "github.com/siteplane/siteplane/gen/siteplane/enrolment/v1"
	"github.com/siteplane/siteplane/internal/platform/identity"
	"github.com/siteplane/siteplane/internal/platform/rpcerr"
)

// fakeEnrolment lets one host in.
type fakeEnrolment struct {
	enrolmentv1.UnimplementedEnrolmentServiceServer
	ca      *identity.CA
	address string
	token   string
	asked   *enrolmentv1.JoinEdgeRequest
}

func startEnrolment(t *testing.T) *fakeEnrolment {
	t.Helper()
	ca, err := identity.LoadOrCreateCA(t.TempDir(), "cli.test")
	if err != nil {
		t.Fatal(err)
	}
	who, err := ca.Issue("/service/lifecycle", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	digest := ca.Digest()
	f := &fakeEnrolment{ca: ca, token: "join_1.c2VjcmV0." + base64.RawURLEncoding.EncodeToString(digest[:])}
	f.serve(t, who.EnrolmentTLS(ca))
	return f
}

func (f *fakeEnrolment) serve(t *testing.T, serving *tls.Config) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f.address = listener.Addr().String()
	server := grpc.NewServer(grpc.Creds(credentials.NewTLS(serving)))
	enrolmentv1.RegisterEnrolmentServiceServer(server, f)
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)
}

func (f *fakeEnrolment) JoinEdge(_ context.Context, request *enrolmentv1.JoinEdgeRequest) (*enrolmentv1.JoinEdgeResponse, error) {
	if f.asked != nil || request.GetToken() != f.token {
		return nil, rpcerr.New(codes.Unauthenticated, "JOIN_TOKEN_REFUSED", "the join token is not good")
	}
	f.asked = request
	issued, err := f.ca.IssueRequest("/edge/edge_1", request.GetCertificateRequest(), time.Hour)
	return &enrolmentv1.JoinEdgeResponse{
		EdgeId: "edge_1", Name: "fra1", Certificate: string(issued.Certificate), Ca: string(f.ca.CertificatePEM()),
	}, err
}

func TestEdgeJoin(t *testing.T) {
	r, f := setup(t), startEnrolment(t)
	r.environ = nil // there is no installation that it knows
	dir := filepath.Join(t.TempDir(), "pki")
	r.stdin = f.token + "\n"
	got := r.run("edge", "join", "--server", f.address, "--advertise", "192.0.2.7:9091", "--dir", dir, "-o", "json")
	var told struct{ EdgeID, Name, Dir, CertificateExpireTime string }
	if err := json.Unmarshal([]byte(got.stdout), &told); err != nil || got.code != cli.ExitOK {
		t.Fatalf("exit code %d: %s%s", got.code, got.stdout, got.stderr)
	}
	if told.EdgeID != "edge_1" || told.Name != "fra1" || told.Dir != dir || told.CertificateExpireTime == "" {
		t.Errorf("it tells %+v", told)
	}
	if want := "edge-agent --pki " + dir + " --listen 192.0.2.7:9091 --public-listen IP:80"; !strings.Contains(got.stderr, want) {
		t.Errorf("it does not say how to go on: %s", got.stderr)
	}
	if f.asked.GetAddress() != "192.0.2.7:9091" {
		t.Errorf("asked was %v", f.asked)
	}
	if loaded, err := identity.Load(identity.FilesIn(dir)); err != nil || loaded.Path() != "/edge/edge_1" {
		t.Errorf("the folder is of %v (%v)", loaded, err)
	}
}

func TestEdgeJoin_says_what_to_do(t *testing.T) {
	r, f := setup(t), startEnrolment(t)
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte(f.token), 0o600); err != nil {
		t.Fatal(err)
	}
	stranger := startEnrolment(t)
	for name, c := range map[string]struct {
		server, token string
		args          []string
		code          int
		says          []string
	}{
		"no server":       {"", f.token, nil, cli.ExitUsage, []string{"--server and --advertise are needed"}},
		"two tokens":      {f.address, f.token, []string{"--token-file", file}, cli.ExitUsage, []string{"either --token or --token-file"}},
		"half a token":    {f.address, f.token[:40], nil, cli.ExitUsage, []string{"not whole", "siteplane edge token"}},
		"nobody there":    {"127.0.0.1:1", f.token, nil, cli.ExitUnavailable, []string{"--listen-enrolment", "the token is not spent"}},
		"another one":     {stranger.address, f.token, nil, cli.ExitUnavailable, []string{"not the one that the join token is for"}},
		"a refused token": {f.address, strings.Replace(f.token, "join_1", "join_2", 1), nil, cli.ExitDenied, []string{"JOIN_TOKEN_REFUSED", "make another with `siteplane edge token NAME`"}},
	} {
		t.Run(name, func(t *testing.T) {
			args := append([]string{"edge", "join", "--server", c.server, "--advertise", "192.0.2.7:9091", "--token", c.token, "--dir", t.TempDir()}, c.args...)
			got := r.run(args...)
			for _, word := range c.says {
				if !strings.Contains(got.stderr, word) {
					t.Errorf("it does not say %q: %s", word, got.stderr)
				}
			}
			if got.code != c.code || strings.Contains(got.stderr, "c2VjcmV0") {
				t.Errorf("exit code %d: %s", got.code, got.stderr)
			}
		})
	}
}
