package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf16"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

const (
	formatTable format = "table"
	formatJSON  format = "json"
	formatYAML  format = "yaml"
)

// format is the value of --output.
type format string

func (f *format) String() string { return string(*f) }

// Set takes the name of a format.
func (f *format) Set(name string) error {
	switch named := format(name); named {
	case formatTable, formatJSON, formatYAML:
		*f = named
		return nil
	}
	return errors.New("must be table, json or yaml")
}

// Type names the value in the help text.
func (f *format) Type() string { return "table|json|yaml" }

// document is a result that can be printed in every format.
type document interface {
	// json is the result as a JSON value.
	json() (json.RawMessage, error)
	// write puts the result on a page for people.
	write(*page)
}

// print writes the result in the format that the user chose.
func (a *app) print(command *cobra.Command, result document) error {
	to := command.OutOrStdout()
	switch a.format {
	case formatJSON:
		return printJSON(to, result)
	case formatYAML:
		return printYAML(to, result)
	}
	page := a.page(to)
	result.write(page)
	return page.flush(to)
}

// printNext writes one of many results that have no known end: a line for people or
// of JSON, or a YAML document.
func (a *app) printNext(command *cobra.Command, result document) error {
	to := command.OutOrStdout()
	switch a.format {
	case formatJSON:
		return printLine(to, result)
	case formatYAML:
		if _, err := io.WriteString(to, "---\n"); err != nil {
			return err
		}
	}
	return a.print(command, result)
}

func printLine(to io.Writer, result document) error {
	raw, err := result.json()
	if err != nil {
		return fmt.Errorf("encode result: %w", err)
	}
	var line bytes.Buffer
	if err := json.Compact(&line, raw); err != nil {
		return fmt.Errorf("format result: %w", err)
	}
	_, err = fmt.Fprintln(to, escapeJSON(line.String()))
	return err
}

func printJSON(to io.Writer, result document) error {
	raw, err := result.json()
	if err != nil {
		return fmt.Errorf("encode result: %w", err)
	}
	var indented bytes.Buffer
	// protojson varies its white space on purpose; this makes it stable.
	if err := json.Indent(&indented, raw, "", "  "); err != nil {
		return fmt.Errorf("format result: %w", err)
	}
	_, err = fmt.Fprintln(to, escapeJSON(indented.String()))
	return err
}

// protoJSON is a message with the names and values of the REST API. Fields
// without a value are there too, so that scripts find an empty list.
func protoJSON(message proto.Message) (json.RawMessage, error) {
	return protojson.MarshalOptions{EmitDefaultValues: true}.Marshal(message)
}

// listJSON is a list of messages under a name.
func listJSON[Message proto.Message](name string, messages []Message) (json.RawMessage, error) {
	list, err := messagesJSON(messages)
	if err != nil {
		return nil, err
	}
	return json.Marshal(map[string][]json.RawMessage{name: list})
}

// messagesJSON are messages as JSON values, never nil.
func messagesJSON[Message proto.Message](messages []Message) ([]json.RawMessage, error) {
	list := []json.RawMessage{}
	for _, message := range messages {
		one, err := protoJSON(message)
		if err != nil {
			return nil, err
		}
		list = append(list, one)
	}
	return list, nil
}

// escapeJSON writes every hidden character as JSON does. Outside of strings
// JSON has none but the line breaks.
func escapeJSON(text string) string {
	return escapeAs(text, func(char rune) string {
		high, low := utf16.EncodeRune(char)
		return fmt.Sprintf(`\u%04x\u%04x`, high, low)
	})
}

// escapeAs writes every hidden character but the line breaks as \u and four digits,
// and those that need more as wide does.
func escapeAs(text string, wide func(rune) string) string {
	var shown strings.Builder
	for _, char := range text {
		switch {
		case char == '\n' || !hidden(char):
			shown.WriteRune(char)
		case char <= 0xffff:
			fmt.Fprintf(&shown, `\u%04x`, char)
		default:
			shown.WriteString(wide(char))
		}
	}
	return shown.String()
}
