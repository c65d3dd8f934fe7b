package main

import (
	"context"
	"crypto/tls"
	"errors"

	"google.golang.org/grpc"

	"github.com/siteplane/siteplane/internal/platform/cliconfig"
	"github.com/siteplane/siteplane/internal/platform/rpc"
	"github.com/siteplane/siteplane/internal/platform/telemetry"
	"github.com/siteplane/siteplane/test/up"
)

// installation is `siteplane up`, built from this tree, and a connection to it as an
// API client makes one, with the installer's key.
type installation struct {
	*up.Installation
	conn *grpc.ClientConn
}

// startInstallation builds the program and returns once the installation is up.
func startInstallation(ctx context.Context, dir string) (*installation, error) {
	program, err := up.Build(ctx, dir)
	if err != nil {
		return nil, err
	}
	running, err := up.Start(ctx, program, dir)
	if err != nil {
		return nil, err
	}
	i := &installation{Installation: running}
	if i.conn, err = dial(running.Config()); err != nil {
		return nil, errors.Join(err, i.stop())
	}
	return i, nil
}

func dial(file string) (*grpc.ClientConn, error) {
	config, err := cliconfig.Read(file)
	if err != nil {
		return nil, err
	}
	roots, err := config.Roots()
	if err != nil {
		return nil, err
	}
	return rpc.Dial(config.Address, rpc.DialConfig{
		TLS: &tls.Config{MinVersion: tls.VersionTLS13, RootCAs: roots}, PerRPC: rpc.Bearer(config.Key), Telemetry: telemetry.Discard("bench"),
	})
}

// stop ends the connection and the installation.
func (i *installation) stop() error {
	var hungUp error
	if i.conn != nil {
		hungUp = i.conn.Close()
	}
	return errors.Join(hungUp, i.Stop())
}
