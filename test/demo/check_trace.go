package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
)

// traceLimit is how long spans may take to reach the collector.
const traceLimit = 15 * time.Second

const (
	caller     = "lifecycle"
	callerID   = "spiffe://siteplane.local/service/lifecycle"
	createSite = "siteplane.lifecycle.v1.SiteService/CreateSite"
)

// callees are the services that the caller calls on a site's way to ACTIVE.
var callees = []string{"edge-agent", "tunnel", "dnsvalidator"}

// oneTraceFourServices: a collector sees the call that created the site and all
// that came of it in one trace, and every callee knew who called.
func oneTraceFourServices(ctx context.Context, d *demo) error {
	id := d.hello.GetOperation().GetTraceId()
	return eventually(ctx, traceLimit, func(context.Context) error {
		if err := judgeTrace(d.collector.trace(id)); err != nil {
			return fmt.Errorf("trace %s: %w", id, err)
		}
		return nil
	})
}

// judgeTrace demands the call that created the site, served spans of all
// callees, and of each of these that the caller made it and was verified.
func judgeTrace(trace []span) error {
	if !slices.ContainsFunc(trace, func(s span) bool {
		return s.service == caller && served(s) && s.GetName() == createSite
	}) {
		return fmt.Errorf("%s has not served %s in it", caller, createSite)
	}
	for _, callee := range callees {
		if !slices.ContainsFunc(trace, func(s span) bool { return s.service == callee && served(s) }) {
			return fmt.Errorf("%s has served nothing in it", callee)
		}
	}
	services := map[string]string{}
	for _, s := range trace {
		services[string(s.GetSpanId())] = s.service
	}
	for _, s := range trace {
		if err := judgeSpan(s, services); err != nil {
			return fmt.Errorf("%s of %s: %w", s.GetName(), s.service, err)
		}
	}
	return nil
}

// judgeSpan looks at one span, knowing the service of every span of its trace.
func judgeSpan(s span, services map[string]string) error {
	from, known := services[string(s.GetParentSpanId())]
	if len(s.GetParentSpanId()) > 0 && !known {
		return errors.New("its parent is not in the trace")
	}
	if !served(s) || !slices.Contains(callees, s.service) {
		return nil
	}
	if from != caller {
		return fmt.Errorf("it was called by %q, not by %s", from, caller)
	}
	if peer := attribute(s.GetAttributes(), "siteplane.peer"); peer != callerID {
		return fmt.Errorf("siteplane.peer is %q, not %s", peer, callerID)
	}
	return nil
}

func served(s span) bool { return s.GetKind() == tracepb.Span_SPAN_KIND_SERVER }
