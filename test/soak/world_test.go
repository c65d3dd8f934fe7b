package soak_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials"

	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
	"github.com/siteplane/siteplane/internal/platform/cliconfig"
	"github.com/siteplane/siteplane/internal/platform/rpc"
	"github.com/siteplane/siteplane/test/split"
)

const (
	platformDomain = "siteplane.localhost"
	managedZone    = "managed.test"
	page           = "hello from the origin"
)

// everyone is all processes of an installation.
var everyone = []string{split.DNS, split.Cloudflare, split.EdgeAgent, split.Tunnel, split.DNSValidator, split.Lifecycle}

// world is an installation with its callers and visitors.
type world struct {
	*split.Installation

	// origin is where all sites lead.
	origin  string
	sites   lifecyclev1.SiteServiceClient
	domains lifecyclev1.DomainServiceClient
	outages *outages
	// cut counts the calls of which nobody knows what became.
	cut atomic.Int64
}

// setup starts an installation, and ends and removes it with the test. A test that
// failed leaves data and logs behind: nobody can kill at random the same way
// twice.
func setup(t *testing.T) *world {
	t.Helper()
	dir, err := os.MkdirTemp("", "sp-soak-")
	must(t, err)
	base, err := split.FreePortBase(66)
	must(t, err)
	i, err := split.New(t.Context(), split.Config{Bin: bin, Dir: dir, PortBase: base})
	must(t, err)
	w := &world{Installation: i, outages: &outages{}}
	t.Cleanup(func() {
		if err := i.End(); err != nil {
			t.Error(err)
		}
		if t.Failed() {
			t.Logf("data and logs are left in %s", dir)
			return
		}
		must(t, os.RemoveAll(dir))
	})
	must(t, i.Start(t.Context()))
	origin := httptest.NewServer(http.HandlerFunc(func(answer http.ResponseWriter, _ *http.Request) { fmt.Fprint(answer, page) }))
	t.Cleanup(origin.Close)
	w.origin = origin.Listener.Addr().String()
	w.dial(t)
	return w
}

// dial connects to lifecycle, again and again as it dies.
func (w *world) dial(t *testing.T) {
	t.Helper()
	config, err := cliconfig.Read(w.CLIConfig())
	must(t, err)
	roots, err := config.Roots()
	must(t, err)
	conn, err := grpc.NewClient(config.Address,
		grpc.WithTransportCredentials(credentials.NewTLS(&tls.Config{MinVersion: tls.VersionTLS13, RootCAs: roots})),
		grpc.WithPerRPCCredentials(rpc.Bearer(config.Key)),
		grpc.WithConnectParams(grpc.ConnectParams{MinConnectTimeout: time.Second,
			Backoff: backoff.Config{BaseDelay: 50 * time.Millisecond, Multiplier: 1.5, Jitter: 0.2, MaxDelay: 300 * time.Millisecond}}))
	must(t, err)
	t.Cleanup(func() { must(t, conn.Close()) })
	w.sites, w.domains = lifecyclev1.NewSiteServiceClient(conn), lifecyclev1.NewDomainServiceClient(conn)
}

// eventually looks until nothing is missed.
func eventually(ctx context.Context, limit time.Duration, look func(ctx context.Context) error) error {
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("not within %s", limit))
	defer cancel()
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	var missed error
	for {
		problem := look(ctx)
		if problem == nil {
			return nil
		}
		// A look that the end cut off says nothing.
		if missed == nil || ctx.Err() == nil {
			missed = problem
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", context.Cause(ctx), missed)
		}
	}
}

// fetchLimit is how long a visitor waits.
const fetchLimit = 5 * time.Second

// fetch asks for the front page of a host, on a fresh connection.
func fetch(ctx context.Context, address, host string) (code int, body string, err error) {
	ctx, cancel := context.WithTimeout(ctx, fetchLimit)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/", nil)
	if err != nil {
		return 0, "", err
	}
	request.Host, request.Close = host, true
	answer, err := new(http.Transport).RoundTrip(request)
	if err != nil {
		return 0, "", err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(io.LimitReader(answer.Body, 64<<10))
	return answer.StatusCode, string(text), err
}
