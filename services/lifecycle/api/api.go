// Package api puts a control plane on the wire: the public gRPC services and the
// REST gateway in front of the same services. It translates and authorizes; it
// decides nothing. Every RPC has a row in policy.go; errors.go holds the one
// switch from errors to statuses.
package api

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc"
	"google.golang.org/grpc/test/bufconn"

	"github.com/siteplane/siteplane/gen/openapi"
	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
	"github.com/siteplane/siteplane/internal/platform/rpc"
	"github.com/siteplane/siteplane/internal/platform/telemetry"
	"github.com/siteplane/siteplane/internal/platform/tracecontext"
	"github.com/siteplane/siteplane/services/lifecycle/app"
)

// API serves one control plane.
type API struct {
	cp        *app.ControlPlane
	telemetry *telemetry.Telemetry
}

// New returns an API that serves nothing yet.
func New(cp *app.ControlPlane, t *telemetry.Telemetry) *API {
	return &API{cp: cp, telemetry: t}
}

// server builds a gRPC server with every public service.
func (a *API) server(l net.Listener, tlsConfig *tls.Config) (*rpc.Server, error) {
	s, err := rpc.NewServer(rpc.ServerConfig{
		Listener: l, TLS: tlsConfig, Telemetry: a.telemetry,
		Authorizer: &authorizer{provider: a.cp.Auth(), logger: a.cp.Logger()},
	})
	if err != nil {
		return nil, err
	}
	lifecyclev1.RegisterSiteServiceServer(s.GRPC(), &siteService{cp: a.cp, logger: a.cp.Logger()})
	lifecyclev1.RegisterDomainServiceServer(s.GRPC(), &domainService{cp: a.cp, logger: a.cp.Logger()})
	lifecyclev1.RegisterTenantServiceServer(s.GRPC(), &tenantService{cp: a.cp, logger: a.cp.Logger()})
	lifecyclev1.RegisterZoneServiceServer(s.GRPC(), &zoneService{cp: a.cp, logger: a.cp.Logger()})
	lifecyclev1.RegisterOperationServiceServer(s.GRPC(), &operationService{cp: a.cp, logger: a.cp.Logger()})
	lifecyclev1.RegisterInfrastructureServiceServer(s.GRPC(), &infrastructureService{cp: a.cp, logger: a.cp.Logger()})
	return s, nil
}

// ServeGRPC serves the gRPC services until the context is done, then lets
// running calls end.
func (a *API) ServeGRPC(ctx context.Context, l net.Listener, tlsConfig *tls.Config) error {
	s, err := a.server(l, tlsConfig)
	if err != nil {
		return errors.Join(fmt.Errorf("serve gRPC: %w", err), l.Close())
	}
	return s.Serve(ctx)
}

// Handler returns the REST gateway. Requests pass through the same interceptors
// as gRPC calls, over memory. It works until the context is done.
func (a *API) Handler(ctx context.Context) (http.Handler, error) {
	memory := bufconn.Listen(1 << 20)
	s, err := a.server(memory, nil)
	if err != nil {
		return nil, fmt.Errorf("build gateway: %w", err)
	}
	conn, err := rpc.Dial("passthrough:///gateway", rpc.DialConfig{
		Telemetry: a.telemetry,
		Dialer:    func(ctx context.Context, _ string) (net.Conn, error) { return memory.DialContext(ctx) },
	})
	if err != nil {
		return nil, fmt.Errorf("build gateway: %w", err)
	}
	go func() {
		if err := s.Serve(ctx); err != nil && ctx.Err() == nil {
			a.cp.Logger().ErrorContext(ctx, "gateway ended", "error", err)
		}
		conn.Close()
	}()
	return a.routes(ctx, conn)
}

func (a *API) routes(ctx context.Context, conn *grpc.ClientConn) (http.Handler, error) {
	gateway := runtime.NewServeMux(runtime.WithIncomingHeaderMatcher(forwarded))
	for _, register := range []func(context.Context, *runtime.ServeMux, *grpc.ClientConn) error{
		lifecyclev1.RegisterSiteServiceHandler, lifecyclev1.RegisterDomainServiceHandler,
		lifecyclev1.RegisterTenantServiceHandler, lifecyclev1.RegisterZoneServiceHandler,
		lifecyclev1.RegisterOperationServiceHandler, lifecyclev1.RegisterInfrastructureServiceHandler,
	} {
		if err := register(ctx, gateway, conn); err != nil {
			return nil, fmt.Errorf("build gateway: %w", err)
		}
	}
	mux := http.NewServeMux()
	mux.Handle("/v1/", http.MaxBytesHandler(gateway, 1<<20))
	mux.HandleFunc("GET /openapi.json", a.document)
	return otelhttp.NewHandler(mux, "rest", otelhttp.WithTracerProvider(a.telemetry.TracerProvider()),
		otelhttp.WithPropagators(tracecontext.Propagator()),
		otelhttp.WithSpanOptions(trace.WithSpanKind(trace.SpanKindServer))), nil
}

// document serves the OpenAPI document to whoever has a valid key.
func (a *API) document(w http.ResponseWriter, r *http.Request) {
	if _, err := a.cp.Auth().Authenticate(r.Context(), bearer(r.Header.Values("Authorization"))); err != nil {
		http.Error(w, "the credential is missing or not valid", http.StatusUnauthorized)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	if _, err := w.Write(openapi.JSON); err != nil {
		a.cp.Logger().DebugContext(r.Context(), "the caller of the OpenAPI document is gone", "error", err)
	}
}

// forwarded lets no header of a request reach the services as metadata; the
// gateway itself passes on Authorization.
func forwarded(string) (string, bool) { return "", false }

// ServeREST serves the gateway over TLS until the context is done, then lets
// running requests end.
func (a *API) ServeREST(ctx context.Context, l net.Listener, tlsConfig *tls.Config) error {
	gateway, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop() // after the last request has ended
	handler, err := a.Handler(gateway)
	if err != nil {
		return errors.Join(err, l.Close())
	}
	server := &http.Server{Handler: handler, TLSConfig: tlsConfig, ReadHeaderTimeout: 10 * time.Second, MaxHeaderBytes: 64 << 10}
	ended := make(chan error, 1)
	go func() { ended <- server.ServeTLS(l, "", "") }()
	select {
	case err := <-ended:
		return fmt.Errorf("serve REST: %w", err)
	case <-ctx.Done():
	}
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	return server.Shutdown(ending)
}
