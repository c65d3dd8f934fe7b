package rpc_test

import (
	"context"
	"crypto/tls"
	"net"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/siteplane/siteplane/internal/platform/rpc"
	"github.com/siteplane/siteplane/internal/platform/telemetry"
)

// remaining is a server whose handlers report the time they are given.
func remaining(t *testing.T) (*running, <-chan time.Duration) {
	t.Helper()
	given := make(chan time.Duration, 1)
	report := func(ctx context.Context) error {
		end, ok := ctx.Deadline()
		if !ok {
			end = time.Now().Add(-time.Hour)
		}
		given <- time.Until(end)
		return nil
	}
	return start(t, &items{
		put:    func(ctx context.Context, _ proto.Message) error { return report(ctx) },
		putAll: func(stream grpc.ServerStream) error { return report(stream.Context()) },
	}, rpc.ServerConfig{}), given
}

func TestDial_sets_and_trims_deadlines(t *testing.T) {
	server, given := remaining(t)
	conn := server.dialWith(t, rpc.DialConfig{CallTimeout: 7 * time.Second})
	long := func(ctx context.Context, call func(context.Context) error) func() error {
		return func() error {
			ctx, cancel := context.WithTimeout(ctx, time.Minute)
			defer cancel()
			return endOfStream(call(ctx))
		}
	}
	unary := func(ctx context.Context) error { return put(ctx, conn, "a") }
	stream := func(ctx context.Context) error { return putAll(ctx, conn) }
	// A minute is trimmed by 50 ms. What the way costs comes off as well.
	tests := []struct {
		name        string
		call        func() error
		least, most time.Duration
	}{
		{"unary without one", func() error { return unary(context.Background()) }, 3 * time.Second, 7 * time.Second},
		{"unary with a minute", long(context.Background(), unary), 50 * time.Second, time.Minute - 50*time.Millisecond},
		{"stream with a minute", long(context.Background(), stream), 50 * time.Second, time.Minute - 50*time.Millisecond},
		{"stream without one", func() error { return endOfStream(stream(context.Background())) }, -2 * time.Hour, -time.Hour},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if err := tt.call(); err != nil {
				t.Fatal(err)
			}
			if got := <-given; got < tt.least || got > tt.most {
				t.Errorf("the server was given %s, want between %s and %s", got, tt.least, tt.most)
			}
		})
	}
}

func TestDial_default_timeout_is_30s(t *testing.T) {
	server, given := remaining(t)
	if err := put(context.Background(), server.dial(t, lifecyclePath), "a"); err != nil {
		t.Fatal(err)
	}
	if got := <-given; got < 25*time.Second || got > 30*time.Second {
		t.Errorf("the server was given %s, want 30s", got)
	}
}

// The caller hears of the deadline before its own has passed.
func TestDial_answers_before_the_callers_deadline(t *testing.T) {
	server := start(t, &items{put: func(ctx context.Context, _ proto.Message) error {
		<-ctx.Done()
		return ctx.Err()
	}}, rpc.ServerConfig{})
	conn := server.dial(t, lifecyclePath)
	if err := checkHealth(t.Context(), conn); err != nil { // connected
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2500*time.Millisecond)
	defer cancel()
	err := put(ctx, conn, "a")
	if status.Code(err) != codes.DeadlineExceeded {
		t.Errorf("answer is %v, want DEADLINE_EXCEEDED", err)
	}
	if ctx.Err() != nil {
		t.Error("the caller's own deadline had passed")
	}
}

func TestDial_refuses(t *testing.T) {
	for name, tt := range map[string]struct {
		addr string
		cfg  rpc.DialConfig
	}{
		"plaintext to a network": {"127.0.0.1:1", rpc.DialConfig{Telemetry: telemetry.Discard("a")}},
		"no telemetry":           {"127.0.0.1:1", rpc.DialConfig{TLS: &tls.Config{}}},
	} {
		t.Run(name, func(t *testing.T) {
			if conn, err := rpc.Dial(tt.addr, tt.cfg); err == nil {
				_ = conn.Close()
				t.Error("it was dialled")
			}
		})
	}
}

func TestDial_connects_again_to_a_server_that_comes_back(t *testing.T) {
	first := start(t, &items{}, rpc.ServerConfig{})
	conn := first.dial(t, lifecyclePath)
	if err := put(t.Context(), conn, "a"); err != nil {
		t.Fatal(err)
	}
	first.stop(t)
	if err := put(t.Context(), conn, "a"); status.Code(err) != codes.Unavailable {
		t.Fatalf("answer of a stopped server is %v", err)
	}
	listener, err := net.Listen("tcp", first.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	start(t, &items{}, rpc.ServerConfig{Listener: listener, TLS: issue(t, first.ca, serverPath).ServerTLS()})
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := conn.Invoke(ctx, methodPut, newItem("a", 0), &emptypb.Empty{}, grpc.WaitForReady(true)); err != nil {
		t.Errorf("the server that came back was not reached: %v", err)
	}
}
