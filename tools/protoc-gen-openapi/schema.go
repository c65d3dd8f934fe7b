package main

import (
	"slices"

	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// direction says which of a message's schemas is meant.
type direction int

const (
	// output is the message in an answer. The gateway leaves out only what has
	// presence, so the rest is there in every answer.
	output direction = iota
	// input is the message in a request, without output-only fields and with the
	// constraints.
	input
	// patch is the message in a request that changes parts of it: nothing is demanded,
	// what cannot change is left out, and the etag (https://google.aip.dev/154) may be
	// sent though it is output-only.
	patch
)

// What the strings look like that protojson makes of 64 bits.
const (
	signed   = "^-?[0-9]{1,19}$"
	unsigned = "^[0-9]{1,20}$"
)

func reference(name string) *schema { return &schema{Ref: "#/components/schemas/" + name} }

// message returns a reference to the message's schema, which it adds when it is new.
// A message that looks the same both ways has one schema, with the constraints.
func (w *writer) message(m *protogen.Message, d direction) *schema {
	if known := wellKnownSchema(m); known != nil {
		return known
	}
	name := string(m.Desc.Name())
	switch {
	case d == patch:
		name += "Patch"
	case w.sent[m] && !differs(m):
		d = input
	case d == input:
		name += "Input"
	}
	if !w.schemas.has(name) {
		w.schemas.set(name, nil) // ends a recursion
		w.schemas.set(name, w.object(m, d, nil))
	}
	return reference(name)
}

// differs says whether a message has anything that only answers contain.
func differs(m *protogen.Message) bool {
	return slices.ContainsFunc(m.Fields, func(f *protogen.Field) bool {
		return outputOnly(f) || f.Message != nil && !wellKnown(f.Message) && f.Message != m && differs(f.Message)
	})
}

func (w *writer) object(m *protogen.Message, d direction, taken []variable) *schema {
	s := &schema{Type: "object", Description: prose(m.Comments.Leading) + choices(m), Properties: newOrdered[*schema]()}
	for _, field := range m.Fields {
		if left(field, d) || slices.ContainsFunc(taken, func(v variable) bool { return v.field == field }) {
			continue
		}
		s.Properties.set(field.Desc.JSONName(), w.property(field, within(d)))
		if d == input && demanded(field) || d == output && !field.Desc.HasPresence() {
			s.Required = append(s.Required, field.Desc.JSONName())
		}
	}
	return s
}

// within is the direction of what a field holds: a patch replaces whole fields.
func within(d direction) direction {
	if d == patch {
		return input
	}
	return d
}

// left says whether a field has no place in that direction.
func left(f *protogen.Field, d direction) bool {
	switch d {
	case input:
		return outputOnly(f)
	case patch:
		return outputOnly(f) && f.Desc.Name() != "etag" || hasBehavior(f, annotations.FieldBehavior_IMMUTABLE)
	default:
		return hasBehavior(f, annotations.FieldBehavior_INPUT_ONLY)
	}
}

// property is a field with its description. Beside a reference OpenAPI 3.0 allows
// none, so there it stands around the reference.
func (w *writer) property(f *protogen.Field, d direction) *schema {
	s := w.field(f, d)
	if s.Ref != "" {
		s = &schema{AllOf: []*schema{s}}
	}
	s.Description = prose(f.Comments.Leading)
	return s
}

func (w *writer) field(f *protogen.Field, d direction) *schema {
	if d == input && ignored(f) {
		d = patch
	}
	switch {
	case f.Desc.IsMap():
		return &schema{Type: "object", AdditionalProperties: w.single(f.Message.Fields[1], d)}
	case f.Desc.IsList():
		s := &schema{Type: "array", Items: w.single(f, d)}
		if d != output {
			constrainList(s, f)
		}
		return s
	}
	s := w.single(f, d)
	if d != output {
		constrain(s, f, rulesOf(f))
	}
	return s
}

// single is one value of the field's kind, as protojson writes it.
func (w *writer) single(f *protogen.Field, d direction) *schema {
	switch f.Desc.Kind() {
	case protoreflect.MessageKind:
		return w.message(f.Message, d)
	case protoreflect.EnumKind:
		return w.enum(f.Enum)
	case protoreflect.BoolKind:
		return &schema{Type: "boolean"}
	case protoreflect.StringKind:
		return &schema{Type: "string"}
	case protoreflect.BytesKind:
		return &schema{Type: "string", Format: "byte"}
	case protoreflect.FloatKind, protoreflect.DoubleKind:
		return &schema{Type: "number"}
	case protoreflect.Int64Kind, protoreflect.Sint64Kind, protoreflect.Sfixed64Kind:
		return &schema{Type: "string", Format: "int64", Pattern: signed}
	case protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
		return &schema{Type: "string", Format: "uint64", Pattern: unsigned}
	case protoreflect.Uint32Kind, protoreflect.Fixed32Kind:
		return &schema{Type: "integer", Format: "int64", Minimum: new(int64)}
	default:
		return &schema{Type: "integer", Format: "int32"}
	}
}

// enum returns a reference to the enum's schema. Its values are told in the
// description, for OpenAPI has no place for theirs.
func (w *writer) enum(e *protogen.Enum) *schema {
	name := string(e.Desc.Name())
	if w.schemas.has(name) {
		return reference(name)
	}
	s := &schema{Type: "string", Description: prose(e.Comments.Leading) + "\n"}
	for _, value := range e.Values {
		s.Enum = append(s.Enum, string(value.Desc.Name()))
		s.Description += "\n- `" + string(value.Desc.Name()) + "`: " + prose(value.Comments.Leading)
	}
	w.schemas.set(name, s)
	return reference(name)
}

// wellKnownSchema is the JSON of the messages that protojson writes in a way of their
// own; nil for others.
func wellKnownSchema(m *protogen.Message) *schema {
	switch m.Desc.FullName() {
	case "google.protobuf.Timestamp":
		return &schema{Type: "string", Format: "date-time"}
	case "google.protobuf.Duration":
		return &schema{Type: "string", Pattern: `^-?[0-9]+(\.[0-9]{1,9})?s$`}
	case "google.protobuf.FieldMask":
		return &schema{Type: "string"}
	case "google.protobuf.Struct":
		return &schema{Type: "object", AdditionalProperties: true}
	}
	return nil
}

func wellKnown(m *protogen.Message) bool { return wellKnownSchema(m) != nil }

func outputOnly(f *protogen.Field) bool { return hasBehavior(f, annotations.FieldBehavior_OUTPUT_ONLY) }

func hasBehavior(f *protogen.Field, wanted annotations.FieldBehavior) bool {
	all, _ := proto.GetExtension(f.Desc.Options(), annotations.E_FieldBehavior).([]annotations.FieldBehavior)
	return slices.Contains(all, wanted)
}
