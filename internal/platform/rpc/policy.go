package rpc

import (
	"context"
	"slices"
	"strings"

	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/siteplane/siteplane/internal/platform/rpcerr"
)

// Authorizer decides who may call what.
type Authorizer interface {
	// Authorize returns the context for the handler, or a status error:
	// UNAUTHENTICATED for a caller it does not know, PERMISSION_DENIED for one it
	// knows. Health methods are asked about like all others.
	Authorize(ctx context.Context, fullMethod string) (context.Context, error)
	// Covers tells whether there is a decision for a method, such as
	// "/siteplane.edge.v1.EdgeService/Apply". Health methods are never asked about.
	Covers(fullMethod string) bool
}

// Policy is the Authorizer for callers with client certificates: full method to
// the SPIFFE paths that may call it. A path ends in "/*" to mean any one last
// segment, as in "/edge/*". A method without a row is denied to everybody, and a
// row without paths too. Any verified caller may ask for health.
type Policy map[string][]string

// Authorize implements Authorizer. UNAUTHENTICATED, reason BAD_CREDENTIAL: no
// verified client certificate, or it has expired since the handshake.
// PERMISSION_DENIED, reason NOT_ALLOWED: not in the method's row.
func (p Policy) Authorize(ctx context.Context, fullMethod string) (context.Context, error) {
	id, ok := verifiedPeer(ctx)
	if !ok {
		return nil, rpcerr.New(codes.Unauthenticated, rpcerr.ReasonBadCredential,
			"a valid client certificate of this installation is needed")
	}
	if isHealth(fullMethod) || p.allows(fullMethod, id.Path()) {
		return ctx, nil
	}
	return nil, rpcerr.New(codes.PermissionDenied, rpcerr.ReasonNotAllowed,
		id.Path()+" may not call "+fullMethod)
}

// Covers implements Authorizer.
func (p Policy) Covers(fullMethod string) bool {
	_, ok := p[fullMethod]
	return ok || isHealth(fullMethod)
}

func (p Policy) allows(fullMethod, path string) bool {
	return slices.ContainsFunc(p[fullMethod], func(pattern string) bool { return matches(pattern, path) })
}

func matches(pattern, path string) bool {
	parent, wildcard := strings.CutSuffix(pattern, "/*")
	if !wildcard {
		return pattern == path
	}
	last, below := strings.CutPrefix(path, parent+"/")
	return below && last != "" && !strings.Contains(last, "/")
}

func isHealth(fullMethod string) bool {
	return strings.HasPrefix(fullMethod, "/"+healthpb.Health_ServiceDesc.ServiceName+"/")
}
