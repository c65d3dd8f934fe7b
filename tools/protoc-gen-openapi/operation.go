package main

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/proto"
)

const jsonType = "application/json"

// linesType is that of a stream: one JSON object a line.
const linesType = "application/x-ndjson"

// writer collects the document.
type writer struct {
	tags    []tag
	paths   *ordered[*ordered[*operation]]
	schemas *ordered[*schema]
	// reasons is the enum of the errors' reasons.
	reasons *protogen.Enum
	// sent holds the messages that requests contain.
	sent map[*protogen.Message]bool
}

func newWriter(plugin *protogen.Plugin) *writer {
	w := &writer{paths: newOrdered[*ordered[*operation]](), schemas: newOrdered[*schema](), sent: map[*protogen.Message]bool{}}
	for _, file := range plugin.Files {
		for _, enum := range file.Enums {
			if enum.Desc.FullName() == "siteplane.lifecycle.v1.ErrorReason" {
				w.reasons = enum
			}
		}
		for _, service := range file.Services {
			for _, method := range service.Methods {
				if ruleOf(method) != nil {
					w.mark(method.Input)
				}
			}
		}
	}
	return w
}

// mark writes down what a request may contain.
func (w *writer) mark(m *protogen.Message) {
	if w.sent[m] {
		return
	}
	w.sent[m] = true
	for _, field := range m.Fields {
		if field.Message != nil && !outputOnly(field) {
			w.mark(field.Message)
		}
	}
}

func (w *writer) service(s *protogen.Service) error {
	known := len(w.tags)
	for _, method := range s.Methods {
		rule := ruleOf(method)
		if rule == nil {
			continue
		}
		for i, binding := range append([]*annotations.HttpRule{rule}, rule.GetAdditionalBindings()...) {
			if err := w.operation(method, binding, i); err != nil {
				return fmt.Errorf("%s: %w", method.Desc.Name(), err)
			}
		}
		if len(w.tags) == known {
			w.tags = append(w.tags, tag{Name: string(s.Desc.Name()), Description: prose(s.Comments.Leading)})
		}
	}
	return nil
}

func ruleOf(m *protogen.Method) *annotations.HttpRule {
	rule, _ := proto.GetExtension(m.Desc.Options(), annotations.E_Http).(*annotations.HttpRule)
	return rule
}

// operation adds what one binding of a method makes.
func (w *writer) operation(m *protogen.Method, rule *annotations.HttpRule, number int) error {
	verb, path, err := verbOf(rule)
	if err != nil {
		return err
	}
	inPath, err := pathFields(m.Input, path)
	if err != nil {
		return err
	}
	o := &operation{Tags: []string{string(m.Parent.Desc.Name())}, OperationID: operationID(m, number)}
	o.Summary, o.Description = summary(m.Comments.Leading)
	for _, f := range inPath {
		one := w.parameter(f.field, "path", f.field.Desc.JSONName())
		one.Required, one.Schema.MinLength = true, max(1, one.Schema.MinLength)
		o.Parameters = append(o.Parameters, one)
	}
	switch rule.GetBody() {
	case "":
		o.Parameters = append(o.Parameters, w.query(m.Input, "", inPath)...)
	case "*":
		o.RequestBody = w.body(m.Input, inPath)
	default:
		return fmt.Errorf("a body of one field (%s) is not supported", rule.GetBody())
	}
	o.Responses = w.responses(m)
	return w.add(documented(path, inPath), verb, o)
}

// operationID holds the service's name, too: generators make types like XResponse of
// it, which must not have the name of a message.
func operationID(m *protogen.Method, number int) string {
	id := fmt.Sprintf("%s_%s", m.Parent.Desc.Name(), m.Desc.Name())
	if number > 0 {
		id += strconv.Itoa(number + 1)
	}
	return id
}

func (w *writer) add(path, verb string, o *operation) error {
	if !w.paths.has(path) {
		w.paths.set(path, newOrdered[*operation]())
	}
	item := w.paths.values[path]
	if item.has(verb) {
		return fmt.Errorf("%s %s is taken by %s", verb, path, item.values[verb].OperationID)
	}
	item.set(verb, o)
	return nil
}

func verbOf(rule *annotations.HttpRule) (verb, path string, err error) {
	for method, path := range map[string]string{
		http.MethodGet: rule.GetGet(), http.MethodPost: rule.GetPost(), http.MethodPut: rule.GetPut(),
		http.MethodPatch: rule.GetPatch(), http.MethodDelete: rule.GetDelete(),
	} {
		if path != "" {
			return strings.ToLower(method), path, nil
		}
	}
	return "", "", fmt.Errorf("the HTTP rule %v has no verb that is supported", rule)
}

// variable is one in a path: a field, or a field of a field.
type variable struct {
	text  string
	field *protogen.Field
}

var inBraces = regexp.MustCompile(`\{([^}]*)\}`)

func pathFields(m *protogen.Message, path string) (found []variable, err error) {
	for _, match := range inBraces.FindAllStringSubmatch(path, -1) {
		at, field := m, (*protogen.Field)(nil)
		for name := range strings.SplitSeq(match[1], ".") {
			i := -1
			if at != nil {
				i = slices.IndexFunc(at.Fields, func(f *protogen.Field) bool { return string(f.Desc.Name()) == name })
			}
			if i < 0 {
				return nil, fmt.Errorf("the path %s names no field of %s", path, m.Desc.Name())
			}
			field = at.Fields[i]
			at = field.Message
		}
		found = append(found, variable{text: match[0], field: field})
	}
	return found, nil
}

// documented is a path with the names that parameters have in JSON. Those of a field
// within a field bear its name alone: two paths that differ in the names of their
// variables only are one path to OpenAPI.
func documented(path string, fields []variable) string {
	for _, f := range fields {
		path = strings.Replace(path, f.text, "{"+f.field.Desc.JSONName()+"}", 1)
	}
	return path
}

// query returns the parameters that a request's fields become.
func (w *writer) query(m *protogen.Message, prefix string, taken []variable) (all []parameter) {
	for _, field := range m.Fields {
		switch name := prefix + field.Desc.JSONName(); {
		case slices.ContainsFunc(taken, func(v variable) bool { return v.field == field }), outputOnly(field):
		case field.Message != nil && !wellKnown(field.Message):
			all = append(all, w.query(field.Message, name+".", taken)...)
		default:
			all = append(all, w.parameter(field, "query", name))
		}
	}
	return all
}

func (w *writer) parameter(f *protogen.Field, in, name string) parameter {
	return parameter{
		Name: name, In: in, Required: demanded(f),
		Description: prose(f.Comments.Leading), Schema: w.field(f, input),
	}
}

// body is a request without what its path says.
func (w *writer) body(m *protogen.Message, taken []variable) *body {
	name := string(m.Desc.Name())
	s := w.object(m, input, taken)
	w.schemas.set(name, s)
	return &body{Required: len(s.Required) > 0, Content: one(jsonType, mediaType{reference(name)})}
}

func (w *writer) responses(m *protogen.Method) *ordered[*response] {
	all := newOrdered[*response]()
	good := w.message(m.Output, output)
	description := prose(m.Output.Comments.Leading)
	if !m.Desc.IsStreamingServer() {
		all.set("200", &response{Description: description, Content: one(jsonType, mediaType{good})})
		all.set("default", &response{Ref: "#/components/responses/Error"})
		return all
	}
	line := &schema{Type: "object", Description: "One line of the stream.", Properties: newOrdered[*schema]()}
	line.Properties.set("result", good)
	line.Properties.set("error", reference("Status"))
	all.set("200", &response{
		Description: description + " One JSON object a line: `result` is the next one, `error` says why the stream ended and is the last.",
		Content:     one(linesType, mediaType{line}),
	})
	all.set("default", &response{Ref: "#/components/responses/StreamError"})
	return all
}
