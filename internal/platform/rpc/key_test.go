package rpc_test

import (
	"context"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"

	"github.com/siteplane/siteplane/internal/platform/rpcerr"
)

// keys is an Authorizer by API key: key to tenant.
type keys map[string]string

type tenantKey struct{}

func (k keys) Authorize(ctx context.Context, _ string) (context.Context, error) {
	for _, key := range metadata.ValueFromIncomingContext(ctx, "key") {
		if tenant, ok := k[key]; ok {
			return context.WithValue(ctx, tenantKey{}, tenant), nil
		}
	}
	return nil, rpcerr.New(codes.Unauthenticated, rpcerr.ReasonBadCredential, "no such key")
}

func (keys) Covers(string) bool { return true }

// apiKey sends a key with each call, over TLS only.
type apiKey string

func (k apiKey) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	return map[string]string{"key": string(k)}, nil
}

func (apiKey) RequireTransportSecurity() bool { return true }
