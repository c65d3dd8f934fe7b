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
	"math"
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
	"github.com/siteplane/siteplane/services/lifecycle/api/document"
	"github.com/siteplane/siteplane/services/lifecycle/app"
)

// API serves one control plane.
type API struct {
	cp        *app.ControlPlane
	telemetry *telemetry.Telemetry
	// patience is how long an answer may not be read, shorter in tests.
	patience time.Duration
}

// New returns an API that serves nothing yet.
func New(cp *app.ControlPlane, t *telemetry.Telemetry) *API {
	return &API{cp: cp, telemetry: t, patience: slowAfter}
}

// server builds a gRPC server with every public service. Address tells where a call
// came from; streams end when stopping is closed; maxStreams is how many calls a
// connection may have open, 0 for the usual number.
func (a *API) server(l net.Listener, tlsConfig *tls.Config, address func(context.Context) string, maxStreams uint32, stopping <-chan struct{}) (*rpc.Server, error) {
	s, err := rpc.NewServer(rpc.ServerConfig{
		Listener: l, TLS: tlsConfig, Telemetry: a.telemetry, MaxStreams: maxStreams,
		Authorizer: &authorizer{provider: a.cp.Auth(), admit: a.cp.Admit, address: address, logger: a.cp.Logger()},
	})
	if err != nil {
		return nil, err
	}
	lifecyclev1.RegisterSiteServiceServer(s.GRPC(), &siteService{cp: a.cp, logger: a.cp.Logger()})
	lifecyclev1.RegisterDomainServiceServer(s.GRPC(), &domainService{cp: a.cp, logger: a.cp.Logger()})
	lifecyclev1.RegisterTenantServiceServer(s.GRPC(), &tenantService{cp: a.cp, logger: a.cp.Logger()})
	lifecyclev1.RegisterKeyServiceServer(s.GRPC(), &keyService{cp: a.cp, logger: a.cp.Logger()})
	lifecyclev1.RegisterEventServiceServer(s.GRPC(), &eventService{
		cp: a.cp, logger: a.cp.Logger(), stopping: stopping, slowAfter: a.patience,
	})
	lifecyclev1.RegisterZoneServiceServer(s.GRPC(), &zoneService{cp: a.cp, logger: a.cp.Logger()})
	lifecyclev1.RegisterOperationServiceServer(s.GRPC(), &operationService{cp: a.cp, logger: a.cp.Logger()})
	lifecyclev1.RegisterInfrastructureServiceServer(s.GRPC(), &infrastructureService{cp: a.cp, logger: a.cp.Logger()})
	return s, nil
}

// ServeGRPC serves the gRPC services until the context is done, then lets
// running calls end.
func (a *API) ServeGRPC(ctx context.Context, l net.Listener, tlsConfig *tls.Config) error {
	s, err := a.server(l, tlsConfig, peerAddress, 0, ctx.Done())
	if err != nil {
		return errors.Join(fmt.Errorf("serve gRPC: %w", err), l.Close())
	}
	return s.Serve(ctx)
}

// Handler returns the REST gateway. Requests pass through the same interceptors
// as gRPC calls, over memory. It works until the context is done.
func (a *API) Handler(ctx context.Context) (http.Handler, error) {
	return a.handler(ctx, ctx.Done())
}

// handler is Handler with streams that may end before the rest.
func (a *API) handler(ctx context.Context, stopping <-chan struct{}) (http.Handler, error) {
	memory := bufconn.Listen(1 << 20)
	// All callers share the one connection: none may take the place of another.
	s, err := a.server(memory, nil, gatewayAddress, math.MaxUint32, stopping)
	if err != nil {
		return nil, fmt.Errorf("build gateway: %w", err)
	}
	conn, err := rpc.Dial("passthrough:///gateway", rpc.DialConfig{
		Telemetry: a.telemetry, MaxReceiveBytes: 64 << 20, // a long timeline
		Dialer: func(ctx context.Context, _ string) (net.Conn, error) { return memory.DialContext(ctx) },
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
	public, err := document.Handler(openapi.JSON)
	if err != nil {
		return nil, fmt.Errorf("build gateway: %w", err)
	}
	gateway := newGateway()
	for _, register := range []func(context.Context, *runtime.ServeMux, *grpc.ClientConn) error{
		lifecyclev1.RegisterSiteServiceHandler, lifecyclev1.RegisterDomainServiceHandler,
		lifecyclev1.RegisterTenantServiceHandler, lifecyclev1.RegisterKeyServiceHandler,
		lifecyclev1.RegisterEventServiceHandler, lifecyclev1.RegisterZoneServiceHandler,
		lifecyclev1.RegisterOperationServiceHandler, lifecyclev1.RegisterInfrastructureServiceHandler,
	} {
		if err := register(ctx, gateway, conn); err != nil {
			return nil, fmt.Errorf("build gateway: %w", err)
		}
	}
	mux := http.NewServeMux()
	mux.Handle("/v1/", http.MaxBytesHandler(gateway, 1<<20))
	mux.Handle(document.JSONPath, public) // without a key: both are in the repository
	mux.Handle(document.PagePath, public)
	traced := otelhttp.NewHandler(mux, "rest", otelhttp.WithTracerProvider(a.telemetry.TracerProvider()),
		otelhttp.WithPropagators(tracecontext.Propagator()),
		otelhttp.WithSpanOptions(trace.WithSpanKind(trace.SpanKindServer)))
	return boundWrites(traced, a.patience), nil
}

// ServeREST serves the gateway over TLS until the context is done, then lets
// running requests end for 10 s and cuts the rest.
func (a *API) ServeREST(ctx context.Context, l net.Listener, tlsConfig *tls.Config) error {
	gateway, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop() // after the last request has ended
	handler, err := a.handler(gateway, ctx.Done())
	if err != nil {
		return errors.Join(err, l.Close())
	}
	server := &http.Server{
		Handler: handler, TLSConfig: tlsConfig, MaxHeaderBytes: 64 << 10,
		ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute,
	}
	ended := make(chan error, 1)
	go func() { ended <- server.ServeTLS(l, "", "") }()
	select {
	case err := <-ended:
		return fmt.Errorf("serve REST: %w", err)
	case <-ctx.Done():
	}
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	if err := server.Shutdown(ending); err != nil {
		a.cp.Logger().WarnContext(ctx, "running requests are cut", "error", err)
		return server.Close()
	}
	return nil
}
