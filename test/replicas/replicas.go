// Package replicas owns what tests of several lifecycles on one PostgreSQL database
// share: how a client reaches one lifecycle of an installation, and how to wait for
// something to become so.
//
// It must not know what is tested. Its own test is about what becomes of the work of
// lifecycles that end, are killed, or stand still.
package replicas

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	"github.com/siteplane/siteplane/internal/platform/cliconfig"
	"github.com/siteplane/siteplane/internal/platform/rpc"
	"github.com/siteplane/siteplane/test/split"
)

// lookEvery is the pause between two looks.
const lookEvery = 20 * time.Millisecond

// Dial returns a connection to the nth lifecycle of an installation, from 1, with a key;
// an empty one stands for the admin's.
func Dial(i *split.Installation, n int, key string, opts ...grpc.DialOption) (*grpc.ClientConn, error) {
	config, err := cliconfig.Read(i.CLIConfig())
	if err != nil {
		return nil, err
	}
	if key == "" {
		key = config.Key
	}
	roots, err := config.Roots()
	if err != nil {
		return nil, err
	}
	return grpc.NewClient(i.GRPC(n), append(opts,
		grpc.WithTransportCredentials(credentials.NewTLS(&tls.Config{MinVersion: tls.VersionTLS13, RootCAs: roots})),
		grpc.WithPerRPCCredentials(rpc.Bearer(key)))...)
}

// Await looks until nothing is missed, or returns what was when that takes too long.
func Await(ctx context.Context, limit time.Duration, what string, look func(ctx context.Context) error) error {
	ctx, cancel := context.WithTimeoutCause(ctx, limit, errors.New("not within "+limit.String()))
	defer cancel()
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	missed := errors.New("there was no time to look")
	for {
		err := look(ctx)
		if err == nil {
			return nil
		}
		if ctx.Err() == nil {
			missed = err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s: %w: %w", what, context.Cause(ctx), missed)
		case <-tick.C:
		}
	}
}
