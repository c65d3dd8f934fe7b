package api_test

import (
	"context"
	"net"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"

	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
	"github.com/siteplane/siteplane/internal/platform/telemetry"
	"github.com/siteplane/siteplane/services/lifecycle/api"
	"github.com/siteplane/siteplane/services/lifecycle/auth"
)

// lastEntry is the newest entry of the first tenant's audit.
func (s *server) lastEntry() *lifecyclev1.AuditEntry {
	s.Helper()
	list, err := s.events.ListAudit(as(s.T, s.keyOf[auth.Admin]), &lifecyclev1.ListAuditRequest{PageSize: 1})
	s.must(err)
	return list.GetEntries()[0]
}

// The audit has the address that a request came from, whatever the request says.
func TestAudit_address_over_REST(t *testing.T) {
	s := setup(t)
	for name, headers := range map[string][]string{
		"nothing said":             nil,
		"a gateway's own header":   {"Siteplane-Address", "203.0.113.9"},
		"a forged one":             {"Grpc-Metadata-Siteplane-Address", "203.0.113.9"},
		"twice":                    {"Grpc-Metadata-siteplane-address", "203.0.113.9", "grpc-metadata-siteplane-address", "203.0.113.8"},
		"another gateway's":        {"Grpcgateway-Siteplane-Address", "203.0.113.9"},
		"a proxy's":                {"X-Forwarded-For", "203.0.113.9", "X-Real-Ip", "203.0.113.9", "Forwarded", "for=203.0.113.9"},
		"an identity, too":         {"Grpc-Metadata-Tenant", "ten_1", "Grpc-Metadata-Subject", "key:key_1", "Grpc-Metadata-Role", "platform_admin"},
		"a forwarded host":         {"X-Forwarded-Host", "203.0.113.9", "X-Forwarded-Proto", "https"},
		"another address in a bin": {"Grpc-Metadata-Siteplane-Address-Bin", "MjAzLjAuMTEzLjk="},
	} {
		t.Run(name, func(t *testing.T) {
			defer s.in(t)()
			a := s.call("POST", "/v1/sites", s.keyOf[auth.Operator], shop, headers...)
			if a.code != 200 {
				t.Fatalf("answered %d %v", a.code, a.body)
			}
			e := s.lastEntry()
			if e.GetAddress() != "127.0.0.1" || e.GetAction() != "CreateSite" || e.GetObjectId() != a.at("site", "siteId") || e.GetActor() != keyIDOf(s.keyOf[auth.Operator]) ||
				e.GetTenantId() != string(s.world.Caller.TenantID) {
				t.Errorf("the entry is %v", e)
			}
		})
	}
}

// keyIDOf is how the audit names who has a key.
func keyIDOf(text string) string { return "key:key_" + strings.Split(text, "_")[1] }

// Over gRPC it is the peer's, and a caller's metadata is nobody's address.
func TestAudit_address_over_gRPC(t *testing.T) {
	s := setup(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	s.must(err)
	ctx, stop := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { // the listener says that it is none of a network's, so it needs no TLS
		served <- api.New(s.world.App, telemetry.Discard("lifecycle")).ServeGRPC(ctx, local{l}, nil)
	}()
	conn, err := grpc.NewClient(l.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	s.must(err)
	defer func() {
		_ = conn.Close()
		stop()
		s.must(<-served)
	}()
	forged := metadata.AppendToOutgoingContext(as(t, s.keyOf[auth.Operator]), "siteplane-address", "203.0.113.9", "x-forwarded-for", "203.0.113.9")
	_, err = lifecyclev1.NewSiteServiceClient(conn).CreateSite(forged, newSite("Shop"))
	s.must(err)
	if e := s.lastEntry(); e.GetAddress() != "127.0.0.1" {
		t.Errorf("the entry is %v", e)
	}
}

// local is a listener that bears the address of a socket.
type local struct{ net.Listener }

func (local) Addr() net.Addr { return &net.UnixAddr{Name: "test", Net: "unix"} }
