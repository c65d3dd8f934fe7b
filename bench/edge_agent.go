package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"path/filepath"
	"time"

	edgev1 "github.com/siteplane/siteplane/gen/siteplane/edge/v1"
	"github.com/siteplane/siteplane/internal/platform/identity"
	"github.com/siteplane/siteplane/internal/platform/telemetry"
	"github.com/siteplane/siteplane/services/edge-agent/app"
)

const edgeID = "edge_01h455vb4pex5vsknk084sn02q"

// agent is an edge agent in this process, driven over gRPC.
type agent struct {
	*edgeLink
	config app.Config
	cancel context.CancelFunc
	// ended is closed when it has ended, and err is why.
	ended chan struct{}
	err   error
}

// startAgent runs an agent with its own CA and gives it sites.
func startAgent(ctx context.Context, dir string, sites []*edgev1.Site) (*agent, error) {
	ca, err := identity.LoadOrCreateCA(filepath.Join(dir, "ca"), "bench.example")
	if err != nil {
		return nil, err
	}
	server, err := ca.Issue("/edge/"+edgeID, time.Hour)
	if err != nil {
		return nil, err
	}
	caller, err := ca.Issue("/service/lifecycle", time.Hour)
	if err != nil {
		return nil, err
	}
	public, err := freeAddress()
	if err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	a := &agent{ended: make(chan struct{})}
	a.config = app.Config{
		EdgeID: edgeID, Listener: listener, Identity: server, Telemetry: telemetry.Discard("edge-agent"),
		Dir: filepath.Join(dir, "data"), RuntimeDir: filepath.Join(dir, "run"), PublicListen: []string{public},
	}
	running, cancel := context.WithCancel(ctx)
	a.cancel = cancel
	go func() {
		defer close(a.ended)
		a.err = app.Run(running, a.config)
	}()
	if a.edgeLink, err = dialEdge(listener.Addr().String(), edgeID, caller); err != nil {
		return nil, errors.Join(err, a.stop())
	}
	if err := a.fill(ctx, sites, a.ended); err != nil {
		return nil, errors.Join(err, a.stop())
	}
	return a, nil
}

// public is where nginx answers visitors.
func (a *agent) public() string { return a.config.PublicListen[0] }

func (a *agent) stop() error {
	var closed error
	if a.edgeLink != nil {
		closed = a.conn.Close()
	}
	a.cancel()
	<-a.ended
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	return errors.Join(closed, a.err, app.StopNginx(ctx, a.config))
}

// freeAddress is on a loopback address that nobody else uses.
func freeAddress() (string, error) {
	host := fmt.Sprintf("127.%d.%d.%d:0", 1+rand.IntN(250), rand.IntN(250), 1+rand.IntN(250))
	listener, err := net.Listen("tcp", host)
	if err != nil {
		return "", fmt.Errorf("find a free port: %w", err)
	}
	return listener.Addr().String(), listener.Close()
}
