package app_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	edgev1 "github.com/siteplane/siteplane/gen/siteplane/edge/v1"
	"github.com/siteplane/siteplane/internal/platform/digest"
	"github.com/siteplane/siteplane/internal/platform/identity"
	"github.com/siteplane/siteplane/internal/platform/rpc"
	"github.com/siteplane/siteplane/internal/platform/telemetry"

	"github.com/siteplane/siteplane/services/edge-agent/app"
	"github.com/siteplane/siteplane/services/edge-agent/internal/snapshot"
)

const edgeID = "edge_01h455vb4pex5vsknk084sn02q"

// edge is an agent with a real nginx on an address of its own.
type edge struct {
	t       *testing.T
	ca      *identity.CA
	config  app.Config
	public  string
	client  edgev1.EdgeServiceClient
	sites   map[string]*edgev1.Site
	log     *lockedBuffer
	stop    context.CancelFunc
	stopped chan error
}

// newEdge prepares an edge; start runs it.
func newEdge(t *testing.T, change ...func(*app.Config)) *edge {
	t.Helper()
	base, err := os.MkdirTemp("/tmp", "edge")
	check(t, err)
	check(t, os.Chmod(base, 0o711))
	ca, err := identity.LoadOrCreateCA(filepath.Join(base, "ca"), "test.example")
	check(t, err)
	server, err := ca.Issue("/edge/"+edgeID, time.Hour)
	check(t, err)
	e := &edge{t: t, ca: ca, public: freeAddress(t), sites: map[string]*edgev1.Site{}, log: new(lockedBuffer)}
	traces, err := telemetry.New(t.Context(), telemetry.Config{Service: "edge-agent", Log: e.log, LogFormat: "json"})
	check(t, err)
	e.config = app.Config{
		EdgeID: edgeID, Identity: server, Telemetry: traces,
		Dir: filepath.Join(base, "data"), RuntimeDir: filepath.Join(base, "run"),
		PublicListen: []string{e.public}, ProofTimeout: 5 * time.Second, CheckInterval: 20 * time.Millisecond,
	}
	for _, change := range change {
		change(&e.config)
	}
	t.Cleanup(func() {
		e.shutDown()
		check(t, os.RemoveAll(base))
	})
	return e
}

// startEdge prepares and starts an edge.
func startEdge(t *testing.T, change ...func(*app.Config)) *edge {
	t.Helper()
	e := newEdge(t, change...)
	e.start()
	return e
}

// sub is t.Run for an edge that several subtests share.
func (e *edge) sub(name string, run func(*testing.T)) {
	parent := e.t
	parent.Run(name, func(t *testing.T) {
		e.t = t
		defer func() { e.t = parent }()
		run(t)
	})
}

// run starts the agent and returns its end.
func (e *edge) run() {
	e.t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	check(e.t, err)
	e.config.Listener = listener
	ctx, cancel := context.WithCancel(context.Background())
	e.stop, e.stopped = cancel, make(chan error, 1)
	config, stopped := e.config, e.stopped
	go func() { stopped <- app.Run(ctx, config) }()
}

// start runs the agent until it answers.
func (e *edge) start() {
	e.t.Helper()
	e.run()
	lifecycle, err := e.ca.Issue("/service/lifecycle", time.Hour)
	check(e.t, err)
	e.client = e.dial(lifecycle)
	ready := make(chan error, 1)
	go func() {
		_, err := e.client.GetState(e.t.Context(), &edgev1.GetStateRequest{}, grpc.WaitForReady(true))
		ready <- err
	}()
	select {
	case err := <-ready:
		check(e.t, err)
	case err := <-e.stopped:
		e.stop = nil
		e.t.Fatalf("agent ended: %v", err)
	}
}

func (e *edge) dial(caller *identity.Identity) edgev1.EdgeServiceClient {
	e.t.Helper()
	return e.dialAt(e.config.Listener.Addr().String(), caller)
}

func (e *edge) dialAt(address string, caller *identity.Identity) edgev1.EdgeServiceClient {
	e.t.Helper()
	conn, err := rpc.Dial(address, rpc.DialConfig{
		TLS: caller.ClientTLS("/edge/" + edgeID), Telemetry: telemetry.Discard("lifecycle"),
	})
	check(e.t, err)
	e.t.Cleanup(func() { check(e.t, conn.Close()) })
	return edgev1.NewEdgeServiceClient(conn)
}

// stopAgent ends the agent and leaves nginx.
func (e *edge) stopAgent() {
	e.t.Helper()
	if e.stop == nil {
		return
	}
	e.stop()
	check(e.t, <-e.stopped)
	e.stop = nil
}

func (e *edge) stopNginx() {
	e.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	config := e.config
	config.NginxBin = "nginx"
	check(e.t, app.StopNginx(ctx, config))
}

func (e *edge) shutDown() {
	e.t.Helper()
	e.stopAgent()
	e.stopNginx()
}

// put changes what the edge shall hold and applies the delta.
func (e *edge) put(generation uint64, sites ...*edgev1.Site) (*edgev1.ApplyResponse, error) {
	return e.apply(&edgev1.ApplyHeader{Fence: fence(1, 1, generation)}, sites...)
}

// mustPut fails the test where put fails.
func (e *edge) mustPut(generation uint64, sites ...*edgev1.Site) *edgev1.ApplyResponse {
	e.t.Helper()
	response, err := e.put(generation, sites...)
	check(e.t, err)
	return response
}

// apply fills in edge id, digest, and whether this is the first of all. What is
// held changes only when the apply succeeds, and must be what the answer says.
func (e *edge) apply(header *edgev1.ApplyHeader, sites ...*edgev1.Site) (*edgev1.ApplyResponse, error) {
	e.t.Helper()
	next := e.complete(header, sites)
	response, err := send(e.t, e.client, header, sites)
	if err != nil {
		return response, err
	}
	e.sites = settled(e.sites, next, response.GetRejected())
	if response.GetDigest() != digestOf(e.sites) || int(response.GetSiteCount()) != len(e.sites) {
		e.t.Errorf("the answer is not about what must be held: %v", response)
	}
	return response, err
}

// complete fills in what a header leaves out, and returns what must be held then.
func (e *edge) complete(header *edgev1.ApplyHeader, sites []*edgev1.Site) map[string]*edgev1.Site {
	next := map[string]*edgev1.Site{}
	if !header.Whole {
		for id, site := range e.sites {
			next[id] = site
		}
		header.Whole = len(e.sites) == 0
	}
	for _, removal := range header.GetRemovals() {
		delete(next, removal.GetSiteId())
	}
	for _, site := range sites {
		next[site.GetSiteId()] = site
	}
	if header.Digest == "" {
		header.Digest = digestOf(next)
	}
	if header.EdgeId == "" {
		header.EdgeId = edgeID
	}
	return next
}

// settled is next with what is held instead of the rejected sites.
func settled(held, next map[string]*edgev1.Site, rejected []*edgev1.Rejection) map[string]*edgev1.Site {
	for _, rejection := range rejected {
		before, sent := held[rejection.GetSiteId()], next[rejection.GetSiteId()]
		delete(next, rejection.GetSiteId())
		if before != nil && rejection.GetKeptRevision() == before.GetRevision() {
			kept := proto.CloneOf(before)
			kept.Hostnames = sent.GetHostnames()
			next[rejection.GetSiteId()] = kept
		}
	}
	return next
}

func send(t *testing.T, client edgev1.EdgeServiceClient, header *edgev1.ApplyHeader, sites []*edgev1.Site) (*edgev1.ApplyResponse, error) {
	t.Helper()
	stream, err := client.Apply(t.Context())
	check(t, err)
	// A failed send shows its reason in CloseAndRecv.
	_ = stream.Send(&edgev1.ApplyRequest{Part: &edgev1.ApplyRequest_Header{Header: header}})
	for _, site := range sites {
		_ = stream.Send(&edgev1.ApplyRequest{Part: &edgev1.ApplyRequest_Sites{Sites: &edgev1.ApplySites{Sites: []*edgev1.Site{site}}}})
	}
	return stream.CloseAndRecv()
}

func (e *edge) state() *edgev1.GetStateResponse {
	e.t.Helper()
	state, err := e.client.GetState(e.t.Context(), &edgev1.GetStateRequest{})
	check(e.t, err)
	return state
}

// get fetches a path over a fresh connection with the given Host.
func (e *edge) get(host, path string, headers ...string) (int, http.Header, string) {
	e.t.Helper()
	return fetch(e.t, "tcp", e.public, host, path, headers...)
}

func fetch(t *testing.T, network, address, host, path string, headers ...string) (int, http.Header, string) {
	t.Helper()
	transport := &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, address)
	}}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+host+path, http.NoBody)
	check(t, err)
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	response, err := transport.RoundTrip(request)
	check(t, err)
	body, err := io.ReadAll(response.Body)
	check(t, err)
	check(t, response.Body.Close())
	return response.StatusCode, response.Header, string(body)
}

func (e *edge) wantStatus(host, path string, want int) {
	e.t.Helper()
	if code, _, _ := e.get(host, path); code != want {
		e.t.Errorf("GET http://%s%s: %d, want %d", host, path, code, want)
	}
}

// files returns every rendered file of the current generation.
func (e *edge) files() map[string]string {
	e.t.Helper()
	entries, err := os.ReadDir(filepath.Join(e.config.Dir, "current"))
	check(e.t, err)
	files := map[string]string{}
	for _, entry := range entries {
		data, err := os.ReadFile(filepath.Join(e.config.Dir, "current", entry.Name()))
		check(e.t, err)
		files[entry.Name()] = string(data)
	}
	return files
}

// startOrigin answers with its name, the path it was asked for, and the headers
// that the edge sets.
func startOrigin(t *testing.T, name string) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = fmt.Fprintf(w, "%s %s host=%s for=%s proto=%s xhost=%s custom=%s", name, r.RequestURI, r.Host,
			r.Header.Get("X-Forwarded-For"), r.Header.Get("X-Forwarded-Proto"), r.Header.Get("X-Forwarded-Host"), r.Header.Get("X-Custom"))
	}))
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://")
}

func siteID(number int) string { return fmt.Sprintf("site_01h455vb4pex5vsknk084s%04d", number) }

// newSite forwards hostnames to an address.
func newSite(number int, address string, hostnames ...string) *edgev1.Site {
	return &edgev1.Site{SiteId: siteID(number), Revision: 1, Hostnames: hostnames, Spec: &edgev1.Spec{
		Backend: &edgev1.Spec_Origin{Origin: origin(address)},
	}}
}

func origin(addresses ...string) *edgev1.Origin {
	origin := &edgev1.Origin{}
	for _, address := range addresses {
		origin.Targets = append(origin.Targets, &edgev1.Target{Address: address})
	}
	return origin
}

func fence(era, epoch, generation uint64) *edgev1.Fence {
	return &edgev1.Fence{Era: era, Epoch: epoch, Generation: generation}
}

func digestOf(sites map[string]*edgev1.Site) string {
	set := digest.NewSet()
	for id, site := range sites {
		set.Put(id, snapshot.Sum(site))
	}
	return set.Digest()
}

// freeAddress is on a loopback address that nobody else uses.
func freeAddress(t *testing.T) string {
	t.Helper()
	host := fmt.Sprintf("127.%d.%d.%d:0", 1+rand.IntN(250), rand.IntN(250), 1+rand.IntN(250))
	listener, err := net.Listen("tcp", host)
	check(t, err)
	check(t, listener.Close())
	return listener.Addr().String()
}

// eventually polls another process.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for !holds() {
		if time.Now().After(deadline) {
			t.Fatalf("not within 10 s: %s", what)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func zeros() string { return hex.EncodeToString(make([]byte, 32)) }

// lockedBuffer is a log that can be read while it is written.
type lockedBuffer struct {
	mu     sync.Mutex
	buffer bytes.Buffer
}

func (b *lockedBuffer) Write(data []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.Write(data)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.String()
}
