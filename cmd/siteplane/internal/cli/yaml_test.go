package cli

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// Whatever strings come along: YAML readers must see what JSON readers see, and a
// terminal nothing that moves it.
func TestYAML_keeps_the_value(t *testing.T) {
	texts := []string{
		"", "plain", "true", "no", "null", "~", "1", "1.5e3", "0x1f", "2026-01-01", "12:30:45", "- a", "a: b", "# a", "a #b", "{}", "[", "&a", "*a", "!a", "|", ">", "%a", "@a", "`a`",
		"'", `"`, `\`, `a\nb`, " a", "a ", "a\nb", "a\n", "\ta", "\x1b[2J", "\x00", "\x7f", "c1 \u009b2J", "turn \u202e", "tag \U000e0041", "ü 網站 🙂", "\ufeff", "\u2028", "---", "...",
		strings.Repeat("long ", 60) + "\x1b",
	}
	want := map[string]any{"number": 3.0, "none": nil, "yes": true, "empty": []any{}, "nothing": map[string]any{}}
	for _, text := range texts {
		want["key "+text] = []any{text, map[string]any{"in": text}}
	}
	raw, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	text, err := yamlOf(raw)
	if err != nil {
		t.Fatal(err)
	}
	if strings.ContainsFunc(strings.ReplaceAll(text, "\n", ""), hidden) {
		t.Errorf("something hidden is in\n%s", text)
	}
	var got map[string]any
	if err := yaml.Unmarshal([]byte(text), &got); err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	got["number"] = float64(got["number"].(int))
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %q,\nwant %q", got, want)
	}
}

func TestYAML_keeps_the_order(t *testing.T) {
	text, err := yamlOf(json.RawMessage(`{"b":1,"a":["x",{"d":null,"c":[]}]}`))
	if want := "b: 1\na:\n  - x\n  - d: null\n    c: []\n"; err != nil || text != want {
		t.Errorf("got %q, %v; want %q", text, err, want)
	}
}
