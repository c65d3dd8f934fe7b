package document

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
)

// The parts of an OpenAPI 3.0 document that the page shows.
type (
	openAPI struct {
		Info struct {
			Title, Version, Description string
		}
		Tags []struct {
			Name, Description string
		}
		Paths      ordered[ordered[operation]]
		Components struct {
			Schemas   ordered[schema]
			Responses map[string]response
		}
	}
	operation struct {
		Tags                              []string
		OperationID, Summary, Description string
		Parameters                        []parameter
		RequestBody                       *response
		Responses                         ordered[response]
	}
	parameter struct {
		Name, In, Description string
		Required              bool
		Schema                schema
	}
	response struct {
		Ref         string `json:"$ref"`
		Description string
		Content     ordered[struct{ Schema schema }]
	}
	schema struct {
		Ref                       string `json:"$ref"`
		Type, Format, Description string
		Pattern                   string
		Enum                      []any
		MinLength, MaxLength      *uint64
		Minimum, Maximum          *int64
		MinItems, MaxItems        *uint64
		Items                     *schema
		Required                  []string
		Properties                ordered[schema]
		AdditionalProperties      any
		AllOf, OneOf              []schema
	}
)

// entry is one name of an object.
type entry[V any] struct {
	Name  string
	Value V
}

// ordered is a JSON object in the order in which it was written.
type ordered[V any] []entry[V]

// UnmarshalJSON implements json.Unmarshaler.
func (o *ordered[V]) UnmarshalJSON(text []byte) error {
	d := json.NewDecoder(bytes.NewReader(text))
	if begin, err := d.Token(); err != nil || begin != json.Delim('{') {
		return fmt.Errorf("%.20q is no object", text)
	}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return err
		}
		var value V
		if err := d.Decode(&value); err != nil {
			return fmt.Errorf("%v: %w", name, err)
		}
		*o = append(*o, entry[V]{Name: fmt.Sprint(name), Value: value})
	}
	return nil
}

// nameOf is the last part of a reference.
func nameOf(ref string) string { return ref[strings.LastIndexByte(ref, '/')+1:] }
