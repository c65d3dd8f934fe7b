package main

import (
	"bytes"
	"strings"
	"testing"

	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/pluginpb"
)

// pluginOf is asked for a service with one method of that rule.
func pluginOf(t *testing.T, rule *annotations.HttpRule) *protogen.Plugin {
	t.Helper()
	options := &descriptorpb.MethodOptions{}
	proto.SetExtension(options, annotations.E_Http, rule)
	text := func(name string, number int32) *descriptorpb.FieldDescriptorProto {
		return &descriptorpb.FieldDescriptorProto{
			Name: new(name), Number: new(number), Type: descriptorpb.FieldDescriptorProto_TYPE_STRING.Enum(),
			Label: descriptorpb.FieldDescriptorProto_LABEL_OPTIONAL.Enum(),
		}
	}
	file := &descriptorpb.FileDescriptorProto{
		Name: new("a.proto"), Package: new("siteplane.lifecycle.v1"), Syntax: new("proto3"),
		Options: &descriptorpb.FileOptions{GoPackage: new("a.example/a;a")},
		MessageType: []*descriptorpb.DescriptorProto{
			{Name: new("AskRequest"), Field: []*descriptorpb.FieldDescriptorProto{text("shop_id", 1), text("its_name", 2)}},
			{Name: new("AskResponse"), Field: []*descriptorpb.FieldDescriptorProto{text("answer", 1)}},
		},
		EnumType: []*descriptorpb.EnumDescriptorProto{{Name: new("ErrorReason"), Value: []*descriptorpb.EnumValueDescriptorProto{
			{Name: new("ERROR_REASON_UNSPECIFIED"), Number: new(int32(0))}, {Name: new("ERROR_REASON_WRONG"), Number: new(int32(1))},
		}}},
		Service: []*descriptorpb.ServiceDescriptorProto{{Name: new("Shop"), Method: []*descriptorpb.MethodDescriptorProto{{
			Name: new("Ask"), InputType: new(".siteplane.lifecycle.v1.AskRequest"),
			OutputType: new(".siteplane.lifecycle.v1.AskResponse"), Options: options,
		}}}},
	}
	plugin, err := protogen.Options{}.New(&pluginpb.CodeGeneratorRequest{
		FileToGenerate: []string{"a.proto"}, ProtoFile: []*descriptorpb.FileDescriptorProto{file},
	})
	if err != nil {
		t.Fatal(err)
	}
	return plugin
}

func TestGenerate(t *testing.T) {
	get := &annotations.HttpRule{Pattern: &annotations.HttpRule_Get{Get: "/v1/shops/{shop_id}:ask"}}
	t.Run("gives the same bytes each time", func(t *testing.T) {
		first, err := Generate(pluginOf(t, get))
		if err != nil {
			t.Fatal(err)
		}
		again, err := Generate(pluginOf(t, get))
		if err != nil || !bytes.Equal(first, again) {
			t.Errorf("first\n%s\nthen\n%s (%v)", first, again, err)
		}
		for _, wanted := range []string{`"/v1/shops/{shopId}:ask"`, `"Shop_Ask"`, `"itsName"`, `"WRONG"`} {
			if !bytes.Contains(first, []byte(wanted)) {
				t.Errorf("%s is not in\n%s", wanted, first)
			}
		}
	})
	t.Run("makes a request's field a parameter or a part of the body, not both", func(t *testing.T) {
		text, err := Generate(pluginOf(t, &annotations.HttpRule{Body: "*", Pattern: &annotations.HttpRule_Post{Post: "/v1/shops/{shop_id}:ask"}}))
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Count(text, []byte(`"shopId"`)) != 1 || bytes.Count(text, []byte(`"itsName"`)) != 1 {
			t.Errorf("%s", text)
		}
	})
	for name, rule := range map[string]*annotations.HttpRule{
		"a body of one field":          {Body: "its_name", Pattern: &annotations.HttpRule_Post{Post: "/v1/shops"}},
		"a path of no field":           {Pattern: &annotations.HttpRule_Get{Get: "/v1/{nothing}"}},
		"a verb of its own":            {Pattern: &annotations.HttpRule_Custom{Custom: &annotations.CustomHttpPattern{Kind: "ASK", Path: "/v1"}}},
		"the same path and verb twice": {Pattern: get.Pattern, AdditionalBindings: []*annotations.HttpRule{get}},
	} {
		t.Run("refuses "+name, func(t *testing.T) {
			if text, err := Generate(pluginOf(t, rule)); err == nil {
				t.Errorf("it makes %s", text)
			}
		})
	}
}

func TestSummary(t *testing.T) {
	for comment, want := range map[string][2]string{
		" One.\n":                                 {"One", ""},
		" One sentence that\n is long. Two.\n":    {"One sentence that is long", "Two."},
		" At 3.5 s. e.g. this.\n\n More.\n":       {"At 3.5 s. e.g. this", "More."},
		" Does it. NOT_FOUND: no such.\n\n X: y.": {"Does it", "NOT_FOUND: no such.\n\nX: y."},
	} {
		first, rest := summary(protogen.Comments(comment))
		if first != want[0] || rest != want[1] {
			t.Errorf("%q is %q and %q", comment, first, rest)
		}
	}
	if got := prose(" a\n b\n\n c\n"); got != "a b\n\nc" || strings.Contains(got, "a\nb") {
		t.Errorf("%q", got)
	}
}
