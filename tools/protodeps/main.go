// Command protodeps writes the third-party .proto files that ours import, and those of
// the errors' details, as compiled into the Go packages that tools/go.mod pins, below
// the folder given as its argument. Nothing is fetched from a schema registry, and what
// is linted against is what is compiled against.
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	_ "buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	_ "google.golang.org/genproto/googleapis/api/annotations"
	_ "google.golang.org/genproto/googleapis/rpc/errdetails"

	"github.com/jhump/protoreflect/v2/protoprint"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
)

// roots are the files that our protos import and those that only the SDKs need; their
// own imports follow.
var roots = []string{
	"buf/validate/validate.proto",
	"google/api/annotations.proto",
	"google/api/field_behavior.proto",
	"google/rpc/error_details.proto",
}

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: protodeps DIR")
		os.Exit(2)
	}
	if err := run(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "protodeps:", err)
		os.Exit(1)
	}
}

func run(dir string) error {
	printer := &protoprint.Printer{Compact: true}
	seen := map[string]bool{}
	var visit func(path string) error
	visit = func(path string) error {
		if seen[path] || strings.HasPrefix(path, "google/protobuf/") { // buf has these built in
			return nil
		}
		seen[path] = true
		file, err := protoregistry.GlobalFiles.FindFileByPath(path)
		if err != nil {
			return fmt.Errorf("find %s: %w", path, err)
		}
		for i := range file.Imports().Len() {
			if err := visit(file.Imports().Get(i).Path()); err != nil {
				return err
			}
		}
		return write(printer, filepath.Join(dir, path), file)
	}
	for _, path := range roots {
		if err := visit(path); err != nil {
			return err
		}
	}
	return nil
}

func write(printer *protoprint.Printer, path string, file protoreflect.FileDescriptor) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	out, err := os.Create(path)
	if err != nil {
		return err
	}
	if err := printer.PrintProtoFile(file, out); err != nil {
		out.Close()
		return fmt.Errorf("print %s: %w", path, err)
	}
	return out.Close()
}
