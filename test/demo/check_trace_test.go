package main

import (
	"slices"
	"strings"
	"testing"

	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
)

// serving makes the span of a served call.
func serving(service, name, id, parent, peer string) span {
	s := &tracepb.Span{Name: name, SpanId: []byte(id), ParentSpanId: []byte(parent), Kind: tracepb.Span_SPAN_KIND_SERVER}
	if peer != "" {
		s.Attributes = []*commonpb.KeyValue{{Key: "siteplane.peer",
			Value: &commonpb.AnyValue{Value: &commonpb.AnyValue_StringValue{StringValue: peer}}}}
	}
	return span{Span: s, service: service}
}

// goodTrace is the creation of a site as a collector should see it.
func goodTrace() []span {
	return []span{
		serving(caller, createSite, "root", "", ""),
		{Span: &tracepb.Span{Name: "step", SpanId: []byte("step"), ParentSpanId: []byte("root")}, service: caller},
		serving("edge-agent", "Apply", "apply", "step", callerID),
		serving("tunnel", "LookupZone", "zone", "step", callerID),
		serving("dnsvalidator", "Check", "check", "step", callerID),
	}
}

func TestJudgeTrace_accepts_all_four(t *testing.T) {
	if err := judgeTrace(goodTrace()); err != nil {
		t.Errorf("judgeTrace = %v", err)
	}
}

func TestJudgeTrace_refuses(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func([]span) []span
		want  string
	}{
		"nothing":                {func([]span) []span { return nil }, "has not served"},
		"another trace":          {func(s []span) []span { return s[2:] }, "has not served"},
		"no tunnel":              {func(s []span) []span { return slices.Delete(s, 3, 4) }, "tunnel has served nothing"},
		"a validator that calls": {func(s []span) []span { s[4].Kind = tracepb.Span_SPAN_KIND_CLIENT; return s }, "dnsvalidator has served nothing"},
		"no peer":                {func(s []span) []span { s[2].Attributes = nil; return s }, "siteplane.peer"},
		"another peer, once": {func(s []span) []span {
			return append(s, serving("edge-agent", "GetState", "state", "step", "spiffe://x/y"))
		}, "siteplane.peer"},
		"called by another":       {func(s []span) []span { s[4].ParentSpanId = []byte("zone"); return s }, `called by "tunnel"`},
		"a parent that is nobody": {func(s []span) []span { s[1].ParentSpanId = []byte("gone"); return s }, "parent"},
	} {
		t.Run(name, func(t *testing.T) {
			if err := judgeTrace(c.spoil(goodTrace())); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("judgeTrace = %v, want an error with %q", err, c.want)
			}
		})
	}
}
