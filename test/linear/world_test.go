package linear_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"

	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
	"github.com/siteplane/siteplane/internal/platform/pgtest"
	"github.com/siteplane/siteplane/test/replicas"
	"github.com/siteplane/siteplane/test/split"
)

const (
	// members is how many lifecycles there are.
	members = 3
	// patience is long because a slow machine is no fault.
	patience = 2 * time.Minute
	// database is the name of theirs.
	database = "linear"
)

// bin holds the programs.
var bin string

func TestMain(m *testing.M) { os.Exit(build(m)) }

func build(m *testing.M) int {
	dir, err := os.MkdirTemp("", "siteplane-linear-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	if err := split.Build(dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	bin = dir
	return m.Run()
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// world is an installation with three lifecycles, all running, on a database server of
// its own.
type world struct {
	*split.Installation
	t        *testing.T
	server   *pgtest.Server
	replicas []replica
	origin   string
}

// replica is a client of one lifecycle.
type replica struct {
	name  string
	sites lifecyclev1.SiteServiceClient
}

func setup(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, origin: startOrigin(t)}
	var err error
	w.server, err = pgtest.Start(t.Context(), pgtest.Config{})
	must(t, err)
	t.Cleanup(func() { must(t, w.server.Close()) })
	must(t, w.server.Exec(t.Context(), "postgres", "CREATE DATABASE "+database))
	dir, err := os.MkdirTemp("", "sp-")
	must(t, err)
	base, err := split.FreePortBase(55)
	must(t, err)
	w.Installation, err = split.New(t.Context(), split.Config{
		Bin: bin, Dir: dir, PortBase: base, Database: w.server.DSN(database), Replicas: members,
		LifecycleFlags: []string{"--lease", "4s", "--tenant-requests-per-second", "10000"},
	})
	must(t, err)
	t.Cleanup(func() { w.end(dir) })
	must(t, w.Start(t.Context()))
	for n := range members {
		w.replicas = append(w.replicas, w.connect(n+1))
	}
	return w
}

// connect returns the nth lifecycle. A connection that was lost is soon made again.
func (w *world) connect(n int) replica {
	w.t.Helper()
	again := backoff.DefaultConfig
	again.BaseDelay, again.MaxDelay = 50*time.Millisecond, 200*time.Millisecond
	conn, err := replicas.Dial(w.Installation, n, "", grpc.WithConnectParams(grpc.ConnectParams{Backoff: again, MinConnectTimeout: time.Second}))
	must(w.t, err)
	w.t.Cleanup(func() { must(w.t, conn.Close()) })
	return replica{split.Replica(n), lifecyclev1.NewSiteServiceClient(conn)}
}

// end ends the world, and shows the logs of a test that failed.
func (w *world) end(dir string) {
	if err := w.End(); err != nil {
		w.t.Error(err)
	}
	if w.t.Failed() {
		for n := range members {
			log, _ := os.ReadFile(w.LogFile(split.Replica(n + 1))) // where there is one
			w.t.Logf("%s:\n%s", split.Replica(n+1), log[max(0, len(log)-4000):])
		}
	}
	must(w.t, os.RemoveAll(dir))
}

func startOrigin(t *testing.T) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "hello") }))
	t.Cleanup(server.Close)
	return server.Listener.Addr().String()
}

// trouble is something that happens to the world, and is over when it returns.
type trouble struct {
	name string
	do   func(ctx context.Context, w *world) error
}

// troubles are all that happen, in this order.
func troubles() []trouble {
	return []trouble{
		{"the second lifecycle is killed", kill(2)},
		{"every connection of the database is cut", cut},
		{"the database server is stopped at once", stop},
		{"the first lifecycle is killed", kill(1)},
		{"every connection of the database is cut", cut},
		{"the third lifecycle is killed while the database server is away", killAndStop(3)},
	}
}

// kill kills a lifecycle and starts it again.
func kill(n int) func(ctx context.Context, w *world) error {
	return func(ctx context.Context, w *world) error {
		if err := w.Kill(split.Replica(n)); err != nil {
			return err
		}
		return w.Restart(ctx, split.Replica(n))
	}
}

// cut cuts every connection of the database while it is used.
func cut(ctx context.Context, w *world) error {
	return w.server.Exec(ctx, "postgres", "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '"+database+"'")
}

// stop stops the database server at once, and starts it again.
func stop(ctx context.Context, w *world) error {
	if err := w.server.StopImmediately(); err != nil {
		return err
	}
	return w.server.Restart(ctx)
}

// killAndStop does both, the lifecycle first.
func killAndStop(n int) func(ctx context.Context, w *world) error {
	return func(ctx context.Context, w *world) error {
		if err := w.Kill(split.Replica(n)); err != nil {
			return err
		}
		if err := stop(ctx, w); err != nil {
			return err
		}
		return w.Restart(ctx, split.Replica(n))
	}
}
