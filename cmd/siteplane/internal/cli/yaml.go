package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"go.yaml.in/yaml/v3"
)

func printYAML(to io.Writer, result document) error {
	raw, err := result.json()
	if err != nil {
		return fmt.Errorf("encode result: %w", err)
	}
	text, err := yamlOf(raw)
	if err != nil {
		return fmt.Errorf("format result: %w", err)
	}
	_, err = io.WriteString(to, text)
	return err
}

// yamlOf is a JSON value as YAML, its keys in the same order. Hidden characters
// are escaped as in JSON.
func yamlOf(raw json.RawMessage) (string, error) {
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	node, err := yamlNode(decoder)
	if err != nil {
		return "", err
	}
	var text strings.Builder
	encoder := yaml.NewEncoder(&text)
	encoder.SetIndent(2)
	if err := encoder.Encode(node); err != nil {
		return "", err
	}
	return escapeYAML(text.String()), encoder.Close()
}

// yamlNode reads the next JSON value.
func yamlNode(decoder *json.Decoder) (*yaml.Node, error) {
	token, err := decoder.Token()
	if err != nil {
		return nil, err
	}
	switch value := token.(type) {
	case json.Delim:
		kind := yaml.SequenceNode
		if value == '{' {
			kind = yaml.MappingNode
		}
		return yamlCollection(decoder, kind)
	case string:
		return yamlString(value), nil
	case nil:
		return &yaml.Node{Kind: yaml.ScalarNode, Value: "null"}, nil
	}
	return &yaml.Node{Kind: yaml.ScalarNode, Value: fmt.Sprint(token)}, nil
}

// yamlCollection reads what is left of an array or object; of an object, keys and
// values come one after the other in both languages.
func yamlCollection(decoder *json.Decoder, kind yaml.Kind) (*yaml.Node, error) {
	collection := &yaml.Node{Kind: kind}
	for decoder.More() {
		item, err := yamlNode(decoder)
		if err != nil {
			return nil, err
		}
		collection.Content = append(collection.Content, item)
	}
	if len(collection.Content) == 0 {
		collection.Style = yaml.FlowStyle // {} or []
	}
	_, err := decoder.Token() // the closing bracket
	return collection, err
}

// yamlString is a string, in double quotes where something in it must be escaped.
func yamlString(value string) *yaml.Node {
	node := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: value}
	if strings.ContainsFunc(value, hidden) {
		node.Style = yaml.DoubleQuotedStyle
	}
	return node
}

// escapeYAML writes every hidden character as YAML does. All that is left of them
// stands in double quotes, but for the line breaks between the values.
func escapeYAML(text string) string {
	return escapeAs(text, func(char rune) string { return fmt.Sprintf(`\U%08x`, char) })
}
