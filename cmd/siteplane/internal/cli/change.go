package cli

import (
	"cmp"
	"context"
	"errors"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// changing makes a command one that changes something: it gets a session and
// --request-id. What it runs makes its one change with change.
func (a *app) changing(command *cobra.Command, run func(*cobra.Command, *session, []string) error) *cobra.Command {
	requestID := command.Flags().String("request-id", "", "`ID` that makes the command safe to repeat (default a new one)")
	command.RunE = a.connected(func(command *cobra.Command, s *session, args []string) error {
		s.requestID = cmp.Or(*requestID, a.deps.NewID())
		return run(command, s, args)
	})
	return command
}

// change makes one call that changes something, under the command's request id.
func change[Request, Response any](ctx context.Context, s *session, do method[Request, Response], request *Request) (*Response, error) {
	identify(request, s.requestID)
	response, err := call(ctx, s, callTimeout, do, request)
	return response, repeatable(err, s.requestID)
}

// identify writes a request id into a request. Every request that changes something
// has a field for it.
func identify(request any, id string) {
	message := request.(proto.Message).ProtoReflect()
	field := message.Descriptor().Fields().ByName("request_id")
	message.Set(field, protoreflect.ValueOfString(id))
}

// repeatable adds the id that makes it safe to repeat a call that failed.
func repeatable(err error, requestID string) error {
	var failed *callError
	if errors.As(err, &failed) {
		failed.requestID = requestID
	}
	return err
}
