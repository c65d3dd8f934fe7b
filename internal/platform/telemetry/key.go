package telemetry

// Keys of log attributes, shared so that one search finds every service's lines.
// Span attributes of the same meaning use the same keys.
const (
	KeyService    = "service"
	KeyTraceID    = "trace_id"
	KeySpanID     = "span_id"
	KeyTenant     = "tenant_id"
	KeySite       = "site_id"
	KeyDomain     = "domain_id"
	KeyEdge       = "edge_id"
	KeyTunnel     = "tunnel_id"
	KeyOperation  = "operation_id"
	KeyStep       = "step"
	KeyAttempt    = "attempt"
	KeyHostname   = "hostname"
	KeyRevision   = "revision"
	KeyGeneration = "generation"
	KeyDigest     = "digest"
	KeyReason     = "reason"
	KeyError      = "error"
	KeyAddress    = "address"
	KeyMethod     = "method"
	KeyCode       = "code"
	KeyDuration   = "duration"
	KeyPeer       = "peer"
)

// KeySpanPeer is the span attribute with the verified SPIFFE id of the other
// side: the caller on server spans, the server on client spans.
const KeySpanPeer = "siteplane.peer"
