package telemetry_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/trace"

	"github.com/siteplane/siteplane/internal/platform/telemetry"
)

// line is what a test looks at in one JSON log line.
type line struct {
	Msg     string `json:"msg"`
	Level   string `json:"level"`
	Service string `json:"service"`
	TraceID string `json:"trace_id"`
	SpanID  string `json:"span_id"`
	SiteID  string `json:"site_id"`
}

func lines(t *testing.T, log *bytes.Buffer) []line {
	t.Helper()
	var all []line
	for text := range strings.Lines(log.String()) {
		var l line
		if err := json.Unmarshal([]byte(text), &l); err != nil {
			t.Fatalf("read log line %q: %v", text, err)
		}
		all = append(all, l)
	}
	return all
}

func TestLogger_adds_service_and_trace(t *testing.T) {
	var log bytes.Buffer
	tel := start(t, telemetry.Config{Service: "lifecycle", Log: &log, LogFormat: "json"})
	ctx, span := tel.Tracer("test").Start(t.Context(), "apply")
	tel.Logger().InfoContext(ctx, "in a span")
	tel.Logger().With(telemetry.KeySite, "site_1").WarnContext(ctx, "with attributes")
	tel.Logger().InfoContext(t.Context(), "outside")

	in := trace.SpanContextFromContext(ctx)
	id, spanID := in.TraceID().String(), in.SpanID().String()
	span.End()
	want := []line{
		{"in a span", "INFO", "lifecycle", id, spanID, ""},
		{"with attributes", "WARN", "lifecycle", id, spanID, "site_1"},
		{"outside", "INFO", "lifecycle", "", "", ""},
	}
	got := lines(t, &log)
	if len(got) != len(want) {
		t.Fatalf("got %d lines, want %d", len(got), len(want))
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("line %d is %+v, want %+v", i, got[i], want[i])
		}
	}
}

func TestLogger_level(t *testing.T) {
	for level, want := range map[slog.Level][]string{
		slog.LevelDebug: {"debug", "info", "warn"},
		slog.LevelInfo:  {"info", "warn"},
		slog.LevelWarn:  {"warn"},
	} {
		t.Run(level.String(), func(t *testing.T) {
			var log bytes.Buffer
			tel := start(t, telemetry.Config{Service: "a", Log: &log, LogFormat: "json", LogLevel: level})
			tel.Logger().Debug("debug")
			tel.Logger().Info("info")
			tel.Logger().Warn("warn")
			var got []string
			for _, l := range lines(t, &log) {
				got = append(got, l.Msg)
			}
			if strings.Join(got, " ") != strings.Join(want, " ") {
				t.Errorf("logged %q, want %q", got, want)
			}
		})
	}
}

func TestLogger_format(t *testing.T) {
	for format, want := range map[string]string{"": `{"time":`, "json": `{"time":`, "text": "time="} {
		t.Run("format "+format, func(t *testing.T) {
			var log bytes.Buffer
			tel := start(t, telemetry.Config{Service: "a", Log: &log, LogFormat: format})
			tel.Logger().Info("started")
			if !strings.HasPrefix(log.String(), want) {
				t.Errorf("logged %q, want it to begin with %q", log.String(), want)
			}
		})
	}
}

func TestLogger_discards_without_a_writer(t *testing.T) {
	tel := start(t, telemetry.Config{Service: "a"})
	if tel.Logger().Enabled(t.Context(), slog.LevelError) {
		t.Error("a logger without a writer is enabled")
	}
}
