package rpc_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/siteplane/siteplane/internal/platform/rpc"
	"github.com/siteplane/siteplane/internal/platform/rpcerr"
	"github.com/siteplane/siteplane/internal/platform/telemetry"
)

// receive reads the stream until something ends it.
func receive(stream grpc.ServerStream) error {
	for {
		if err := stream.RecvMsg(newItem("", 0)); err != nil {
			return endOfStream(err)
		}
	}
}

func TestServer_validates_requests(t *testing.T) {
	s := &items{putAll: receive}
	server := start(t, s, rpc.ServerConfig{})
	conn := server.dial(t, lifecyclePath)
	send := func(name string, count int32) error {
		return conn.Invoke(t.Context(), methodPut, newItem(name, count), &emptypb.Empty{})
	}

	t.Run("names every field that is wrong", func(t *testing.T) {
		err := send("far too long", -1)
		if status.Code(err) != codes.InvalidArgument || rpcerr.Reason(err) != rpcerr.ReasonInvalidFields {
			t.Fatalf("answer is %v, want INVALID_ARGUMENT with reason INVALID_FIELDS", err)
		}
		var fields []string
		for _, v := range rpcerr.Violations(err) {
			fields = append(fields, v.Field)
			if v.Description == "" {
				t.Errorf("nothing is said about %s", v.Field)
			}
		}
		if !slices.Equal(fields, []string{"name", "detail.count"}) {
			t.Errorf("fields are %q", fields)
		}
		if s.calls.Load() != 0 {
			t.Error("the handler ran")
		}
	})
	t.Run("lets a valid request through", func(t *testing.T) {
		if err := send("a", 0); err != nil || s.calls.Load() != 1 {
			t.Errorf("answer is %v, the handler ran %d times", err, s.calls.Load())
		}
	})
	t.Run("checks every message of a stream", func(t *testing.T) {
		if err := endOfStream(putAll(t.Context(), conn, "a", "b")); err != nil {
			t.Errorf("valid messages: %v", err)
		}
		err := putAll(t.Context(), conn, "a", "")
		if status.Code(err) != codes.InvalidArgument || rpcerr.Reason(err) != rpcerr.ReasonInvalidFields || len(rpcerr.Violations(err)) != 1 {
			t.Errorf("an invalid second message: %v %v", err, rpcerr.Violations(err))
		}
	})
	t.Run("asks who calls first", func(t *testing.T) {
		other := server.dial(t, "/service/other")
		if err := put(t.Context(), other, ""); status.Code(err) != codes.PermissionDenied {
			t.Errorf("answer is %v, want PERMISSION_DENIED", err)
		}
	})
}

// Whatever goes wrong inside, the caller reads one fixed text and a trace id, and
// the log has the rest.
func TestServer_hides_faults(t *testing.T) {
	var errPlain = errors.New("pq: password is hunter2")
	tests := []struct {
		name   string
		fail   func() error
		logged string
	}{
		{"a panic", func() error { panic("hunter2") }, "call panicked"},
		{"a panic with an error", func() error { panic(errPlain) }, "call panicked"},
		{"an error that is no status", func() error { return fmt.Errorf("store: %w", errPlain) }, "call failed for an unknown reason"},
	}
	for _, tt := range tests {
		for _, shape := range []string{"unary", "stream"} {
			t.Run(tt.name+" "+shape, func(t *testing.T) {
				log, conn := faulty(t, tt.fail)
				err := call(t.Context(), conn, shape)
				if status.Code(err) != codes.Internal || status.Convert(err).Message() != "internal error" || rpcerr.Reason(err) != rpcerr.ReasonInternal {
					t.Errorf("answer is %v", err)
				}
				id := rpcerr.MetadataOf(err)[telemetry.KeyTraceID]
				line := log.find(t, tt.logged)
				if id == "" || line[telemetry.KeyTraceID] != id || line["level"] != "ERROR" {
					t.Errorf("trace id %q in the answer, log line %v", id, line)
				}
				if !strings.Contains(fmt.Sprint(line[telemetry.KeyError]), "hunter2") {
					t.Errorf("the log line %v lacks the cause", line)
				}
				if stack, _ := line["stack"].(string); tt.logged == "call panicked" && !strings.Contains(stack, "interceptor_test.go") {
					t.Errorf("the stack %q does not lead here", stack)
				}
			})
		}
	}
}

func TestServer_passes_statuses_on(t *testing.T) {
	tests := []struct {
		name string
		err  error
		want codes.Code
	}{
		{"a status", rpcerr.New(codes.NotFound, "NOT_FOUND", "no such item"), codes.NotFound},
		{"a wrapped status", fmt.Errorf("put: %w", rpcerr.New(codes.Aborted, "LOST_RACE", "somebody was faster")), codes.Aborted},
		{"a cancelled context", fmt.Errorf("put: %w", context.Canceled), codes.Canceled},
		{"a context past its deadline", fmt.Errorf("put: %w", context.DeadlineExceeded), codes.DeadlineExceeded},
	}
	for _, tt := range tests {
		for _, shape := range []string{"unary", "stream"} {
			t.Run(tt.name+" "+shape, func(t *testing.T) {
				log, conn := faulty(t, func() error { return tt.err })
				err := call(t.Context(), conn, shape)
				if status.Code(err) != tt.want || rpcerr.Reason(err) != rpcerr.Reason(tt.err) {
					t.Errorf("answer is %v, want %s", err, tt.want)
				}
				if line := log.find(t, "call answered"); line[telemetry.KeyCode] != tt.want.String() || line["level"] != "INFO" {
					t.Errorf("access log line is %v", line)
				}
			})
		}
	}
}

func TestServer_logs_calls(t *testing.T) {
	log, conn := faulty(t, func() error { return nil })
	if err := put(t.Context(), conn, "a"); err != nil {
		t.Fatal(err)
	}
	line := log.find(t, "call answered")
	want := map[string]any{"level": "DEBUG", telemetry.KeyMethod: methodPut, telemetry.KeyCode: "OK",
		telemetry.KeyPeer: "spiffe://siteplane.test" + lifecyclePath, telemetry.KeyService: "items"}
	for key, value := range want {
		if line[key] != value {
			t.Errorf("%s is %v, want %v", key, line[key], value)
		}
	}
	if id, _ := line[telemetry.KeyTraceID].(string); len(id) != 32 || line[telemetry.KeyDuration] == nil {
		t.Errorf("the line %v lacks trace or duration", line)
	}
}

func TestServer_gives_unary_calls_a_deadline(t *testing.T) {
	given := make(chan time.Duration, 1)
	report := func(ctx context.Context) error {
		end, ok := ctx.Deadline()
		if !ok {
			given <- 0
			return nil
		}
		given <- time.Until(end)
		return nil
	}
	server := start(t, &items{
		put:    func(ctx context.Context, _ proto.Message) error { return report(ctx) },
		putAll: func(stream grpc.ServerStream) error { return report(stream.Context()) },
	}, rpc.ServerConfig{})
	// A client that sets no deadline of its own accord.
	conn, err := grpc.NewClient(server.Addr().String(), grpc.WithTransportCredentials(
		credentials.NewTLS(issue(t, server.ca, lifecyclePath).ClientTLS(serverPath))))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()

	if err := put(context.Background(), conn, "a"); err != nil {
		t.Fatal(err)
	}
	if got := <-given; got > 30*time.Second || got < 25*time.Second {
		t.Errorf("a call without deadline has %s, want 30s", got)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	if err := put(ctx, conn, "a"); err != nil {
		t.Fatal(err)
	}
	if got := <-given; got < 9*time.Minute {
		t.Errorf("a call with 10m has %s", got)
	}
	if err := endOfStream(putAll(context.Background(), conn)); err != nil {
		t.Fatal(err)
	}
	if got := <-given; got != 0 {
		t.Errorf("a stream without deadline has %s, want none", got)
	}
}

// faulty serves with handlers that end as fail does, and returns the log and a
// connection of the right service.
func faulty(t *testing.T, fail func() error) (*logLines, *grpc.ClientConn) {
	t.Helper()
	log := &logLines{}
	tel, err := telemetry.New(t.Context(), telemetry.Config{Service: "items", Log: &log.buf, LogFormat: "json", LogLevel: slog.LevelDebug})
	if err != nil {
		t.Fatal(err)
	}
	server := start(t, &items{
		put:    func(context.Context, proto.Message) error { return fail() },
		putAll: func(grpc.ServerStream) error { return fail() },
	}, rpc.ServerConfig{Telemetry: tel})
	log.stop = func() { server.stop(t) }
	return log, server.dial(t, lifecyclePath)
}

func call(ctx context.Context, conn *grpc.ClientConn, shape string) error {
	if shape == "stream" {
		return putAll(ctx, conn)
	}
	return put(ctx, conn, "a")
}

// logLines is a JSON log. It is read once the server has stopped writing.
type logLines struct {
	buf  bytes.Buffer
	stop func()
}

// find stops the server and returns the only line with that message.
func (l *logLines) find(t *testing.T, msg string) map[string]any {
	t.Helper()
	l.stop()
	var found []map[string]any
	for text := range strings.Lines(l.buf.String()) {
		line := map[string]any{}
		if err := json.Unmarshal([]byte(text), &line); err != nil {
			t.Fatal(err)
		}
		if line["msg"] == msg {
			found = append(found, line)
		}
	}
	if len(found) != 1 {
		t.Fatalf("%d lines say %q:\n%s", len(found), msg, l.buf.String())
	}
	return found[0]
}
