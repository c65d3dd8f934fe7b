// Package replicas_test runs three lifecycles as programs on one PostgreSQL database,
// with one edge agent, one tunnel and one DNS validator, over real gRPC and mTLS: what
// callers ask of all of them at once, and what becomes of the work when one is ended,
// killed, or stands still for longer than its leases.
//
// It looks from outside: the API, the logs, what the edge holds, and the rows of the
// database.
package replicas_test

import (
	"context"
	"database/sql"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"

	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
	"github.com/siteplane/siteplane/internal/platform/pgtest"
	shared "github.com/siteplane/siteplane/test/replicas"
	"github.com/siteplane/siteplane/test/split"
)

const (
	// replicas is how many lifecycles there are.
	replicas = 3
	// patience is long because a slow machine is no fault.
	patience = 30 * time.Second
	// lookEvery is the pause between two looks.
	lookEvery = 20 * time.Millisecond
)

// bin holds the programs that every test runs.
var bin string

func TestMain(m *testing.M) { os.Exit(build(m)) }

func build(m *testing.M) int {
	dir, err := os.MkdirTemp("", "siteplane-replicas-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	bin = dir
	if err := split.Build(dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return pgtest.Main(m)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// world is an installation with three lifecycles, all running.
type world struct {
	*split.Installation
	t        *testing.T
	replicas []*replica
	// relays lie between each lifecycle and each of the services that lifecycle alone
	// may change.
	relays map[string]*relay
	db     *sql.DB
	origin string
}

// replica is one lifecycle and a client of it.
type replica struct {
	name    string
	sites   lifecyclev1.SiteServiceClient
	domains lifecyclev1.DomainServiceClient
	tenants lifecyclev1.TenantServiceClient
}

// setup starts the world, whose leases hold for a time.
func setup(t *testing.T, lease time.Duration) *world {
	t.Helper()
	w := &world{t: t, relays: map[string]*relay{}, origin: startOrigin(t)}
	dsn := pgtest.New(t, nil)
	dir, err := os.MkdirTemp("", "sp-")
	must(t, err)
	base, err := split.FreePortBase(44)
	must(t, err)
	w.Installation, err = split.New(t.Context(), split.Config{
		Bin: bin, Dir: dir, PortBase: base, Database: dsn, Replicas: replicas, Between: w.between,
		// Nothing is looked at because time goes by, so that what changes was asked for.
		LifecycleFlags: []string{"--lease", lease.String(), "--observe-every", "1h", "--reconcile-every", "1h",
			"--edge-window", "1h", "--tenant-requests-per-second", "1000"},
	})
	must(t, err)
	t.Cleanup(func() { w.end(dir) })
	must(t, w.Start(t.Context()))
	w.db, err = sql.Open("pgx", dsn)
	must(t, err)
	t.Cleanup(func() { must(t, w.db.Close()) })
	for n := range replicas {
		w.replicas = append(w.replicas, w.connect(n+1, ""))
	}
	return w
}

// end ends the world, and shows the logs of a test that failed.
func (w *world) end(dir string) {
	for _, r := range w.relays {
		r.release()
	}
	for _, r := range w.replicas {
		_ = w.Resume(r.name) // it may have ended
	}
	if err := w.End(); err != nil {
		w.t.Error(err)
	}
	for _, r := range w.relays {
		r.close()
	}
	if w.t.Failed() {
		for _, name := range []string{split.Replica(1), split.Replica(2), split.Replica(3), split.EdgeAgent, split.Tunnel} {
			log, _ := os.ReadFile(w.LogFile(name)) // where there is one
			w.t.Logf("%s:\n%s", name, log[max(0, len(log)-4000):])
		}
	}
	must(w.t, os.RemoveAll(dir))
}

// run runs a part of a test, which fails alone.
func (w *world) run(name string, do func(t *testing.T)) {
	whole := w.t
	defer func() { w.t = whole }()
	whole.Run(name, func(t *testing.T) {
		w.t = t
		do(t)
	})
}

// between puts a relay before a service, one for each lifecycle.
func (w *world) between(lifecycle, service, address string) string {
	r, err := newRelay(address)
	must(w.t, err)
	w.relays[lifecycle+" "+service] = r
	return r.address()
}

// connect returns the nth lifecycle as a key reaches it; none stands for the admin's.
func (w *world) connect(n int, key string) *replica {
	w.t.Helper()
	conn, err := shared.Dial(w.Installation, n, key)
	must(w.t, err)
	w.t.Cleanup(func() { must(w.t, conn.Close()) })
	return &replica{
		name: split.Replica(n), sites: lifecyclev1.NewSiteServiceClient(conn),
		domains: lifecyclev1.NewDomainServiceClient(conn), tenants: lifecyclev1.NewTenantServiceClient(conn),
	}
}

func startOrigin(t *testing.T) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "hello") }))
	t.Cleanup(server.Close)
	return server.Listener.Addr().String()
}

// eventually looks until nothing is missed, and fails the test when that takes too
// long.
func eventually(t *testing.T, limit time.Duration, what string, look func(ctx context.Context) error) {
	t.Helper()
	must(t, shared.Await(t.Context(), limit, what, look))
}

// holder returns the replica that has a lease on an object of a kind.
func (w *world) holder(ctx context.Context, kind string) (*replica, error) {
	var owner string
	if err := w.db.QueryRowContext(ctx, "SELECT owner FROM work WHERE kind = $1 AND owner IS NOT NULL", kind).Scan(&owner); err != nil {
		return nil, fmt.Errorf("nobody works on the %s: %w", kind, err)
	}
	for _, r := range w.replicas {
		if strings.Contains(owner, fmt.Sprintf("/%d/", w.Pid(r.name))) {
			return r, nil
		}
	}
	return nil, fmt.Errorf("%s is none of the replicas", owner)
}

// leases returns how many leases a replica has, also one that has ended.
func (w *world) leases(r *replica) (n int) {
	w.t.Helper()
	must(w.t, w.db.QueryRowContext(w.t.Context(), "SELECT count(*) FROM work WHERE owner LIKE '%/' || $1::text || '/%'", fmt.Sprint(w.Pid(r.name))).Scan(&n))
	return n
}

// others are the replicas but one.
func (w *world) others(but *replica) (rest []*replica) {
	for _, r := range w.replicas {
		if r != but {
			rest = append(rest, r)
		}
	}
	return rest
}

// logged returns how many lines of a log have all the words.
func (w *world) logged(process string, words ...string) (n int) {
	w.t.Helper()
	log, err := os.ReadFile(w.LogFile(process))
	must(w.t, err)
lines:
	for line := range strings.Lines(string(log)) {
		for _, word := range words {
			if !strings.Contains(line, word) {
				continue lines
			}
		}
		n++
	}
	return n
}
