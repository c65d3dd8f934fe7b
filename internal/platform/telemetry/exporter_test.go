package telemetry

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// scripted answers each export with the next error.
type scripted struct {
	sdktrace.SpanExporter
	errs []error
}

func (s *scripted) ExportSpans(context.Context, []sdktrace.ReadOnlySpan) error {
	err := s.errs[0]
	s.errs = s.errs[1:]
	return err
}

func TestExporter_logs_only_when_failing_begins_and_ends(t *testing.T) {
	errDown := errors.New("collector is down")
	outcomes := []error{nil, errDown, errDown, errDown, nil, nil, errDown}
	var log bytes.Buffer
	logger := slog.New(slog.NewTextHandler(&log, nil))
	e := &exporter{SpanExporter: &scripted{errs: outcomes}, logger: logger}
	for range outcomes {
		if err := e.ExportSpans(t.Context(), nil); err != nil {
			t.Errorf("ExportSpans = %v: the SDK would report it to the process's handler", err)
		}
	}
	var got []string
	for line := range strings.Lines(log.String()) {
		_, rest, _ := strings.Cut(line, "level=")
		got = append(got, strings.TrimSpace(rest))
	}
	const down = `WARN msg="spans cannot be exported" error="collector is down"`
	want := []string{down, `INFO msg="spans are exported again"`, down}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("logged\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestIsLoopback(t *testing.T) {
	for host, want := range map[string]bool{
		"localhost": true, "127.0.0.1": true, "127.9.9.9": true, "::1": true,
		"0.0.0.0": false, "::": false, "10.0.0.1": false, "192.0.2.1": false, "collector.example": false,
		"localhost.example": false, "": false,
	} {
		if got := isLoopback(host); got != want {
			t.Errorf("isLoopback(%q) = %t, want %t", host, got, want)
		}
	}
}
