package service

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"google.golang.org/grpc"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
)

const (
	// lookEvery is how often a peer is asked whether it serves.
	lookEvery = 2 * time.Second
	// lookLimit is how long it may take to answer.
	lookLimit = 5 * time.Second
)

// peer is a service that lifecycle calls.
type peer struct {
	name, address string
	conn          *grpc.ClientConn
}

// watch says in the log when the peer can no longer be reached and when it can
// again, until the context is done. That nothing goes on meanwhile is written in
// the conditions of what waits for it.
func (p *peer) watch(ctx context.Context, logger *slog.Logger) {
	logger = logger.With("peer", p.name, "address", p.address)
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	var was bool
	var said string
	for {
		err := p.look(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case err == nil && !was:
			logger.InfoContext(ctx, "service is reached")
			was, said = true, ""
		case err != nil && cause(err) != said:
			was, said = false, cause(err)
			logger.WarnContext(ctx, "service cannot be reached, what needs it waits", "error", said, "remedy", p.remedy(said))
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (p *peer) look(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, lookLimit)
	defer cancel()
	answer, err := healthpb.NewHealthClient(p.conn).Check(ctx, &healthpb.HealthCheckRequest{})
	if err == nil && answer.GetStatus() != healthpb.HealthCheckResponse_SERVING {
		return fmt.Errorf("it is %s", answer.GetStatus())
	}
	return err
}

func cause(err error) string {
	if s, ok := status.FromError(err); ok {
		return s.Message()
	}
	return err.Error()
}

// remedy tells a service that is not there from one that is not believed; gRPC
// gives both as text only.
func (p *peer) remedy(cause string) string {
	for _, word := range []string{"handshake", "tls:", "x509", "certificate"} {
		if strings.Contains(cause, word) {
			return "something answers there that is not " + p.name +
				" of this installation, or takes us for a stranger: check the address, and that both programs have folders from the same `siteplane pki init`"
		}
	}
	return "start " + p.name + " there, or correct its address in lifecycle's settings; check that no firewall is between"
}
