package document

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"slices"
	"strings"
)

// page is what the template shows.
type page struct {
	Title, Version string
	About          []block
	Services       []serviceView
	Errors         []block
	Schemas        []schemaView
}

type serviceView struct {
	Name       string
	About      []block
	Operations []operationView
}

type operationView struct {
	ID, Name, Method, Path, Summary string
	About                           []block
	Parameters, Body                []fieldView
	BodyType                        typeView
	Answers                         []answerView
}

type answerView struct {
	Code, Media string
	About       []block
	Type        typeView
}

type schemaView struct {
	Name   string
	About  []block
	Type   typeView
	Fields []fieldView
}

type fieldView struct {
	Name, In string
	Required bool
	Type     typeView
	Rules    []string
	About    []block
}

//go:embed page.html
var pageText string

// render makes the page.
func render(d openAPI) ([]byte, error) {
	layout, err := template.New("page").Parse(pageText)
	if err != nil {
		return nil, fmt.Errorf("read the page's template: %w", err)
	}
	var out bytes.Buffer
	if err := layout.Execute(&out, view(d)); err != nil {
		return nil, fmt.Errorf("make the page: %w", err)
	}
	return out.Bytes(), nil
}

func view(d openAPI) page {
	p := page{Title: d.Info.Title, Version: d.Info.Version, About: blocks(d.Info.Description)}
	for _, tag := range d.Tags {
		service := serviceView{Name: tag.Name, About: blocks(tag.Description)}
		for _, path := range d.Paths {
			for _, verb := range path.Value {
				if slices.Contains(verb.Value.Tags, tag.Name) {
					service.Operations = append(service.Operations, d.operation(path.Name, verb.Name, verb.Value))
				}
			}
		}
		p.Services = append(p.Services, service)
	}
	for _, s := range d.Components.Schemas {
		if s.Name == "ErrorInfo" {
			p.Errors = blocks(s.Value.property("reason").Description)
		}
		p.Schemas = append(p.Schemas, schemaView{
			Name: s.Name, About: blocks(s.Value.Description), Type: typeOf(s.Value), Fields: s.Value.fields(),
		})
	}
	return p
}

func (d openAPI) operation(path, verb string, o operation) operationView {
	v := operationView{
		ID: o.OperationID, Name: afterService(o), Method: strings.ToUpper(verb), Path: path, Summary: o.Summary, About: blocks(o.Description),
	}
	for _, p := range o.Parameters {
		v.Parameters = append(v.Parameters, fieldView{
			Name: p.Name, In: p.In, Required: p.Required, Type: typeOf(p.Schema), Rules: rules(p.Schema), About: blocks(p.Description),
		})
	}
	if o.RequestBody != nil && len(o.RequestBody.Content) > 0 {
		body := o.RequestBody.Content[0].Value.Schema
		v.BodyType, v.Body = typeOf(body), d.resolve(body).fields()
	}
	for _, r := range o.Responses {
		v.Answers = append(v.Answers, d.answer(r.Name, r.Value))
	}
	return v
}

// afterService is an operation's id without its service, under which it stands.
func afterService(o operation) string {
	if service, name, found := strings.Cut(o.OperationID, "_"); found && slices.Contains(o.Tags, service) {
		return name
	}
	return o.OperationID
}

func (d openAPI) answer(code string, r response) answerView {
	if r.Ref != "" {
		r = d.Components.Responses[nameOf(r.Ref)]
	}
	v := answerView{Code: code, About: blocks(r.Description)}
	if len(r.Content) > 0 {
		v.Media, v.Type = r.Content[0].Name, typeOf(r.Content[0].Value.Schema)
	}
	return v
}

// resolve follows a reference.
func (d openAPI) resolve(s schema) schema {
	if s.Ref == "" {
		return s
	}
	i := slices.IndexFunc(d.Components.Schemas, func(e entry[schema]) bool { return e.Name == nameOf(s.Ref) })
	if i < 0 {
		return schema{}
	}
	return d.Components.Schemas[i].Value
}

func (s schema) property(name string) schema {
	for _, p := range s.Properties {
		if p.Name == name {
			return p.Value
		}
	}
	return schema{}
}

func (s schema) fields() (all []fieldView) {
	for _, p := range s.Properties {
		all = append(all, fieldView{
			Name: p.Name, Required: slices.Contains(s.Required, p.Name),
			Type: typeOf(p.Value), Rules: rules(p.Value), About: blocks(p.Value.Description),
		})
	}
	return all
}
