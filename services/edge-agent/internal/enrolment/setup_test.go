package enrolment

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"

	enrolmentv1 "github.com/siteplane/siteplane/gen/siteplane/enrolment/v1"
	"github.com/siteplane/siteplane/internal/platform/identity"
	"github.com/siteplane/siteplane/internal/platform/rpc"
	"github.com/siteplane/siteplane/internal/platform/rpcerr"
	"github.com/siteplane/siteplane/internal/platform/telemetry"
)

const (
	edgeID   = "edge_01h455vb4pex5vsknk084sn02q"
	lifetime = time.Hour
)

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// lifecycle is one that enrols whoever has its token, as one edge.
type lifecycle struct {
	enrolmentv1.UnimplementedEnrolmentServiceServer
	ca      *identity.CA
	token   string
	address string

	mu sync.Mutex
	// keys are those that hosts joined with, by how often each did.
	keys map[[32]byte]int
	// renewed are the paths of those that asked to be.
	renewed []string
	// lose takes effect, and then loses the answer.
	lose bool
}

func newCA(t *testing.T) *identity.CA {
	t.Helper()
	ca, err := identity.LoadOrCreateCA(t.TempDir(), "siteplane.test")
	check(t, err)
	return ca
}

func tokenOf(ca *identity.CA) string {
	digest := ca.Digest()
	return "join_01h455vb4pex5vsknk084sn02q.c2VjcmV0." + base64.RawURLEncoding.EncodeToString(digest[:])
}

// startLifecycle serves as a path, which should be lifecycle's, with the CA.
func startLifecycle(t *testing.T, ca *identity.CA, path string) *lifecycle {
	t.Helper()
	who, err := ca.Issue(path, time.Hour)
	check(t, err)
	l := &lifecycle{ca: ca, token: tokenOf(ca), keys: map[[32]byte]int{}}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	l.address = listener.Addr().String()
	l.serve(t, listener, who.EnrolmentTLS(ca))
	return l
}

func (l *lifecycle) serve(t *testing.T, listener net.Listener, config *tls.Config) {
	server := grpc.NewServer(grpc.Creds(credentials.NewTLS(config)))
	enrolmentv1.RegisterEnrolmentServiceServer(server, l)
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	t.Cleanup(func() {
		server.Stop()
		check(t, <-ended)
	})
}

func (l *lifecycle) JoinEdge(_ context.Context, request *enrolmentv1.JoinEdgeRequest) (*enrolmentv1.JoinEdgeResponse, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	hash, err := identity.RequestKeyHash(request.GetCertificateRequest())
	if err != nil {
		return nil, err
	}
	if request.GetToken() != l.token || len(l.keys) > 0 && l.keys[hash] == 0 {
		return nil, rpcerr.New(codes.Unauthenticated, "JOIN_TOKEN_REFUSED", "the join token is not good")
	}
	l.keys[hash]++
	issued, err := l.ca.IssueRequest("/edge/"+edgeID, request.GetCertificateRequest(), lifetime)
	if err != nil {
		return nil, err
	}
	if l.lose {
		l.lose = false
		return nil, rpcerr.New(codes.Unavailable, "LOST", "the answer was lost")
	}
	return &enrolmentv1.JoinEdgeResponse{
		EdgeId: edgeID, Name: "fra1", Certificate: string(issued.Certificate), Ca: string(l.ca.CertificatePEM()),
	}, nil
}

func (l *lifecycle) RenewEdge(ctx context.Context, request *enrolmentv1.RenewEdgeRequest) (*enrolmentv1.RenewEdgeResponse, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	caller, ok := rpc.PeerID(ctx)
	if !ok {
		return nil, rpcerr.New(codes.Unauthenticated, "UNAUTHENTICATED", "no certificate")
	}
	l.renewed = append(l.renewed, caller)
	return renewBy(l.ca, request.GetCertificateRequest())
}

func renewBy(ca *identity.CA, der []byte) (*enrolmentv1.RenewEdgeResponse, error) {
	issued, err := ca.IssueRequest("/edge/"+edgeID, der, lifetime)
	return &enrolmentv1.RenewEdgeResponse{Certificate: string(issued.Certificate), Ca: string(ca.CertificatePEM())}, err
}

func (l *lifecycle) config(dir string) JoinConfig {
	return JoinConfig{Server: l.address, Token: l.token, Address: "192.0.2.7:9091", Dir: dir, Telemetry: telemetry.Discard("test")}
}

// modes are the files below a folder with their modes.
func modes(t *testing.T, dir string) map[string]os.FileMode {
	t.Helper()
	found := map[string]os.FileMode{}
	check(t, filepath.Walk(dir, func(path string, info os.FileInfo, err error) error {
		if err == nil {
			name, _ := filepath.Rel(dir, path)
			found[name] = info.Mode().Perm()
		}
		return err
	}))
	return found
}
