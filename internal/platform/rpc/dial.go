package rpc

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"

	"github.com/siteplane/siteplane/internal/platform/deadline"
	"github.com/siteplane/siteplane/internal/platform/telemetry"
)

// DialConfig says how to reach a server. Telemetry is required.
type DialConfig struct {
	// TLS may be nil only for "unix:" addresses and with a Dialer.
	TLS       *tls.Config
	Telemetry *telemetry.Telemetry
	// PerRPC adds credentials to each call, such as an API key.
	PerRPC credentials.PerRPCCredentials
	// Keepalive of the zero value: a ping after 30 s of silence, 10 s to answer.
	Keepalive keepalive.ClientParameters
	// CallTimeout is for unary calls without a deadline. Zero: 30 s.
	CallTimeout time.Duration
	// MaxReceiveBytes limits one message. Zero: 4 MiB.
	MaxReceiveBytes int
	// Dialer replaces the network; for in-memory listeners.
	Dialer func(ctx context.Context, addr string) (net.Conn, error)
	// UnaryInterceptors and StreamInterceptors run inside the built-in ones.
	UnaryInterceptors  []grpc.UnaryClientInterceptor
	StreamInterceptors []grpc.StreamClientInterceptor
}

// Dial returns a connection to host:port (or another gRPC target). It returns at
// once and connects in the background, again after each loss, at most 5 s after
// the last attempt. HTTP proxies of the environment are not used.
func Dial(addr string, cfg DialConfig) (*grpc.ClientConn, error) {
	if cfg.Telemetry == nil {
		return nil, fmt.Errorf("dial %s: no telemetry", addr)
	}
	if cfg.TLS == nil && cfg.Dialer == nil && !strings.HasPrefix(addr, "unix:") {
		return nil, fmt.Errorf("dial %s: %w", addr, errors.New("no TLS for a network address"))
	}
	conn, err := grpc.NewClient(addr, cfg.options()...)
	if err != nil {
		return nil, fmt.Errorf("dial %s: %w", addr, err)
	}
	return conn, nil
}

func (c DialConfig) options() []grpc.DialOption {
	limit := outgoing{unaryLimit: c.CallTimeout}
	if limit.unaryLimit == 0 {
		limit.unaryLimit = deadline.DefaultLimit
	}
	opts := []grpc.DialOption{
		grpc.WithTransportCredentials(c.transport()),
		grpc.WithStatsHandler(clientTraces(c.Telemetry)),
		grpc.WithChainUnaryInterceptor(append([]grpc.UnaryClientInterceptor{limit.unary}, c.UnaryInterceptors...)...),
		grpc.WithChainStreamInterceptor(append([]grpc.StreamClientInterceptor{limit.stream}, c.StreamInterceptors...)...),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(orDefault(c.MaxReceiveBytes))),
		grpc.WithKeepaliveParams(c.keepalive()),
		grpc.WithConnectParams(connectParams()),
		grpc.WithDisableServiceConfig(),
		grpc.WithNoProxy(),
	}
	if c.PerRPC != nil {
		opts = append(opts, grpc.WithPerRPCCredentials(c.PerRPC))
	}
	if c.Dialer != nil {
		opts = append(opts, grpc.WithContextDialer(c.Dialer))
	}
	return opts
}

func (c DialConfig) transport() credentials.TransportCredentials {
	if c.TLS == nil {
		return insecure.NewCredentials()
	}
	return credentials.NewTLS(c.TLS)
}

func (c DialConfig) keepalive() keepalive.ClientParameters {
	if c.Keepalive == (keepalive.ClientParameters{}) {
		return keepalive.ClientParameters{Time: 30 * time.Second, Timeout: 10 * time.Second, PermitWithoutStream: true}
	}
	return c.Keepalive
}

// connectParams reconnect sooner than gRPC's default of up to two minutes: a
// restarted neighbour is back within seconds.
func connectParams() grpc.ConnectParams {
	delay := backoff.DefaultConfig
	delay.BaseDelay = 200 * time.Millisecond
	delay.MaxDelay = 5 * time.Second
	return grpc.ConnectParams{Backoff: delay, MinConnectTimeout: 5 * time.Second}
}
