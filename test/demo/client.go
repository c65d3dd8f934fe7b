package main

import (
	"crypto/tls"
	"errors"
	"fmt"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/status"

	"github.com/siteplane/siteplane/internal/platform/cliconfig"
	"github.com/siteplane/siteplane/internal/platform/rpc"
	"github.com/siteplane/siteplane/internal/platform/rpcerr"
)

// dial connects to the installation as a program of somebody else does, with the key
// of a config file.
func dial(file string) (*grpc.ClientConn, error) {
	config, err := cliconfig.Read(file)
	if err != nil {
		return nil, err
	}
	roots, err := config.Roots()
	if err != nil {
		return nil, err
	}
	return grpc.NewClient(config.Address,
		grpc.WithTransportCredentials(credentials.NewTLS(&tls.Config{MinVersion: tls.VersionTLS13, RootCAs: roots})),
		grpc.WithPerRPCCredentials(rpc.Bearer(config.Key)))
}

// refused demands that a call was refused with a code and a reason.
func refused(what string, err error, code codes.Code, reason string) error {
	if err == nil {
		return fmt.Errorf("%s was not refused", what)
	}
	if status.Code(err) != code || rpcerr.Reason(err) != reason {
		return fmt.Errorf("%s was answered %w, not %s (%s)", what, err, code, reason)
	}
	return nil
}

// with runs something with a connection of a config file.
func with(file string, do func(conn *grpc.ClientConn) error) error {
	conn, err := dial(file)
	if err != nil {
		return err
	}
	return errors.Join(do(conn), conn.Close())
}
