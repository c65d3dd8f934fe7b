package program

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/spiffe/go-spiffe/v2/svid/x509svid"
	"google.golang.org/grpc"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/siteplane/siteplane/internal/platform/admin"
	"github.com/siteplane/siteplane/internal/platform/identity"
	"github.com/siteplane/siteplane/internal/platform/rpc"
	"github.com/siteplane/siteplane/internal/platform/telemetry"
)

// healthLimit is how long a service may take to say that it serves.
const healthLimit = 2 * time.Second

// MonitorPath is the SPIFFE path of what looks at admin listeners.
const MonitorPath = "/service/monitor"

// Admin says where /healthz and /metrics are served.
type Admin struct {
	ListenAdmin string `help:"Where /healthz and /metrics are served, to the certificate 'monitor' of 'siteplane pki init'. Default: nowhere." placeholder:"HOST:PORT"`
}

// Check reports what is wrong with the address.
func (a Admin) Check() error {
	if a.ListenAdmin == "" {
		return nil
	}
	return CheckAddress("--listen-admin", a.ListenAdmin)
}

// Listen listens, or returns nil where nothing shall be served.
func (a Admin) Listen() (net.Listener, error) {
	if a.ListenAdmin == "" {
		return nil, nil
	}
	return Listen("--listen-admin", a.ListenAdmin)
}

// ServeAdmin serves health and metrics of the service whose gRPC listener is at
// an address, until the context is done. No listener is nothing to serve.
func ServeAdmin(ctx context.Context, l net.Listener, who *identity.Identity, service net.Addr, t *telemetry.Telemetry) error {
	if l == nil {
		<-ctx.Done()
		return nil
	}
	conn, err := rpc.Dial(near(service), rpc.DialConfig{TLS: who.ClientTLS(who.Path()), Telemetry: t})
	if err != nil {
		return errors.Join(err, l.Close())
	}
	defer conn.Close()
	s, err := admin.New(admin.Config{
		Listener: l, TLS: who.ServerTLS(), Authorize: authorize, Logger: t.Logger(),
		Serving: func() bool { return serving(ctx, conn) },
	})
	if err != nil {
		return errors.Join(fmt.Errorf("serve admin: %w", err), l.Close())
	}
	return s.Serve(ctx)
}

func serving(ctx context.Context, conn grpc.ClientConnInterface) bool {
	ctx, cancel := context.WithTimeout(ctx, healthLimit)
	defer cancel()
	answer, err := healthpb.NewHealthClient(conn).Check(ctx, &healthpb.HealthCheckRequest{})
	return err == nil && answer.GetStatus() == healthpb.HealthCheckResponse_SERVING
}

// authorize trusts the certificate because the handshake verified it.
func authorize(r *http.Request) error {
	if r.TLS == nil || len(r.TLS.PeerCertificates) == 0 {
		return admin.ErrUnauthenticated
	}
	id, err := x509svid.IDFromCert(r.TLS.PeerCertificates[0])
	if err != nil {
		return errors.Join(admin.ErrUnauthenticated, err)
	}
	if id.Path() != MonitorPath {
		return fmt.Errorf("%s may not look", id.Path())
	}
	return nil
}

// near is where a listener is reached from its own host.
func near(a net.Addr) string {
	tcp, ok := a.(*net.TCPAddr)
	if !ok || !tcp.IP.IsUnspecified() {
		return a.String()
	}
	return net.JoinHostPort("localhost", fmt.Sprint(tcp.Port))
}
