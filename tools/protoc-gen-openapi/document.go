package main

import (
	"bytes"
	"encoding/json"
)

// The parts of OpenAPI 3.0.3 that the document uses.
type (
	document struct {
		OpenAPI    string                         `json:"openapi"`
		Info       info                           `json:"info"`
		Servers    []server                       `json:"servers"`
		Security   []map[string][]string          `json:"security"`
		Tags       []tag                          `json:"tags"`
		Paths      *ordered[*ordered[*operation]] `json:"paths"`
		Components components                     `json:"components"`
	}
	info struct {
		Title       string `json:"title"`
		Version     string `json:"version"`
		Description string `json:"description"`
	}
	server struct {
		URL string `json:"url"`
	}
	tag struct {
		Name        string `json:"name"`
		Description string `json:"description"`
	}
	operation struct {
		Tags        []string            `json:"tags"`
		OperationID string              `json:"operationId"`
		Summary     string              `json:"summary"`
		Description string              `json:"description,omitempty"`
		Parameters  []parameter         `json:"parameters,omitempty"`
		RequestBody *body               `json:"requestBody,omitempty"`
		Responses   *ordered[*response] `json:"responses"`
	}
	parameter struct {
		Name        string  `json:"name"`
		In          string  `json:"in"`
		Description string  `json:"description,omitempty"`
		Required    bool    `json:"required,omitempty"`
		Schema      *schema `json:"schema"`
	}
	body struct {
		Description string              `json:"description,omitempty"`
		Required    bool                `json:"required,omitempty"`
		Content     *ordered[mediaType] `json:"content"`
	}
	response struct {
		Ref         string              `json:"$ref,omitempty"`
		Description string              `json:"description,omitempty"`
		Content     *ordered[mediaType] `json:"content,omitempty"`
	}
	mediaType struct {
		Schema *schema `json:"schema"`
	}
	components struct {
		Schemas         *ordered[*schema]         `json:"schemas"`
		Responses       *ordered[*response]       `json:"responses"`
		SecuritySchemes map[string]securityScheme `json:"securitySchemes"`
	}
	securityScheme struct {
		Type        string `json:"type"`
		Scheme      string `json:"scheme"`
		Description string `json:"description"`
	}
	schema struct {
		Ref                  string            `json:"$ref,omitempty"`
		Type                 string            `json:"type,omitempty"`
		Format               string            `json:"format,omitempty"`
		Description          string            `json:"description,omitempty"`
		Enum                 []any             `json:"enum,omitempty"`
		Pattern              string            `json:"pattern,omitempty"`
		MinLength            uint64            `json:"minLength,omitempty"`
		MaxLength            *uint64           `json:"maxLength,omitempty"`
		Minimum              *int64            `json:"minimum,omitempty"`
		Maximum              *int64            `json:"maximum,omitempty"`
		Items                *schema           `json:"items,omitempty"`
		MinItems             uint64            `json:"minItems,omitempty"`
		MaxItems             *uint64           `json:"maxItems,omitempty"`
		Required             []string          `json:"required,omitempty"`
		Properties           *ordered[*schema] `json:"properties,omitempty"`
		AdditionalProperties any               `json:"additionalProperties,omitempty"`
		AllOf                []*schema         `json:"allOf,omitempty"`
		OneOf                []*schema         `json:"oneOf,omitempty"`
		Discriminator        *discriminator    `json:"discriminator,omitempty"`
	}
	discriminator struct {
		PropertyName string            `json:"propertyName"`
		Mapping      map[string]string `json:"mapping"`
	}
)

// ordered is a JSON object whose names keep the order in which they came.
type ordered[V any] struct {
	names  []string
	values map[string]V
}

func newOrdered[V any]() *ordered[V] { return &ordered[V]{values: map[string]V{}} }

// one is an object with one name.
func one[V any](name string, value V) *ordered[V] {
	o := newOrdered[V]()
	o.set(name, value)
	return o
}

func (o *ordered[V]) set(name string, value V) {
	if _, ok := o.values[name]; !ok {
		o.names = append(o.names, name)
	}
	o.values[name] = value
}

func (o *ordered[V]) has(name string) bool { _, ok := o.values[name]; return ok }

// MarshalJSON implements json.Marshaler.
func (o *ordered[V]) MarshalJSON() ([]byte, error) {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	out.WriteByte('{')
	for i, name := range o.names {
		if i > 0 {
			out.WriteByte(',')
		}
		if err := encoder.Encode(name); err != nil {
			return nil, err
		}
		out.WriteByte(':')
		if err := encoder.Encode(o.values[name]); err != nil {
			return nil, err
		}
	}
	out.WriteByte('}')
	return out.Bytes(), nil
}
