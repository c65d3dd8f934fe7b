package rpc

import (
	"cmp"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"time"

	"buf.build/go/protovalidate"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"

	"github.com/siteplane/siteplane/internal/platform/telemetry"
)

const (
	defaultReceiveBytes = 4 << 20
	// defaultDrain leaves a program that has 10 s to end time for the rest.
	defaultDrain   = 7 * time.Second
	maxStreams     = 256
	maxHeaderBytes = 64 << 10
	// handshakeTimeout is shorter than the drain time, because stopping waits for
	// handshakes.
	handshakeTimeout = 5 * time.Second
	// maxConnectionAge makes callers connect again, and so present a renewed
	// certificate. Running calls are not cut.
	maxConnectionAge = 15 * time.Minute
)

// ServerConfig says what a server needs. Listener, Authorizer and Telemetry are
// required.
type ServerConfig struct {
	// Listener is closed by Serve.
	Listener net.Listener
	// TLS may be nil only where no network is involved: Unix sockets and
	// in-memory listeners.
	TLS *tls.Config
	// Authorizer decides on every call.
	Authorizer Authorizer
	Telemetry  *telemetry.Telemetry
	// MaxReceiveBytes limits one message. Zero: 4 MiB.
	MaxReceiveBytes int
	// MaxStreams limits the calls that one connection may have open. Zero: 256.
	MaxStreams uint32
	// DrainTimeout is how long running calls may go on at the end. Zero: 7 s.
	DrainTimeout time.Duration
	// UnaryInterceptors and StreamInterceptors run after the built-in ones, so on
	// authorized and valid requests only.
	UnaryInterceptors  []grpc.UnaryServerInterceptor
	StreamInterceptors []grpc.StreamServerInterceptor
}

// Server is a gRPC server with health service. Register services on GRPC, then
// call Serve once.
type Server struct {
	grpc       *grpc.Server
	health     *health.Server
	listener   net.Listener
	authorizer Authorizer
	logger     *slog.Logger
	drain      time.Duration
}

// NewServer builds a server. It does not accept connections yet.
func NewServer(cfg ServerConfig) (*Server, error) {
	if err := cfg.validate(); err != nil {
		return nil, fmt.Errorf("build server: %w", err)
	}
	validator, err := protovalidate.New()
	if err != nil {
		return nil, fmt.Errorf("build validator of requests: %w", err)
	}
	s := &Server{
		grpc:       grpc.NewServer(cfg.options(validator)...),
		health:     health.NewServer(),
		listener:   cfg.Listener,
		authorizer: cfg.Authorizer,
		logger:     cfg.Telemetry.Logger(),
		drain:      cfg.DrainTimeout,
	}
	if s.drain == 0 {
		s.drain = defaultDrain
	}
	s.health.SetServingStatus("", healthpb.HealthCheckResponse_NOT_SERVING)
	healthpb.RegisterHealthServer(s.grpc, s.health)
	return s, nil
}

// GRPC returns the server to register services on.
func (s *Server) GRPC() *grpc.Server {
	return s.grpc
}

// Addr returns where the server listens.
func (s *Server) Addr() net.Addr {
	return s.listener.Addr()
}

// validate reports every problem at once.
func (c ServerConfig) validate() error {
	var errs []error
	if c.Listener == nil {
		errs = append(errs, errors.New("no listener"))
	}
	if c.Authorizer == nil {
		errs = append(errs, errors.New("no authorizer"))
	}
	if c.Telemetry == nil {
		errs = append(errs, errors.New("no telemetry"))
	}
	if c.Listener != nil && c.TLS == nil && isNetwork(c.Listener.Addr()) {
		errs = append(errs, fmt.Errorf("no TLS on network listener %s", c.Listener.Addr()))
	}
	if c.TLS != nil && acceptsUnverified(c.TLS) {
		errs = append(errs, errors.New("TLS asks for client certificates and does not verify them"))
	}
	return errors.Join(errs...)
}

func (c ServerConfig) options(validator protovalidate.Validator) []grpc.ServerOption {
	unary, stream := split(c.interceptors(validator))
	opts := []grpc.ServerOption{
		grpc.StatsHandler(serverTraces(c.Telemetry)),
		grpc.ChainUnaryInterceptor(append(unary, c.UnaryInterceptors...)...),
		grpc.ChainStreamInterceptor(append(stream, c.StreamInterceptors...)...),
		grpc.MaxRecvMsgSize(orDefault(c.MaxReceiveBytes)),
		grpc.MaxConcurrentStreams(cmp.Or(c.MaxStreams, maxStreams)),
		grpc.MaxHeaderListSize(maxHeaderBytes),
		grpc.ConnectionTimeout(handshakeTimeout),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: 10 * time.Second, PermitWithoutStream: true}),
		grpc.KeepaliveParams(keepalive.ServerParameters{
			Time: time.Minute, Timeout: 20 * time.Second, MaxConnectionAge: maxConnectionAge}),
	}
	if c.TLS != nil {
		opts = append(opts, grpc.Creds(credentials.NewTLS(c.TLS)))
	}
	return opts
}

func orDefault(bytes int) int {
	if bytes == 0 {
		return defaultReceiveBytes
	}
	return bytes
}

// isNetwork tells whether other hosts or users could reach the address.
func isNetwork(addr net.Addr) bool {
	switch addr.Network() {
	case "unix", "bufconn", "pipe":
		return false
	default:
		return true
	}
}

// acceptsUnverified tells whether the configuration would take any client
// certificate for true.
func acceptsUnverified(cfg *tls.Config) bool {
	asks := cfg.ClientAuth == tls.RequestClientCert || cfg.ClientAuth == tls.RequireAnyClientCert
	return asks && cfg.VerifyPeerCertificate == nil && cfg.VerifyConnection == nil
}
