package api_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"
	"google.golang.org/protobuf/types/known/emptypb"

	edgev1 "github.com/siteplane/siteplane/gen/siteplane/edge/v1"
	enrolmentv1 "github.com/siteplane/siteplane/gen/siteplane/enrolment/v1"
	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
	"github.com/siteplane/siteplane/internal/platform/identity"
	"github.com/siteplane/siteplane/internal/platform/rpc"
	"github.com/siteplane/siteplane/internal/platform/rpcerr"
	"github.com/siteplane/siteplane/internal/platform/telemetry"
	"github.com/siteplane/siteplane/services/lifecycle/api"
	"github.com/siteplane/siteplane/services/lifecycle/app"
	"github.com/siteplane/siteplane/services/lifecycle/app/apptest"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/service"
	"github.com/siteplane/siteplane/services/lifecycle/store"
)

// enrolling is the listener where hosts become edges, with a real CA.
type enrolling struct {
	*testing.T
	world  *apptest.World
	ca     *identity.CA
	listen *bufconn.Listener
}

func enrol(t *testing.T, open func(clock func() time.Time) (store.Store, error)) *enrolling {
	t.Helper()
	ca, err := identity.LoadOrCreateCA(t.TempDir(), "siteplane.test")
	if err != nil {
		t.Fatal(err)
	}
	s := &enrolling{T: t, ca: ca, listen: bufconn.Listen(1 << 20)}
	s.world = apptest.New(t, apptest.Options{Issuer: (&service.Enrolment{CA: ca}).Issuer(), Open: open})
	ctx, stop := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() {
		served <- api.NewEnrolment(s.world.App, telemetry.Discard("lifecycle")).ServeEnrolment(ctx, s.listen, s.identity("/service/lifecycle").EnrolmentTLS(ca))
	}()
	t.Cleanup(func() {
		stop()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return s
}

func (s *enrolling) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

func (s *enrolling) identity(path string) *identity.Identity {
	s.Helper()
	i, err := s.ca.Issue(path, time.Hour)
	s.must(err)
	return i
}

// conn connects as whoever the configuration says.
func (s *enrolling) conn(cfg *tls.Config) *grpc.ClientConn {
	s.Helper()
	conn, err := rpc.Dial("passthrough:///enrolment", rpc.DialConfig{
		Telemetry: telemetry.Discard("host"), TLS: cfg,
		Dialer: func(ctx context.Context, _ string) (net.Conn, error) { return s.listen.DialContext(ctx) },
	})
	s.must(err)
	s.Cleanup(func() { _ = conn.Close() })
	return conn
}

// stranger is a host that has nothing but the digest of the CA.
func (s *enrolling) stranger() enrolmentv1.EnrolmentServiceClient {
	s.Helper()
	return enrolmentv1.NewEnrolmentServiceClient(s.conn(identity.JoinTLS(s.ca.Digest(), "/service/lifecycle")))
}

// as is a caller with a certificate.
func (s *enrolling) as(i *identity.Identity) enrolmentv1.EnrolmentServiceClient {
	s.Helper()
	return enrolmentv1.NewEnrolmentServiceClient(s.conn(i.ClientTLS("/service/lifecycle")))
}

func (s *enrolling) token(name string) string {
	s.Helper()
	made, err := s.world.App.CreateJoinToken(s.Context(), s.world.PlatformAdmin(), app.TokenAsked{Name: name}, "")
	s.must(err)
	return made.Text.Reveal()
}

func (s *enrolling) request() *identity.Request {
	s.Helper()
	r, err := identity.NewRequest()
	s.must(err)
	return r
}

func joinWith(token string, r *identity.Request) *enrolmentv1.JoinEdgeRequest {
	return &enrolmentv1.JoinEdgeRequest{Token: token, CertificateRequest: r.DER(), Address: "192.0.2.1:9091"}
}

// joined is a host that has joined.
func (s *enrolling) joined(name string) (*identity.Identity, *enrolmentv1.JoinEdgeResponse) {
	s.Helper()
	r := s.request()
	answer, err := s.stranger().JoinEdge(s.Context(), joinWith(s.token(name), r))
	s.must(err)
	i, err := r.Write(s.TempDir(), []byte(answer.GetCertificate()), []byte(answer.GetCa()))
	s.must(err)
	return i, answer
}

// renewed is the same host with its next certificate, and the error if it gets none.
func (s *enrolling) renewed(i *identity.Identity) (*identity.Identity, error) {
	s.Helper()
	s.world.Clock.Advance(time.Minute) // not more than an edge may ask
	r := s.request()
	answer, err := s.as(i).RenewEdge(s.Context(), &enrolmentv1.RenewEdgeRequest{CertificateRequest: r.DER()})
	if err != nil {
		return nil, err
	}
	next, err := r.Write(s.TempDir(), []byte(answer.GetCertificate()), []byte(answer.GetCa()))
	s.must(err)
	return next, nil
}

func TestEnrolment_a_host_joins_and_renews(t *testing.T) {
	s := enrol(t, nil)
	host, answer := s.joined("fra1")
	if host.Path() != "/edge/"+answer.GetEdgeId() || answer.GetName() != "fra1" || !answer.GetExpireTime().AsTime().Equal(host.NotAfter()) {
		t.Errorf("%s is answered %v", host.ID(), answer)
	}
	if left := time.Until(host.NotAfter()); left > service.DefaultEdgeCertificateLifetime || left < service.DefaultEdgeCertificateLifetime-time.Hour {
		t.Errorf("the certificate holds %s", left)
	}
	for range 2 {
		next, err := s.renewed(host)
		s.must(err)
		if next.Path() != host.Path() {
			t.Errorf("%s was renewed as %s", host.Path(), next.Path())
		}
		host = next
	}
}

// everyStore runs a test on SQLite and on PostgreSQL.
func everyStore(t *testing.T, test func(t *testing.T, s *enrolling)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { test(t, enrol(t, nil)) })
	t.Run("postgres", func(t *testing.T) { test(t, enrol(t, behindTheWall(t))) })
}

// S19: of many hosts that join with one token at the same moment, one does.
func TestEnrolment_a_token_used_by_many_at_once_makes_one_edge(t *testing.T) {
	everyStore(t, func(t *testing.T, s *enrolling) {
		const hosts = 8
		token, begin := s.token("fra1"), make(chan struct{})
		var answers [hosts]string
		var group sync.WaitGroup
		for i := range hosts {
			client, r := s.stranger(), s.request()
			group.Go(func() {
				<-begin
				_, err := client.JoinEdge(t.Context(), joinWith(token, r))
				answers[i] = status.Code(err).String() + " " + rpcerr.Reason(err)
			})
		}
		close(begin)
		group.Wait()
		got := map[string]int{}
		for _, answer := range answers {
			got[answer]++
		}
		if got["OK "] != 1 || got["Unauthenticated JOIN_TOKEN_REFUSED"] != hosts-1 {
			t.Errorf("the hosts are answered %v", got)
		}
		views, err := s.world.App.ListEdges(t.Context())
		s.must(err)
		if len(views) != 2 { // the one of the world, and the new one
			t.Errorf("there are %d edges", len(views))
		}
	})
}

// S19: a token is for one host, for ten minutes.
func TestEnrolment_a_token_ends(t *testing.T) {
	everyStore(t, func(t *testing.T, s *enrolling) {
		used, late := s.token("fra1"), s.token("fra2")
		first := joinWith(used, s.request())
		for range 2 { // the same host may ask again
			_, err := s.stranger().JoinEdge(t.Context(), first)
			s.must(err)
		}
		_, err := s.stranger().JoinEdge(t.Context(), joinWith(used, s.request()))
		wantError(t, err, codes.Unauthenticated, "JOIN_TOKEN_REFUSED")
		s.world.Clock.Advance(10 * time.Minute)
		for _, req := range []*enrolmentv1.JoinEdgeRequest{first, joinWith(late, s.request())} {
			_, err := s.stranger().JoinEdge(t.Context(), req)
			wantError(t, err, codes.Unauthenticated, "JOIN_TOKEN_REFUSED")
		}
	})
}

func TestEnrolment_a_bad_request_leaves_the_token_as_it_is(t *testing.T) {
	s := enrol(t, nil)
	token := s.token("fra1")
	tampered := s.request().DER()
	tampered[len(tampered)-1] ^= 1
	other, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	s.must(err)
	otherKind, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{}, other)
	s.must(err)
	for name, der := range map[string][]byte{"tampered": tampered, "of another kind of key": otherKind, "none": {1}} {
		_, err := s.stranger().JoinEdge(t.Context(), &enrolmentv1.JoinEdgeRequest{Token: token, CertificateRequest: der, Address: "192.0.2.1:9091"})
		if v := rpcerr.Violations(err); status.Code(err) != codes.InvalidArgument || len(v) != 1 || v[0].Field != "certificate_request" {
			t.Errorf("a request that is %s is answered %v", name, err)
		}
	}
	_, err = s.stranger().JoinEdge(t.Context(), joinWith(token, s.request()))
	s.must(err)
}

func TestEnrolment_what_strangers_send_is_bounded(t *testing.T) {
	s := enrol(t, nil)
	_, err := s.stranger().JoinEdge(t.Context(), &enrolmentv1.JoinEdgeRequest{Token: "t", CertificateRequest: make([]byte, 5000), Address: "a:1"})
	if status.Code(err) != codes.InvalidArgument {
		t.Errorf("a long request is answered %v", err)
	}
	_, err = s.stranger().JoinEdge(t.Context(), &enrolmentv1.JoinEdgeRequest{Token: strings.Repeat("t", 1<<20)})
	if status.Code(err) != codes.ResourceExhausted {
		t.Errorf("a long message is answered %v", err)
	}
}

// S18: who an edge is says its certificate alone, and all it may do is to renew that.
func TestEnrolment_a_certificate_opens_nothing_else(t *testing.T) {
	s := enrol(t, nil)
	renewal := func() *enrolmentv1.RenewEdgeRequest {
		return &enrolmentv1.RenewEdgeRequest{CertificateRequest: s.request().DER()}
	}
	t.Run("renewing needs one", func(t *testing.T) {
		_, err := s.stranger().RenewEdge(t.Context(), renewal())
		wantError(t, err, codes.Unauthenticated, "BAD_CREDENTIAL")
	})
	t.Run("renewing is for edges", func(t *testing.T) {
		for _, path := range []string{"/service/lifecycle", "/service/tunnel", "/edge", "/edge/a/b", "/edges/a"} {
			_, err := s.as(s.identity(path)).RenewEdge(t.Context(), renewal())
			wantError(t, err, codes.PermissionDenied, "NOT_ALLOWED")
		}
	})
	t.Run("an edge that the CA has made and no database knows is none", func(t *testing.T) {
		_, err := s.as(s.identity("/edge/edge_01m81407f4et98ek77tx8k484t")).RenewEdge(t.Context(), renewal())
		wantError(t, err, codes.PermissionDenied, "EDGE_EVICTED")
	})
	t.Run("an edge gets a certificate of its own, whatever its request says", func(t *testing.T) {
		host, _ := s.joined("fra1")
		victim, _ := s.joined("fra2")
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		s.must(err)
		greedy, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{
			URIs: leafOf(t, victim).URIs, Subject: leafOf(t, victim).Subject, DNSNames: []string{"lifecycle"},
		}, key)
		s.must(err)
		s.world.Clock.Advance(time.Minute)
		answer, err := s.as(host).RenewEdge(t.Context(), &enrolmentv1.RenewEdgeRequest{CertificateRequest: greedy})
		s.must(err)
		got := parse(t, answer.GetCertificate())
		if len(got.URIs) != 1 || got.URIs[0].String() != host.ID() || len(got.DNSNames) != 0 || got.IsCA {
			t.Errorf("the certificate is for %v and %v", got.URIs, got.DNSNames)
		}
		_, err = s.renewed(victim)
		s.must(err)
	})
	t.Run("no other service is there", func(t *testing.T) {
		host, _ := s.joined("fra3")
		conn := s.conn(host.ClientTLS("/service/lifecycle"))
		for _, method := range []string{
			lifecyclev1.InfrastructureService_ListEdges_FullMethodName, lifecyclev1.InfrastructureService_CreateJoinToken_FullMethodName,
			lifecyclev1.SiteService_ListSites_FullMethodName, edgev1.EdgeService_GetState_FullMethodName,
		} {
			err := conn.Invoke(t.Context(), method, &emptypb.Empty{}, &emptypb.Empty{})
			if status.Code(err) != codes.Unimplemented {
				t.Errorf("%s is answered %v", method, err)
			}
		}
	})
}

func TestEnrolment_an_evicted_edge_is_not_renewed(t *testing.T) {
	everyStore(t, func(t *testing.T, s *enrolling) {
		host, answer := s.joined("fra1")
		_, err := s.world.App.EvictEdge(t.Context(), s.world.PlatformAdmin(), edgeOf(answer), "")
		s.must(err)
		_, err = s.renewed(host)
		wantError(t, err, codes.PermissionDenied, "EDGE_EVICTED")
		other, again := s.joined("fra1")
		if again.GetEdgeId() == answer.GetEdgeId() || other.Path() == host.Path() {
			t.Errorf("a host has become the evicted edge %s", other.Path())
		}
	})
}

// F40: a copied host is found at the next renewal of one of the two.
func TestEnrolment_a_cloned_host_is_found(t *testing.T) {
	everyStore(t, func(t *testing.T, s *enrolling) {
		host, answer := s.joined("fra1")
		clone := host
		host, err := s.renewed(host)
		s.must(err)
		clone, err = s.renewed(clone)
		s.must(err)
		for _, either := range []*identity.Identity{host, clone} {
			_, err = s.renewed(either)
			wantError(t, err, codes.FailedPrecondition, "EDGE_CLONED")
		}
		views, err := s.world.App.ListEdges(t.Context())
		s.must(err)
		for _, view := range views {
			if view.Edge.ID == edgeOf(answer) && view.Edge.FaultReason != "EDGE_CLONED" {
				t.Errorf("the fault is %q", view.Edge.FaultReason)
			}
		}
	})
}

// A host that was restored from yesterday asks with a certificate that was renewed since.
func TestEnrolment_a_restored_host_is_found(t *testing.T) {
	s := enrol(t, nil)
	host, _ := s.joined("fra1")
	yesterday := host
	for range 3 {
		next, err := s.renewed(host)
		s.must(err)
		host = next
	}
	_, err := s.renewed(yesterday)
	wantError(t, err, codes.FailedPrecondition, "EDGE_CLONED")
}

func edgeOf(answer *enrolmentv1.JoinEdgeResponse) id.Edge { return id.Edge(answer.GetEdgeId()) }

func leafOf(t *testing.T, i *identity.Identity) *x509.Certificate {
	t.Helper()
	svid, err := i.GetX509SVID()
	if err != nil {
		t.Fatal(err)
	}
	return svid.Certificates[0]
}

func parse(t *testing.T, text string) *x509.Certificate {
	t.Helper()
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		t.Fatalf("%q is no PEM", text)
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}
