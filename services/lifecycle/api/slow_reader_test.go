package api_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/test/bufconn"

	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
	"github.com/siteplane/siteplane/internal/platform/rpcerr"
	"github.com/siteplane/siteplane/internal/platform/telemetry"
	"github.com/siteplane/siteplane/services/lifecycle/api"
	"github.com/siteplane/siteplane/services/lifecycle/auth"
	"github.com/siteplane/siteplane/services/lifecycle/event"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/store"
)

// serving is the API on a listener of its own.
type serving struct {
	listen *bufconn.Listener
	stop   context.CancelFunc
	ended  chan error
}

// serve serves the world with little patience.
func (s *server) serve(patience time.Duration) *serving {
	s.Helper()
	ctx, stop := context.WithCancel(context.Background())
	v := &serving{listen: bufconn.Listen(1 << 20), stop: stop, ended: make(chan error, 1)}
	a := api.NewImpatient(s.world.App, telemetry.Discard("lifecycle"), patience)
	go func() { v.ended <- a.ServeGRPC(ctx, v.listen, nil) }()
	s.Cleanup(stop)
	return v
}

// dial connects with a window that never grows.
func (v *serving) dial(t *testing.T) lifecyclev1.EventServiceClient {
	t.Helper()
	conn, err := grpc.NewClient("passthrough:///memory", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithInitialWindowSize(64<<10), grpc.WithInitialConnWindowSize(1<<20),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return v.listen.DialContext(ctx) }))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return lifecyclev1.NewEventServiceClient(conn)
}

// flood writes events of 1 KB each for some tenants.
func (s *server) flood(each int, tenants ...id.Tenant) {
	s.Helper()
	data := `{"text": "` + strings.Repeat("a", 1000) + `"}`
	s.world.Update(func(ctx context.Context, tx store.Tx) error {
		for _, tenant := range tenants {
			for i := range each {
				e := event.Event{Type: event.KeyRevoked, TenantID: string(tenant), ObjectID: fmt.Sprintf("key_%d", i), Data: data, At: s.world.Clock.Now()}
				if err := tx.Emit(ctx, e); err != nil {
					return err
				}
			}
		}
		return nil
	})
	s.world.Sequence()
}

// crowd opens as many streams for new tenants as each may have.
func (s *server) crowd(client lifecyclev1.EventServiceClient, tenants int) (streams []watched, keys []string, ids []id.Tenant) {
	s.Helper()
	for i := range tenants {
		by := s.world.NewTenant(fmt.Sprintf("crowd-%d", i))
		keys, ids = append(keys, s.key(by, auth.Viewer)), append(ids, by.TenantID)
		for range 50 {
			w, _ := s.watch(client, keys[i], &lifecyclev1.WatchEventsRequest{})
			streams = append(streams, w)
		}
	}
	return streams, keys, ids
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// Who does not read costs no more than its window, and nobody else waits for it.
func TestSlowReader_delays_nobody(t *testing.T) {
	s := setup(t)
	client := s.serve(time.Minute).dial(t)
	_, _, tenants := s.crowd(client, 4) // 200, on the connection of the fast one
	fast, _ := s.watch(client, s.keyOf[auth.Viewer], &lifecyclev1.WatchEventsRequest{})
	before := heap()
	s.flood(2000, tenants...) // 400 MB for all of them
	begun := time.Now()
	s.happens(s.world.Caller.TenantID, "key_fast", "{}")
	if e := fast.next(); e.GetSubject() != "key_fast" {
		t.Errorf("sent %v", e)
	}
	if took := time.Since(begun); took > 5*time.Second {
		t.Errorf("the fast one waited for %s", took)
	}
	if after := heap(); after > before+200<<20 {
		t.Errorf("the heap grew from %d MB to %d MB", before>>20, after>>20)
	}
}

// In the end it is told to watch again, and its place is free.
func TestSlowReader_is_let_go(t *testing.T) {
	s := setup(t)
	client := s.serve(200 * time.Millisecond).dial(t)
	streams, keys, tenants := s.crowd(client, 1)
	s.flood(3000, tenants...)
	for gone, tick := 0, time.Tick(20*time.Millisecond); gone < len(streams); <-tick {
		if stream, err := client.WatchEvents(as(t, keys[0]), &lifecyclev1.WatchEventsRequest{}); err != nil {
			t.Fatal(err)
		} else if _, err = stream.Recv(); err == nil {
			gone++
		} else if rpcerr.Reason(err) != "LIMIT_REACHED" {
			t.Fatal(err)
		}
	}
	for _, w := range streams {
		read, err := 0, error(nil)
		for err == nil {
			if _, err = w.Recv(); err == nil {
				read++
			}
		}
		wantError(t, err, codes.Aborted, "SLOW_READER")
		if read > 1000 {
			t.Errorf("after %d events the stream ended with %v", read, err)
		}
	}
}

// A server that stops ends the streams, and does not wait for them.
func TestStop_ends_streams(t *testing.T) {
	const prompt = 4 * time.Second // the drain takes 7 s, that of REST 10 s
	t.Run("over gRPC", func(t *testing.T) {
		s := setup(t)
		v := s.serve(time.Minute)
		client := v.dial(t)
		var streams []watched
		for range 5 {
			w, _ := s.watch(client, s.keyOf[auth.Viewer], &lifecyclev1.WatchEventsRequest{})
			streams = append(streams, w)
		}
		begun := time.Now()
		v.stop()
		for _, w := range streams {
			err := w.end()
			wantError(t, err, codes.Unavailable, "UNAVAILABLE")
			if after, ok := rpcerr.RetryDelay(err); !ok || after <= 0 {
				t.Errorf("retry after %s", after)
			}
		}
		s.must(<-v.ended)
		if took := time.Since(begun); took > prompt {
			t.Errorf("it took %s", took)
		}
	})
	t.Run("over REST", func(t *testing.T) {
		s := setup(t)
		l := listen(t, api.New(s.world.App, telemetry.Discard("lifecycle")).ServeREST)
		lines := s.lines(l.client, l.url+"/v1/events:watch", s.keyOf[auth.Viewer])
		s.line(lines)
		begun := time.Now()
		l.stop()
		last := s.line(lines)
		if last.at("error", "code") != "14" || last.at("error", "details", 0, "reason") != "UNAVAILABLE" {
			t.Errorf("the last line is %v", last.body)
		}
		s.must(<-l.ended)
		if took := time.Since(begun); took > prompt {
			t.Errorf("it took %s", took)
		}
	})
}

// Over REST nobody who does not read holds the connection.
func TestSlowReader_over_REST(t *testing.T) {
	s := setup(t)
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	handler, err := api.NewImpatient(s.world.App, telemetry.Discard("lifecycle"), 200*time.Millisecond).Handler(ctx)
	s.must(err)
	ended := make(chan struct{}, 1)
	rest := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		handler.ServeHTTP(w, r)
		ended <- struct{}{}
	}))
	defer rest.Close()
	s.flood(20_000, s.world.Caller.TenantID) // more than the kernel keeps
	conn, err := net.Dial("tcp", rest.Listener.Addr().String())
	s.must(err)
	defer conn.Close()
	_, err = fmt.Fprintf(conn, "GET /v1/events:watch?cursor=start HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n\r\n", s.keyOf[auth.Viewer])
	s.must(err)
	select {
	case <-ended:
	case <-time.After(20 * time.Second):
		t.Error("the request goes on")
	}
}

// Streams over REST, which all share one connection inside, leave room for calls.
func TestREST_many_streams(t *testing.T) {
	s := setup(t)
	begun := time.Now()
	for i := range 6 {
		key := s.key(s.world.NewTenant(fmt.Sprintf("crowd-%d", i)), auth.Viewer)
		for range 50 {
			s.line(s.lines(http.DefaultClient, s.rest.URL+"/v1/events:watch", key))
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.rest.URL+"/v1/sites", nil)
	s.must(err)
	req.Header.Set("Authorization", "Bearer "+s.keyOf[auth.Viewer])
	resp, err := http.DefaultClient.Do(req)
	s.must(err)
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Errorf("answered %s", resp.Status)
	}
	if took := time.Since(begun); took > 20*time.Second { // the first ones end after 30 s
		t.Errorf("they waited for each other, %s in all", took)
	}
}
