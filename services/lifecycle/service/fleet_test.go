package service

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/siteplane/siteplane/services/lifecycle/edge"
	"github.com/siteplane/siteplane/services/lifecycle/id"
)

// rows are what the database says of edges.
type rows struct {
	edges []edge.Edge
	err   error
	reads int
}

func (r *rows) read(context.Context) ([]edge.Edge, error) {
	r.reads++
	return r.edges, r.err
}

// newTestFleet follows rows; given are addresses of the settings.
func newTestFleet(t *testing.T, r *rows, given map[id.Edge]string) *fleet {
	t.Helper()
	f := &fleet{
		given: given, links: map[id.Edge]*link{}, read: r.read,
		dial: func(_ id.Edge, address string) (*grpc.ClientConn, error) {
			return grpc.NewClient("passthrough:///"+address, grpc.WithTransportCredentials(insecure.NewCredentials()))
		},
	}
	t.Cleanup(func() { must(t, f.close(context.Background())) })
	return f
}

// target is where an edge is called, "" for nowhere.
func target(t *testing.T, f *fleet, edgeID id.Edge) string {
	t.Helper()
	conn, err := f.conn(t.Context(), edgeID)
	if err != nil {
		return ""
	}
	return conn.(*grpc.ClientConn).Target()
}

func TestFleet(t *testing.T) {
	t.Run("dials an edge when it is first called, and once", func(t *testing.T) {
		r := &rows{edges: []edge.Edge{{ID: "edge_1", Address: "192.0.2.1:9091"}}}
		f := newTestFleet(t, r, nil)
		first, err := f.conn(t.Context(), "edge_1")
		must(t, err)
		again, err := f.conn(t.Context(), "edge_1")
		must(t, err)
		if first != again || r.reads != 1 || target(t, f, "edge_1") != "passthrough:///192.0.2.1:9091" {
			t.Errorf("it was read %d times, and leads to %s", r.reads, target(t, f, "edge_1"))
		}
	})
	t.Run("knows an edge that came later", func(t *testing.T) {
		r := &rows{}
		f := newTestFleet(t, r, nil)
		if got := target(t, f, "edge_1"); got != "" {
			t.Errorf("an unknown edge is at %s", got)
		}
		r.edges = []edge.Edge{{ID: "edge_1", Address: "192.0.2.1:9091"}}
		if got := target(t, f, "edge_1"); got == "" {
			t.Error("a new edge is unknown")
		}
	})
	t.Run("takes the address of the settings where there is one", func(t *testing.T) {
		r := &rows{edges: []edge.Edge{{ID: "edge_1", Address: "192.0.2.1:9091"}, {ID: "edge_2"}}}
		f := newTestFleet(t, r, map[id.Edge]string{"edge_1": "192.0.2.7:9091"})
		if got := target(t, f, "edge_1"); got != "passthrough:///192.0.2.7:9091" {
			t.Errorf("it is at %s", got)
		}
		if got := target(t, f, "edge_2"); got != "" {
			t.Errorf("an edge without an address is at %s", got)
		}
	})
	t.Run("dials anew where the address changed", func(t *testing.T) {
		r := &rows{edges: []edge.Edge{{ID: "edge_1", Address: "192.0.2.1:9091"}}}
		f := newTestFleet(t, r, nil)
		old, err := f.conn(t.Context(), "edge_1")
		must(t, err)
		r.edges[0].Address = "192.0.2.2:9091"
		must(t, f.refresh(t.Context()))
		if got := target(t, f, "edge_1"); got != "passthrough:///192.0.2.2:9091" {
			t.Errorf("it is at %s", got)
		}
		wantClosed(t, old)
	})
	t.Run("closes the connection to an evicted edge, whatever the settings say", func(t *testing.T) {
		r := &rows{edges: []edge.Edge{{ID: "edge_1"}}}
		f := newTestFleet(t, r, map[id.Edge]string{"edge_1": "192.0.2.7:9091"})
		old, err := f.conn(t.Context(), "edge_1")
		must(t, err)
		r.edges[0].EvictedAt = time.Now()
		must(t, f.refresh(t.Context()))
		wantClosed(t, old)
		if got := target(t, f, "edge_1"); got != "" {
			t.Errorf("it is at %s", got)
		}
	})
	t.Run("keeps what it has while the rows cannot be read", func(t *testing.T) {
		r := &rows{edges: []edge.Edge{{ID: "edge_1", Address: "192.0.2.1:9091"}}}
		f := newTestFleet(t, r, nil)
		old, err := f.conn(t.Context(), "edge_1")
		must(t, err)
		r.edges, r.err = nil, errors.New("no database")
		if err := f.refresh(t.Context()); !errors.Is(err, r.err) {
			t.Errorf("got %v", err)
		}
		if again, err := f.conn(t.Context(), "edge_1"); err != nil || again != old {
			t.Errorf("the connection is another one: %v", err)
		}
	})
	t.Run("makes no connection once it is closed", func(t *testing.T) {
		r := &rows{edges: []edge.Edge{{ID: "edge_1", Address: "192.0.2.1:9091"}}}
		f := newTestFleet(t, r, nil)
		must(t, f.close(t.Context()))
		if got := target(t, f, "edge_1"); got != "" {
			t.Errorf("it is at %s", got)
		}
	})
	t.Run("watches nobody after its end", func(t *testing.T) {
		r := &rows{edges: []edge.Edge{{ID: "edge_1", Address: "192.0.2.1:9091"}}}
		f := newTestFleet(t, r, nil)
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { f.run(ctx, slog.New(slog.DiscardHandler)); close(ended) }()
		stop()
		select {
		case <-ended:
		case <-time.After(30 * time.Second):
			t.Fatal("it goes on")
		}
	})
}

func wantClosed(t *testing.T, conn grpc.ClientConnInterface) {
	t.Helper()
	if state := conn.(*grpc.ClientConn).GetState(); state != connectivity.Shutdown {
		t.Errorf("the connection is %s", state)
	}
}
