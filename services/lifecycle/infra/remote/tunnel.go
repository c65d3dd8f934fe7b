package remote

import (
	"context"
	"time"

	"google.golang.org/grpc"

	tunnelv1 "github.com/siteplane/siteplane/gen/siteplane/tunnel/v1"
	"github.com/siteplane/siteplane/services/lifecycle/infra"
)

const lookupLimit = 15 * time.Second

// Tunnel is an infra.TunnelProvider over the tunnel service.
type Tunnel struct {
	client tunnelv1.TunnelServiceClient
}

// NewTunnel returns a provider on a connection.
func NewTunnel(conn grpc.ClientConnInterface) *Tunnel {
	return &Tunnel{client: tunnelv1.NewTunnelServiceClient(conn)}
}

// LookupZone implements infra.TunnelProvider.
func (t *Tunnel) LookupZone(ctx context.Context, hostname string) (infra.ZoneAnswer, error) {
	ctx, cancel := context.WithTimeout(ctx, lookupLimit)
	defer cancel()
	answer, err := t.client.LookupZone(ctx, &tunnelv1.LookupZoneRequest{Hostname: hostname})
	if err != nil {
		return infra.ZoneAnswer{}, unavailable("tunnel", err)
	}
	return infra.ZoneAnswer{
		Found: answer.GetZone() != nil, ZoneName: answer.GetZone().GetName(), Backend: answer.GetBackend(),
	}, nil
}
