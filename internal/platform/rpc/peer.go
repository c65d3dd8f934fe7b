package rpc

import (
	"context"
	"crypto/x509"
	"time"

	"github.com/spiffe/go-spiffe/v2/spiffeid"
	"github.com/spiffe/go-spiffe/v2/svid/x509svid"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/peer"

	"github.com/siteplane/siteplane/internal/platform/telemetry"
)

// PeerID returns the verified SPIFFE id of the other side, in a handler: of the
// caller. It is false without a client certificate, and when the certificate has
// expired since the handshake.
func PeerID(ctx context.Context) (string, bool) {
	id, ok := verifiedPeer(ctx)
	return id.String(), ok
}

// PeerCertificate returns the verified certificate by which the other side is who
// PeerID says. It is false where that is.
func PeerCertificate(ctx context.Context) (*x509.Certificate, bool) {
	if _, ok := verifiedPeer(ctx); !ok {
		return nil, false
	}
	return peerLeaf(ctx)
}

// verifiedPeer trusts the certificate because the handshake verified it:
// NewServer refuses configurations that would not.
func verifiedPeer(ctx context.Context) (spiffeid.ID, bool) {
	leaf, ok := peerLeaf(ctx)
	if !ok {
		return spiffeid.ID{}, false
	}
	id, err := x509svid.IDFromCert(leaf)
	if err != nil || time.Now().After(leaf.NotAfter) {
		return spiffeid.ID{}, false
	}
	return id, true
}

func peerLeaf(ctx context.Context) (*x509.Certificate, bool) {
	p, ok := peer.FromContext(ctx)
	if !ok {
		return nil, false
	}
	info, ok := p.AuthInfo.(credentials.TLSInfo)
	if !ok || len(info.State.PeerCertificates) == 0 {
		return nil, false
	}
	return info.State.PeerCertificates[0], true
}

// recordPeer puts the other side's id on the current span.
func recordPeer(ctx context.Context) {
	if id, ok := PeerID(ctx); ok {
		trace.SpanFromContext(ctx).SetAttributes(attribute.String(telemetry.KeySpanPeer, id))
	}
}
