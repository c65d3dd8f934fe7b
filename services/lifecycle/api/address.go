package api

import (
	"context"
	"net"
	"net/http"

	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
)

// peerAddress is the network address of whoever opened the connection.
func peerAddress(ctx context.Context) string {
	p, ok := peer.FromContext(ctx)
	if !ok {
		return ""
	}
	return host(p.Addr.String())
}

// addressKey is how the gateway passes on where a request came from. Only the server
// in its memory reads it; a caller's header never becomes metadata.
const addressKey = "siteplane-address"

// gatewayAddress is the address that the gateway has passed on.
func gatewayAddress(ctx context.Context) string {
	if values := metadata.ValueFromIncomingContext(ctx, addressKey); len(values) == 1 {
		return values[0]
	}
	return ""
}

// passAddress is what the gateway adds to each call.
func passAddress(_ context.Context, r *http.Request) metadata.MD {
	return metadata.Pairs(addressKey, host(r.RemoteAddr))
}

// host leaves the port out.
func host(address string) string {
	if name, _, err := net.SplitHostPort(address); err == nil {
		return name
	}
	return address
}
