package api

import (
	"context"
	"errors"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/siteplane/siteplane/internal/platform/rpcerr"
	"github.com/siteplane/siteplane/internal/platform/tracecontext"
)

// newGateway returns a gateway without services. It takes what the OpenAPI document
// has and nothing else, and what it refuses by itself looks as what the services
// refuse.
func newGateway() (gateway *runtime.ServeMux) {
	known := parametersOfAll()
	gateway = runtime.NewServeMux(
		runtime.WithIncomingHeaderMatcher(forwarded), runtime.WithMetadata(passAddress),
		runtime.WithMarshalerOption(runtime.MIMEWildcard, restMarshaler()),
		runtime.WithMiddlewares(func(next runtime.HandlerFunc) runtime.HandlerFunc {
			return func(w http.ResponseWriter, r *http.Request, inPath map[string]string) {
				pattern, _ := runtime.HTTPPattern(r.Context())
				if err := checkRequest(r, known[r.Method+" "+pattern.String()], inPath); err != nil {
					runtime.HTTPError(r.Context(), gateway, restMarshaler(), w, r, err)
					return
				}
				next(w, r, inPath)
			}
		}),
		runtime.WithErrorHandler(answerError), runtime.WithRoutingErrorHandler(answerRoutingError),
		runtime.WithStreamErrorHandler(func(ctx context.Context, err error) *status.Status {
			return status.Convert(reasoned(ctx, err))
		}),
		// A form that says which method it means is how browsers are led astray.
		runtime.WithDisablePathLengthFallback(), runtime.WithDisableHTTPMethodOverride(),
	)
	return gateway
}

// forwarded lets no header of a request reach the services as metadata; the
// gateway itself passes on Authorization.
func forwarded(string) (string, bool) { return "", false }

// checkRequest refuses what the gateway would pass over in silence: a parameter that
// there is not, a body of another kind.
func checkRequest(r *http.Request, known parameters, inPath map[string]string) error {
	for name, value := range inPath {
		if !utf8.ValidString(value) {
			return wrongRequest(r, name, "is no text")
		}
	}
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return wrongRequest(r, "", "the query cannot be read: "+err.Error())
	}
	for name, values := range query {
		if !known.have(name) {
			return wrongRequest(r, name, "there is no such parameter")
		}
		if !utf8.ValidString(strings.Join(values, "")) {
			return wrongRequest(r, name, "is no text")
		}
	}
	switch {
	case known.body:
		return checkType(r, r.Header.Values("Content-Type"))
	case r.ContentLength != 0:
		return wrongRequest(r, "", "a "+r.Method+" of this path takes no body")
	}
	return nil
}

// checkType refuses a body that does not say that it is JSON; one that says nothing is
// taken for it.
func checkType(r *http.Request, types []string) error {
	if len(types) == 0 {
		return nil
	}
	kind, params, err := mime.ParseMediaType(types[0])
	charset := strings.ToLower(params["charset"])
	if len(types) == 1 && err == nil && kind == "application/json" && (charset == "" || charset == "utf-8") {
		return nil
	}
	return &runtime.HTTPStatusError{
		HTTPStatus: http.StatusUnsupportedMediaType, Err: wrongRequest(r, "", "a body must be application/json"),
	}
}

// wrongRequest names the field that is wrong, or says what is wrong with the whole.
func wrongRequest(r *http.Request, field, problem string) error {
	opts := []rpcerr.Option{rpcerr.Metadata("trace_id", tracecontext.ID(r.Context()))}
	if field != "" {
		opts = append(opts, rpcerr.Violation(field, problem))
		problem = field + " " + problem
	}
	return rpcerr.New(codes.InvalidArgument, "INVALID_FIELDS", "the request is not valid: "+problem, opts...)
}

// ownReasons are those of what the gateway and the connection behind it refuse.
var ownReasons = map[codes.Code]string{
	codes.InvalidArgument: "INVALID_FIELDS", codes.NotFound: "NOT_FOUND", codes.Unavailable: "UNAVAILABLE",
	codes.Internal: "INTERNAL", codes.Unknown: "INTERNAL", codes.Canceled: "CANCELED", codes.DeadlineExceeded: "DEADLINE_EXCEEDED",
}

// reasoned gives a reason to an error that has none yet.
func reasoned(ctx context.Context, err error) error {
	s := status.Convert(err)
	if rpcerr.Reason(err) != "" || ownReasons[s.Code()] == "" {
		return err
	}
	return rpcerr.New(s.Code(), ownReasons[s.Code()], s.Message(), rpcerr.Metadata("trace_id", tracecontext.ID(ctx)))
}

func answerError(ctx context.Context, mux *runtime.ServeMux, marshaler runtime.Marshaler, w http.ResponseWriter, r *http.Request, err error) {
	var custom *runtime.HTTPStatusError
	if errors.As(err, &custom) {
		err = &runtime.HTTPStatusError{HTTPStatus: custom.HTTPStatus, Err: reasoned(ctx, custom.Err)}
	} else {
		err = reasoned(ctx, err)
	}
	runtime.DefaultHTTPErrorHandler(ctx, mux, marshaler, w, r, err)
}

// answerRoutingError answers for a path, or a method of it, that there is not.
func answerRoutingError(ctx context.Context, mux *runtime.ServeMux, marshaler runtime.Marshaler, w http.ResponseWriter, r *http.Request, code int) {
	err := status.Error(codes.NotFound, "there is no "+r.Method+" of this path")
	answerError(ctx, mux, marshaler, w, r, &runtime.HTTPStatusError{HTTPStatus: code, Err: err})
}
