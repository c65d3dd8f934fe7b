// Command protoc-gen-openapi is a protoc plugin that writes the OpenAPI 3.0.3
// document of the REST API, openapi/openapi.json, from the descriptors: paths from
// google.api.http, texts from the comments, constraints from buf.validate where JSON
// Schema has the like.
//
// It owns how the wire looks over REST, so it must agree with what grpc-gateway does
// with the marshaler of services/lifecycle/api; tests there compare the document with
// real answers. The same descriptors give the same bytes.
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/types/pluginpb"
)

func main() {
	protogen.Options{}.Run(func(plugin *protogen.Plugin) error {
		plugin.SupportedFeatures = uint64(pluginpb.CodeGeneratorResponse_FEATURE_PROTO3_OPTIONAL)
		text, err := Generate(plugin)
		if err != nil {
			return err
		}
		_, err = plugin.NewGeneratedFile("openapi/openapi.json", "").Write(text)
		return err
	})
}

// Generate returns the document of every RPC that has an HTTP rule.
func Generate(plugin *protogen.Plugin) ([]byte, error) {
	w := newWriter(plugin)
	for _, file := range plugin.Files {
		if !file.Generate {
			continue
		}
		for _, service := range file.Services {
			if err := w.service(service); err != nil {
				return nil, fmt.Errorf("describe %s: %w", service.Desc.FullName(), err)
			}
		}
	}
	if err := w.errors(); err != nil {
		return nil, err
	}
	return encode(w.document())
}

func encode(d *document) ([]byte, error) {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(d); err != nil {
		return nil, fmt.Errorf("encode the document: %w", err)
	}
	return out.Bytes(), nil
}

// errNoReasons says that the enum of the reasons is gone or was renamed.
var errNoReasons = errors.New("no enum siteplane.lifecycle.v1.ErrorReason among the files")
