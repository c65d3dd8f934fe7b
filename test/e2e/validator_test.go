package e2e

import (
	"context"
	"net"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	dnsvalidatorv1 "github.com/siteplane/siteplane/gen/siteplane/dnsvalidator/v1"
	"github.com/siteplane/siteplane/internal/platform/identity"
	"github.com/siteplane/siteplane/internal/platform/rpc"
	"github.com/siteplane/siteplane/internal/platform/telemetry"
	"github.com/siteplane/siteplane/services/lifecycle/condition"
	"github.com/siteplane/siteplane/services/lifecycle/site"
)

// validator is a DNS validator whose answers a test decides.
type validator struct {
	dnsvalidatorv1.UnimplementedDNSValidatorServiceServer

	mu sync.Mutex
	// addresses and probe answer the two questions.
	addresses, probe answer
	asked            map[string]int
}

// answer is an outcome or an error.
type answer func() (dnsvalidatorv1.Outcome, error)

func confirmed() (dnsvalidatorv1.Outcome, error) {
	return dnsvalidatorv1.Outcome_OUTCOME_CONFIRMED, nil
}

// nothing is an answer without an outcome, as of a service of another version.
func nothing() (dnsvalidatorv1.Outcome, error) {
	return dnsvalidatorv1.Outcome_OUTCOME_UNSPECIFIED, nil
}

func failing(code codes.Code) answer {
	return func() (dnsvalidatorv1.Outcome, error) {
		return dnsvalidatorv1.Outcome_OUTCOME_CONFIRMED, status.Error(code, "the resolvers are down")
	}
}

func (v *validator) CheckAddresses(context.Context, *dnsvalidatorv1.CheckAddressesRequest) (*dnsvalidatorv1.CheckAddressesResponse, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.asked["addresses"]++
	outcome, err := v.addresses()
	return &dnsvalidatorv1.CheckAddressesResponse{Outcome: outcome}, err
}

func (v *validator) ProbeHostname(context.Context, *dnsvalidatorv1.ProbeHostnameRequest) (*dnsvalidatorv1.ProbeHostnameResponse, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.asked["probe"]++
	outcome, err := v.probe()
	return &dnsvalidatorv1.ProbeHostnameResponse{Outcome: outcome}, err
}

func (v *validator) set(addresses, probe answer) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.addresses, v.probe = addresses, probe
}

func (v *validator) count(question string) int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.asked[question]
}

// serve puts the validator behind mTLS, with the policy of the real one, and
// returns lifecycle's connection to it.
func (v *validator) serve(t *testing.T) grpc.ClientConnInterface {
	t.Helper()
	ca, err := identity.LoadOrCreateCA(t.TempDir(), "siteplane.test")
	check(t, err)
	callee, err := ca.Issue("/service/dnsvalidator", time.Hour)
	check(t, err)
	caller, err := ca.Issue("/service/lifecycle", time.Hour)
	check(t, err)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	allowed := []string{"/service/lifecycle"}
	server, err := rpc.NewServer(rpc.ServerConfig{
		Listener: listener, TLS: callee.ServerTLS(), Telemetry: telemetry.Discard("dnsvalidator"),
		Authorizer: rpc.Policy{
			dnsvalidatorv1.DNSValidatorService_CheckAddresses_FullMethodName: allowed,
			dnsvalidatorv1.DNSValidatorService_CheckOwnership_FullMethodName: allowed,
			dnsvalidatorv1.DNSValidatorService_ProbeHostname_FullMethodName:  allowed,
		},
	})
	check(t, err)
	dnsvalidatorv1.RegisterDNSValidatorServiceServer(server.GRPC(), v)
	ctx, stop := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- server.Serve(ctx) }()
	conn, err := rpc.Dial(listener.Addr().String(), rpc.DialConfig{TLS: caller.ClientTLS("/service/dnsvalidator"), Telemetry: telemetry.Discard("lifecycle")})
	check(t, err)
	t.Cleanup(func() {
		check(t, conn.Close())
		stop()
		check(t, <-served)
	})
	return conn
}

// wantStuck waits until a question was asked twice more in vain, and fails
// unless the site is at a status with an Unknown condition of the operator's.
func (l *library) wantStuck(question string, at site.Status, kind condition.Type) {
	l.t.Helper()
	before := l.validator.count(question)
	eventually(l.t, "the validator is asked again", func() (string, bool) {
		now := l.view().Site.Status
		if now == site.Active {
			l.t.Fatal("the site is ACTIVE")
		}
		return string(now), l.validator.count(question) >= before+2
	})
	view := l.view()
	if view.Site.Status != at {
		l.t.Errorf("the site is %s, want %s", view.Site.Status, at)
	}
	c, _ := condition.Find(view.Primary.Conditions, kind)
	if c.Status != condition.Unknown || c.Reason != "SERVICE_UNAVAILABLE" || c.Actor != condition.Operator {
		l.t.Errorf("%s is %+v", kind, c)
	}
}

// F60, I32: a validator that cannot answer is no evidence, neither for nor
// against. The site waits and goes on once there is an answer.
func TestSite_is_never_active_on_the_word_of_a_validator_that_fails(t *testing.T) {
	t.Parallel()
	for name, broken := range map[string]answer{
		"unavailable": failing(codes.Unavailable),
		"internal":    failing(codes.Internal),
		"nothing":     nothing,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := startLibrary(t)
			l.validator.set(broken, broken)
			l.create()
			l.await(site.DomainPendingDNS)
			l.wantStuck("addresses", site.DomainPendingDNS, condition.Resolves)
			if probes := l.validator.count("probe"); probes != 0 {
				t.Errorf("%d probes of a name that was not validated", probes)
			}
			l.validator.set(confirmed, broken)
			l.await(site.DomainRouted)
			l.wantStuck("probe", site.DomainRouted, condition.Serving)
			l.validator.set(confirmed, confirmed)
			l.await(site.Active)
		})
	}
}
