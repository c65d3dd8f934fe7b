package api

import (
	"bytes"
	"fmt"
	"io"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

// lines is a marshaler whose streams say that they are one JSON object a line, and
// that takes one whole message with no field that is not known: a misspelled field
// must not be as good as none.
type lines struct{ runtime.Marshaler }

// restMarshaler is how messages look over REST, as the OpenAPI document has it: a
// field that has presence and is not set is left out, every other one is there.
func restMarshaler() runtime.Marshaler {
	return lines{&runtime.JSONPb{MarshalOptions: protojson.MarshalOptions{EmitDefaultValues: true}}}
}

// StreamContentType implements runtime.StreamContentType.
func (lines) StreamContentType(any) string { return "application/x-ndjson" }

// NewDecoder implements runtime.Marshaler.
func (lines) NewDecoder(r io.Reader) runtime.Decoder {
	return runtime.DecoderFunc(func(v any) error {
		message, ok := v.(proto.Message)
		if !ok {
			return fmt.Errorf("read the body: %T is no message", v)
		}
		raw, err := io.ReadAll(r)
		switch {
		case err != nil:
			return fmt.Errorf("read the body: %w", err)
		case len(bytes.TrimSpace(raw)) == 0:
			return io.EOF // an empty message
		}
		return protojson.Unmarshal(raw, message)
	})
}
