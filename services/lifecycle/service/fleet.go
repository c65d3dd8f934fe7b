package service

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"google.golang.org/grpc"

	"github.com/siteplane/siteplane/services/lifecycle/edge"
	"github.com/siteplane/siteplane/services/lifecycle/id"
)

const (
	// followEvery is how soon connections follow the rows of edges: so long an edge may
	// be called after it was evicted, by any replica.
	followEvery = 5 * time.Second
	// readLimit is how long reading the rows may take.
	readLimit = 10 * time.Second
)

// fleet keeps a connection to the agent of each edge that is part of the installation.
// The rows of the database say which these are and where; whoever else evicts an edge, or
// has a host join as it, need not tell.
type fleet struct {
	// given are addresses that the settings name: they hold in place of those of the rows.
	given map[id.Edge]string
	read  func(ctx context.Context) ([]edge.Edge, error)
	dial  func(edgeID id.Edge, address string) (*grpc.ClientConn, error)

	// following is held while rows are read and followed, mu while links are.
	following sync.Mutex
	mu        sync.Mutex
	links     map[id.Edge]*link
	closed    bool
}

// link is a connection to where an edge is. Gone is closed with it.
type link struct {
	peer
	gone chan struct{}
}

// conn returns the connection to an edge. Of one that is not known yet the rows are read.
func (f *fleet) conn(ctx context.Context, edgeID id.Edge) (grpc.ClientConnInterface, error) {
	if l := f.link(edgeID); l != nil {
		return l.conn, nil
	}
	err := f.refresh(ctx)
	if l := f.link(edgeID); l != nil { // what went wrong was about others
		return l.conn, nil
	}
	if err != nil {
		return nil, err
	}
	return nil, fmt.Errorf("%s was evicted, or nobody knows where it is: let a host join as it (`siteplane edge token NAME`), or start lifecycle with --edge NAME=%s@HOST:PORT", edgeID, edgeID)
}

func (f *fleet) link(edgeID id.Edge) *link {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.links[edgeID]
}

// refresh has the connections follow the rows.
func (f *fleet) refresh(ctx context.Context) error {
	f.following.Lock()
	defer f.following.Unlock()
	ctx, cancel := context.WithTimeout(ctx, readLimit)
	defer cancel()
	edges, err := f.read(ctx)
	if err != nil {
		return fmt.Errorf("read where the edges are: %w", err)
	}
	wanted := map[id.Edge]string{}
	for _, e := range edges {
		if address := f.addressOf(e); address != "" {
			wanted[e.ID] = address
		}
	}
	return f.follow(wanted)
}

// addressOf returns where an edge is called, "" for nowhere.
func (f *fleet) addressOf(e edge.Edge) string {
	given, ok := f.given[e.ID]
	switch {
	case e.Evicted():
		return ""
	case ok:
		return given
	}
	return e.Address
}

// follow closes the connections that are not wanted, with all calls on them, and makes
// those that are missing.
func (f *fleet) follow(wanted map[id.Edge]string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	var problems []error
	for edgeID, l := range f.links {
		if wanted[edgeID] != l.address {
			problems = append(problems, l.close())
			delete(f.links, edgeID)
		}
	}
	for edgeID, address := range wanted {
		if f.links[edgeID] != nil || f.closed {
			continue
		}
		conn, err := f.dial(edgeID, address)
		if err != nil {
			problems = append(problems, err)
			continue
		}
		f.links[edgeID] = &link{peer: peer{name: "edge " + string(edgeID), address: address, conn: conn}, gone: make(chan struct{})}
	}
	return errors.Join(problems...)
}

// run follows the rows and watches who can be reached, until the context is done.
func (f *fleet) run(ctx context.Context, logger *slog.Logger) {
	var watchers sync.WaitGroup
	defer watchers.Wait()
	watched := map[*link]bool{}
	tick := time.NewTicker(followEvery)
	defer tick.Stop()
	for {
		if err := f.refresh(ctx); err != nil && ctx.Err() == nil {
			logger.WarnContext(ctx, "connections do not follow the edges, will retry", "error", err)
		}
		now := f.all()
		for _, l := range now {
			if !watched[l] {
				watched[l] = true
				watchers.Go(func() { l.watch(ctx, logger) })
			}
		}
		maps.DeleteFunc(watched, func(l *link, _ bool) bool { return !slices.Contains(now, l) })
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (f *fleet) all() []*link {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Collect(maps.Values(f.links))
}

// close closes every connection, for good.
func (f *fleet) close(context.Context) error {
	f.mu.Lock()
	f.closed = true
	f.mu.Unlock()
	return f.follow(nil)
}

// watch is that of the peer, until the connection is closed.
func (l *link) watch(ctx context.Context, logger *slog.Logger) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		select {
		case <-l.gone:
			cancel()
		case <-ctx.Done():
		}
	}()
	l.peer.watch(ctx, logger)
}

func (l *link) close() error {
	close(l.gone)
	return l.conn.Close()
}
