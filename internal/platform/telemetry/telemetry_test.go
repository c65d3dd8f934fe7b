package telemetry_test

import (
	"bytes"
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/siteplane/siteplane/internal/platform/telemetry"
)

func start(t *testing.T, cfg telemetry.Config) *telemetry.Telemetry {
	t.Helper()
	tel, err := telemetry.New(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	return tel
}

func TestTelemetry_exports_spans_soon(t *testing.T) {
	c := newCollector(t)
	tel := start(t, telemetry.Config{Service: "lifecycle", OTLPEndpoint: c.addr})
	defer shutdown(t, tel)
	_, span := tel.Tracer("test").Start(t.Context(), "apply")
	ended := time.Now()
	span.End()
	service, spans := c.next(t)
	if service != "lifecycle" || len(spans) != 1 || spans[0].GetName() != "apply" {
		t.Errorf("collector got %v of service %q", spans, service)
	}
	// The promise is a second; the rest is for a busy machine.
	if took := time.Since(ended); took > 4*time.Second {
		t.Errorf("the span took %s", took)
	}
}

func TestTelemetry_Shutdown_exports_what_waits(t *testing.T) {
	c := newCollector(t)
	tel := start(t, telemetry.Config{Service: "lifecycle", OTLPEndpoint: c.addr})
	_, span := tel.Tracer("test").Start(t.Context(), "last")
	span.End()
	shutdown(t, tel)
	select {
	case <-c.received:
	default:
		t.Error("Shutdown returned before the span was exported")
	}
}

func TestTelemetry_services_share_nothing(t *testing.T) {
	c := newCollector(t)
	names := []string{"lifecycle", "tunnel", "dnsvalidator", "edge-agent"}
	got := map[string]string{}
	for _, name := range names {
		tel := start(t, telemetry.Config{Service: name, OTLPEndpoint: c.addr})
		_, span := tel.Tracer("test").Start(t.Context(), "span of "+name)
		span.End()
		shutdown(t, tel)
		service, spans := c.next(t)
		got[service] = spans[0].GetName()
	}
	for _, name := range names {
		if got[name] != "span of "+name {
			t.Errorf("service %s exported %q", name, got[name])
		}
	}
}

// A failing export goes to the service's own log, and nothing else happens.
func TestTelemetry_without_a_collector(t *testing.T) {
	closed := listen(t, "127.0.0.1:0")
	_ = closed.Close()
	var log lockedBuffer
	tel := start(t, telemetry.Config{Service: "lifecycle", OTLPEndpoint: closed.Addr().String(), Log: &log, LogFormat: "json"})
	_, span := tel.Tracer("test").Start(t.Context(), "lost")
	span.End()
	shutdown(t, tel)
	if got := strings.Count(log.String(), "spans cannot be exported"); got != 1 {
		t.Errorf("logged %d times, want once:\n%s", got, log.String())
	}
}

// 0.0.0.0 reaches this machine, but is no loopback address: it stands for every
// other host.
func TestTelemetry_speaks_TLS_beyond_loopback(t *testing.T) {
	listener := listen(t, "127.0.0.1:0")
	first := make(chan byte, 1)
	go func() {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		head := make([]byte, 1)
		_, _ = conn.Read(head)
		first <- head[0]
	}()
	endpoint := strings.Replace(listener.Addr().String(), "127.0.0.1", "0.0.0.0", 1)
	tel := start(t, telemetry.Config{Service: "lifecycle", OTLPEndpoint: endpoint})
	defer func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
		defer cancel()
		_ = tel.Shutdown(ctx)
	}()
	_, span := tel.Tracer("test").Start(t.Context(), "secret")
	span.End()
	const handshakeRecord = 0x16
	select {
	case got := <-first:
		if got != handshakeRecord {
			t.Errorf("first byte is %#x: spans leave in plaintext", got)
		}
	case <-time.After(patience):
		t.Fatal("nobody connected")
	}
}

func TestNew_refuses(t *testing.T) {
	for name, tt := range map[string]struct {
		cfg  telemetry.Config
		want string
	}{
		"no service":                 {telemetry.Config{}, "no service name"},
		"an endpoint without a port": {telemetry.Config{Service: "a", OTLPEndpoint: "localhost"}, "host:port"},
		"an endpoint with a scheme":  {telemetry.Config{Service: "a", OTLPEndpoint: "http://localhost:4317"}, "host:port"},
		"an unknown log format":      {telemetry.Config{Service: "a", Log: &bytes.Buffer{}, LogFormat: "xml"}, `"xml"`},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := telemetry.New(t.Context(), tt.cfg); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error is %v, want one with %q", err, tt.want)
			}
		})
	}
}

func TestNew_hands_spans_to_the_processors(t *testing.T) {
	recorder := tracetest.NewSpanRecorder()
	tel := start(t, telemetry.Config{Service: "lifecycle", SpanProcessors: []sdktrace.SpanProcessor{recorder}})
	_, span := tel.TracerProvider().Tracer("test").Start(t.Context(), "apply")
	span.End()
	if ended := recorder.Ended(); len(ended) != 1 || ended[0].Name() != "apply" {
		t.Errorf("recorded %v", ended)
	}
}

func shutdown(t *testing.T, tel *telemetry.Telemetry) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := tel.Shutdown(ctx); err != nil {
		t.Error(err)
	}
}

// lockedBuffer is a log that may be written and read at once.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}
