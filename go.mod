module github.com/siteplane/siteplane

go 1.26.0

require (
	buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go v1.36.12-20260825204119-511051f7f437.2
	buf.build/go/protovalidate v1.4.0
	github.com/google/go-cmp v0.7.0
	github.com/google/uuid v1.6.0
	github.com/grpc-ecosystem/go-grpc-middleware/v2 v2.3.4
	github.com/grpc-ecosystem/grpc-gateway/v2 v2.32.0
	github.com/miekg/dns v1.1.73
	github.com/siteplane/siteplane/gen v0.0.0
	github.com/siteplane/siteplane/internal/platform v0.0.0
	github.com/siteplane/siteplane/services/dnsvalidator v0.0.0
	github.com/siteplane/siteplane/services/edge-agent v0.0.0
	github.com/siteplane/siteplane/services/lifecycle v0.0.0
	github.com/siteplane/siteplane/services/tunnel v0.0.0
	github.com/spf13/cobra v1.10.2
	github.com/spiffe/go-spiffe/v2 v2.9.0
	go.opentelemetry.io/contrib/instrumentation/google.golang.org/grpc/otelgrpc v0.72.0
	go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp v0.72.0
	go.opentelemetry.io/otel v1.47.0
	go.opentelemetry.io/otel/exporters/otlp/otlptrace v1.47.0
	go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc v1.47.0
	go.opentelemetry.io/otel/metric v1.47.0
	go.opentelemetry.io/otel/sdk v1.47.0
	go.opentelemetry.io/otel/trace v1.47.0
	go.opentelemetry.io/proto/otlp v1.11.0
	golang.org/x/crypto v0.58.0
	golang.org/x/exp v0.0.0-20261014143641-f0251eb4aa3e
	golang.org/x/net v0.61.0
	golang.org/x/sync v0.24.0
	golang.org/x/sys v0.49.0
	golang.org/x/term v0.47.0
	golang.org/x/text v0.43.0
	google.golang.org/genproto v0.0.0-20261019180522-ce908d29299b
	google.golang.org/genproto/googleapis/api v0.0.0-20261019180522-ce908d29299b
	google.golang.org/genproto/googleapis/rpc v0.0.0-20261019180522-ce908d29299b
	google.golang.org/grpc v1.85.0
	google.golang.org/protobuf v1.36.12
)

replace github.com/siteplane/siteplane/gen => ./gen

replace github.com/siteplane/siteplane/internal/platform => ./internal/platform

replace github.com/siteplane/siteplane/services/edge-agent => ./services/edge-agent

replace github.com/siteplane/siteplane/services/tunnel => ./services/tunnel

replace github.com/siteplane/siteplane/services/dnsvalidator => ./services/dnsvalidator

replace github.com/siteplane/siteplane/services/lifecycle => ./services/lifecycle
