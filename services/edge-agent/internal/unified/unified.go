// Package unified writes how two texts differ, for people and for patch(1).
//
// It owns the form of a diff and its bounds. It must not know where the texts
// come from.
//
// Invariants: time and memory are bounded by the size of the texts, nearly in
// proportion, whatever they hold; a diff is valid UTF-8 in which nothing but line
// feeds and tabs commands a terminal, even where a text does.
package unified

import (
	"bytes"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"znkr.io/diff"
	"znkr.io/diff/textdiff"
)

// Diff is how two texts differ.
type Diff struct {
	// Text in the unified format with three lines of context, no longer than was
	// asked for; empty when nothing differs.
	Text string
	// Added and Removed count the lines that come and go, those that were cut off
	// included.
	Added, Removed int
	// Truncated tells that the whole diff is longer than Text.
	Truncated bool
}

const (
	context = 3
	// manyLines is from where on a good diff is taken instead of the best: that one
	// may take seconds of two large texts whose lines are alike.
	manyLines = 5000
)

// Text is one of two.
type Text struct {
	Name string
	Data []byte
}

// Compare returns how from becomes to, in not more than most bytes.
func Compare(from, to Text, most int) Diff {
	hunks := textdiff.Hunks(from.Data, to.Data, options(from.Data, to.Data)...)
	if len(hunks) == 0 {
		return Diff{}
	}
	writer := &writer{most: most}
	writer.line("--- " + Harmless(from.Name) + "\n")
	writer.line("+++ " + Harmless(to.Name) + "\n")
	for _, hunk := range hunks {
		writer.hunk(hunk)
	}
	return Diff{Text: writer.text.String(), Added: writer.added, Removed: writer.removed, Truncated: writer.full}
}

func options(before, after []byte) []textdiff.Option {
	options := []textdiff.Option{diff.Context(context)}
	if bytes.Count(before, []byte("\n"))+bytes.Count(after, []byte("\n")) > manyLines {
		options = append(options, diff.Fast())
	}
	return options
}

type writer struct {
	text           strings.Builder
	most           int
	full           bool
	added, removed int
}

func (w *writer) hunk(hunk textdiff.Hunk[[]byte]) {
	w.line(fmt.Sprintf("@@ -%s +%s @@\n", lines(hunk.LineNoX, hunk.EndLineNoX), lines(hunk.LineNoY, hunk.EndLineNoY)))
	for _, edit := range hunk.Edits {
		switch edit.Op {
		case diff.Insert:
			w.added++
			w.edit('+', edit.Line)
		case diff.Delete:
			w.removed++
			w.edit('-', edit.Line)
		default:
			w.edit(' ', edit.Line)
		}
	}
}

// lines are those from begin up to end, counted from 0, as the format names them.
func lines(begin, end int) string {
	if begin == end {
		return fmt.Sprintf("%d,0", begin)
	}
	return fmt.Sprintf("%d,%d", begin+1, end-begin)
}

func (w *writer) edit(sign byte, line []byte) {
	if w.full {
		return
	}
	content, ended := bytes.CutSuffix(line, []byte("\n"))
	text := string(sign) + Harmless(string(content)) + "\n"
	if !ended {
		text += "\\ No newline at end of file\n"
	}
	w.line(text)
}

// line writes a line as a whole. Of one that alone is too long it writes what fits.
func (w *writer) line(text string) {
	room := w.most - w.text.Len()
	switch {
	case w.full:
		return
	case len(text) <= room:
		w.text.WriteString(text)
		return
	case len(text) > w.most && room > 0:
		w.text.WriteString(strings.ToValidUTF8(text[:room], ""))
	}
	w.full = true
}

// Harmless writes what is no text as an escape, so that showing a line can do
// nothing but show it.
func Harmless(line string) string {
	if isPlain(line) {
		return line
	}
	var text strings.Builder
	for len(line) > 0 {
		r, size := utf8.DecodeRuneInString(line)
		switch {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&text, `\x%02x`, line[0])
		case r == '\t' || unicode.IsPrint(r):
			text.WriteRune(r)
		case r < utf8.RuneSelf:
			fmt.Fprintf(&text, `\x%02x`, r)
		default:
			fmt.Fprintf(&text, `\u{%x}`, r)
		}
		line = line[size:]
	}
	return text.String()
}

func isPlain(line string) bool {
	for _, b := range []byte(line) {
		if b != '\t' && (b < ' ' || b >= 0x7f) {
			return false
		}
	}
	return true
}
