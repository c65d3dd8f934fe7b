package main

import (
	"regexp"
	"slices"

	"buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

func rulesOf(f *protogen.Field) *validate.FieldRules {
	rules, _ := proto.GetExtension(f.Desc.Options(), validate.E_Field).(*validate.FieldRules)
	return rules
}

// ignored says whether nothing within the field is demanded.
func ignored(f *protogen.Field) bool {
	return rulesOf(f).GetIgnore() == validate.Ignore_IGNORE_ALWAYS
}

// demanded says whether a request without the field is refused.
func demanded(f *protogen.Field) bool {
	rules := rulesOf(f)
	if ignored(f) || f.Desc.HasPresence() && !rules.GetRequired() {
		return false
	}
	return rules.GetRequired() || rules.GetString().GetMinLen() > 0 || refusesEmpty(rules.GetString()) ||
		rules.GetRepeated().GetMinItems() > 0 || slices.Contains(rules.GetEnum().GetNotIn(), 0) ||
		rules.GetInt32().GetGte() > 0 || rules.GetInt64().GetGte() > 0 || rules.GetUint32().GetGte() > 0
}

func refusesEmpty(rules *validate.StringRules) bool {
	if !rules.HasPattern() {
		return false
	}
	pattern, err := regexp.Compile(rules.GetPattern())
	return err == nil && !pattern.MatchString("")
}

// constrainList puts a list's rules into its schema.
func constrainList(s *schema, f *protogen.Field) {
	rules := rulesOf(f).GetRepeated()
	s.MinItems = rules.GetMinItems()
	if rules.HasMaxItems() {
		s.MaxItems = new(rules.GetMaxItems())
	}
	constrain(s.Items, f, rules.GetItems())
}

// constrain puts a field's rules into its schema, as far as JSON Schema has them.
func constrain(s *schema, f *protogen.Field, rules *validate.FieldRules) {
	if text := rules.GetString(); text != nil {
		s.MinLength, s.Pattern = text.GetMinLen(), text.GetPattern()
		if text.HasMaxLen() {
			s.MaxLength = new(text.GetMaxLen())
		}
	}
	if number := rules.GetInt32(); number != nil {
		s.Minimum, s.Maximum = bound(number.HasGte(), number.GetGte()), bound(number.HasLte(), number.GetLte())
	}
	if number := rules.GetUint32(); number != nil {
		s.Maximum = bound(number.HasLte(), number.GetLte())
		for _, value := range number.GetIn() {
			s.Enum = append(s.Enum, value)
		}
	}
	if number := rules.GetInt64(); number.HasGte() && number.GetGte() >= 0 {
		s.Pattern = unsigned // a string in JSON, so there is no minimum
	}
	if f.Desc.Kind() == protoreflect.EnumKind && rules.GetEnum() != nil {
		*s = schema{Type: "string", Enum: allowed(f.Enum, rules.GetEnum())}
	}
}

func bound[N int32 | uint32](is bool, value N) *int64 {
	if !is {
		return nil
	}
	return new(int64(value))
}

func allowed(e *protogen.Enum, rules *validate.EnumRules) (names []any) {
	for _, value := range e.Values {
		if !slices.Contains(rules.GetNotIn(), int32(value.Desc.Number())) {
			names = append(names, string(value.Desc.Name()))
		}
	}
	return names
}
