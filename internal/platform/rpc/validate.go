package rpc

import (
	"context"
	"errors"
	"fmt"

	"buf.build/go/protovalidate"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	"github.com/siteplane/siteplane/internal/platform/rpcerr"
)

// validateRequests checks each request message against the rules in its proto
// file. A violation is INVALID_ARGUMENT, reason INVALID_FIELDS, with the fields
// in BadRequest. In a stream it is what Recv returns to the handler.
func validateRequests(validator protovalidate.Validator) interceptor {
	return interceptor{
		unary: func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
			if err := validateMessage(validator, req); err != nil {
				return nil, err
			}
			return handler(ctx, req)
		},
		stream: func(srv any, stream grpc.ServerStream, _ *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
			return handler(srv, validatingStream{stream, validator})
		},
	}
}

type validatingStream struct {
	grpc.ServerStream
	validator protovalidate.Validator
}

// RecvMsg implements grpc.ServerStream.
func (s validatingStream) RecvMsg(m any) error {
	if err := s.ServerStream.RecvMsg(m); err != nil {
		return err
	}
	return validateMessage(s.validator, m)
}

func validateMessage(validator protovalidate.Validator, m any) error {
	message, ok := m.(proto.Message)
	if !ok {
		return fmt.Errorf("validate request: %T is no protobuf message", m)
	}
	err := validator.Validate(message)
	var invalid *protovalidate.ValidationError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &invalid):
		return invalidFields(invalid)
	default:
		return fmt.Errorf("validate request: %w", err)
	}
}

func invalidFields(invalid *protovalidate.ValidationError) error {
	opts := make([]rpcerr.Option, 0, len(invalid.Violations))
	for _, v := range invalid.Violations {
		opts = append(opts, rpcerr.Violation(protovalidate.FieldPathString(v.Proto.GetField()), v.Proto.GetMessage()))
	}
	return rpcerr.New(codes.InvalidArgument, rpcerr.ReasonInvalidFields, "the request has invalid fields", opts...)
}
