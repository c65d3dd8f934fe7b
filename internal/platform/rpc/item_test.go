package rpc_test

import (
	"context"
	"sync/atomic"

	"buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"
	"google.golang.org/protobuf/types/known/emptypb"
)

// The service of these tests, as if generated from
//
//	service ItemService {
//	  rpc Put(Item) returns (google.protobuf.Empty);
//	  rpc Lock(Item) returns (google.protobuf.Empty);
//	  rpc PutAll(stream Item) returns (stream google.protobuf.Empty);
//	}
//	message Item {
//	  string name = 1 [(buf.validate.field).string = {min_len: 1, max_len: 8}];
//	  Detail detail = 2;
//	}
//	message Detail {
//	  int32 count = 1 [(buf.validate.field).int32.gte = 0];
//	}
const (
	itemService  = "siteplane.test.v1.ItemService"
	methodPut    = "/" + itemService + "/Put"
	methodLock   = "/" + itemService + "/Lock"
	methodPutAll = "/" + itemService + "/PutAll"
)

// items implements ItemService. Nil functions answer well.
type items struct {
	put    func(ctx context.Context, item proto.Message) error
	putAll func(stream grpc.ServerStream) error
	calls  atomic.Int32 // handlers that ran
}

func (s *items) register(server *grpc.Server) {
	server.RegisterService(&grpc.ServiceDesc{
		ServiceName: itemService,
		HandlerType: (*any)(nil),
		Methods: []grpc.MethodDesc{
			{MethodName: "Put", Handler: s.unary(methodPut)},
			{MethodName: "Lock", Handler: s.unary(methodLock)},
		},
		Streams: []grpc.StreamDesc{{StreamName: "PutAll", ServerStreams: true, ClientStreams: true,
			Handler: func(_ any, stream grpc.ServerStream) error { return s.handleStream(stream) }}},
	}, s)
}

func (s *items) unary(method string) grpc.MethodHandler {
	return func(srv any, ctx context.Context, decode func(any) error, interceptor grpc.UnaryServerInterceptor) (any, error) {
		req := newItem("", 0)
		if err := decode(req); err != nil {
			return nil, err
		}
		return interceptor(ctx, req, &grpc.UnaryServerInfo{Server: srv, FullMethod: method}, s.handleUnary)
	}
}

func (s *items) handleUnary(ctx context.Context, req any) (any, error) {
	s.calls.Add(1)
	if s.put == nil {
		return &emptypb.Empty{}, nil
	}
	return &emptypb.Empty{}, s.put(ctx, req.(proto.Message))
}

func (s *items) handleStream(stream grpc.ServerStream) error {
	s.calls.Add(1)
	if s.putAll == nil {
		return nil
	}
	return s.putAll(stream)
}

var itemFile = func() protoreflect.FileDescriptor {
	file, err := protodesc.NewFile(&descriptorpb.FileDescriptorProto{
		Name:    proto.String("siteplane/test/v1/item.proto"),
		Package: proto.String("siteplane.test.v1"),
		Syntax:  proto.String("proto3"),
		MessageType: []*descriptorpb.DescriptorProto{
			{Name: proto.String("Item"), Field: []*descriptorpb.FieldDescriptorProto{
				field("name", 1, descriptorpb.FieldDescriptorProto_TYPE_STRING, &validate.FieldRules{
					Type: &validate.FieldRules_String_{String_: &validate.StringRules{MinLen: proto.Uint64(1), MaxLen: proto.Uint64(8)}}}),
				field("detail", 2, descriptorpb.FieldDescriptorProto_TYPE_MESSAGE, nil),
			}},
			{Name: proto.String("Detail"), Field: []*descriptorpb.FieldDescriptorProto{
				field("count", 1, descriptorpb.FieldDescriptorProto_TYPE_INT32, &validate.FieldRules{
					Type: &validate.FieldRules_Int32{Int32: &validate.Int32Rules{GreaterThan: &validate.Int32Rules_Gte{Gte: 0}}}}),
			}},
		},
	}, nil)
	if err != nil {
		panic(err)
	}
	return file
}()

func field(name string, number int32, kind descriptorpb.FieldDescriptorProto_Type, rules *validate.FieldRules) *descriptorpb.FieldDescriptorProto {
	f := &descriptorpb.FieldDescriptorProto{
		Name: proto.String(name), Number: proto.Int32(number), Type: kind.Enum(),
		Label: descriptorpb.FieldDescriptorProto_LABEL_OPTIONAL.Enum(),
	}
	if kind == descriptorpb.FieldDescriptorProto_TYPE_MESSAGE {
		f.TypeName = proto.String(".siteplane.test.v1.Detail")
	}
	if rules != nil {
		f.Options = &descriptorpb.FieldOptions{}
		proto.SetExtension(f.Options, validate.E_Field, rules)
	}
	return f
}

func newItem(name string, count int32) *dynamicpb.Message {
	item := dynamicpb.NewMessage(itemFile.Messages().ByName("Item"))
	fields := item.Descriptor().Fields()
	item.Set(fields.ByName("name"), protoreflect.ValueOfString(name))
	detail := item.Mutable(fields.ByName("detail")).Message()
	detail.Set(detail.Descriptor().Fields().ByName("count"), protoreflect.ValueOfInt32(count))
	return item
}
