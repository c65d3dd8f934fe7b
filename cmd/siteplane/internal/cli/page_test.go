package cli

import (
	"strings"
	"testing"
	"time"
)

func TestEscape(t *testing.T) {
	for text, want := range map[string]string{
		"plain, übung, 網站 🙂": "plain, übung, 網站 🙂",
		"\x1b[31mred":        `\x1b[31mred`,
		"a\tb\r\nc":          `a\x09b\x0d\x0ac`,
		"bell\a del\x7f":     `bell\x07 del\x7f`,
		"c1 \u009b2J":        `c1 \u009b2J`,
		"turn \u202e back":   `turn \u202e back`,
		"hidden\u200b":       `hidden\u200b`,
		"tag \U000e0041":     `tag \U000e0041`,
		"broken \xff\xc3":    `broken \xff\xc3`,
		"real \ufffd":        "real \ufffd",
	} {
		if got := escape(text); got != want {
			t.Errorf("escape(%q) = %s, want %s", text, got, want)
		}
	}
}

func TestEscapeJSON_keeps_the_value(t *testing.T) {
	got := escapeJSON("{\n  \"a\": \"b\u009b\u202e\U000e0041ü\"\n}")
	want := "{\n  \"a\": \"b\\u009b\\u202e\\udb40\\udc41ü\"\n}"
	if got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestShorten_counts_characters(t *testing.T) {
	if got := shorten("übung", 5); got != "übung" {
		t.Errorf("got %q", got)
	}
	if got := shorten("übungen", 5); got != "übun…" {
		t.Errorf("got %q", got)
	}
}

func TestCoarse(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-time.Second: "0s", 999 * time.Millisecond: "0s", 119 * time.Second: "119s", 2 * time.Minute: "2m",
		119 * time.Minute: "119m", 2 * time.Hour: "2h", 47 * time.Hour: "47h", 48 * time.Hour: "2d",
	} {
		if got := coarse(d); got != want {
			t.Errorf("coarse(%v) = %s, want %s", d, got, want)
		}
	}
}

func TestSize(t *testing.T) {
	for text, want := range map[string]size{
		"0": 0, "17": 17, "17B": 17, "2kB": 2000, "2KiB": 2048, "3MB": 3e6, "10MiB": 10 << 20, "1GB": 1e9, "8GiB": 8 << 30,
	} {
		var got size
		if err := got.Set(text); err != nil || got != want {
			t.Errorf("Set(%q) = %d, %v; want %d", text, got, err, want)
		}
	}
	for _, text := range []string{"", "MiB", "-1", "1.5MiB", "1TiB", "1 MiB", "1mib", "9223372036854775807KiB"} {
		var got size
		if err := got.Set(text); err == nil {
			t.Errorf("Set(%q) = %d, want an error", text, got)
		}
	}
}

func TestExitCodes_are_all_explained(t *testing.T) {
	table := exitCodeTable()
	for _, code := range exitOfStatus {
		found := false
		for _, row := range exitMeanings {
			found = found || row.code == code
		}
		if !found {
			t.Errorf("exit code %d is not in the help:\n%s", code, strings.TrimSpace(table))
		}
	}
}
