package cli

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"unicode"
	"unicode/utf8"
)

// page collects text for people and escapes what passes through it, so that
// a tenant's string can neither move the cursor nor break a table.
type page struct{ text bytes.Buffer }

func newPage() *page { return &page{} }

// printf adds one line.
func (p *page) printf(format string, args ...any) {
	p.text.WriteString(escape(fmt.Sprintf(format, args...)))
	p.text.WriteByte('\n')
}

// blank adds an empty line.
func (p *page) blank() { p.text.WriteByte('\n') }

// table adds aligned rows; the first may be a heading. Empty cells show as a
// dash.
func (p *page) table(rows ...[]string) {
	aligned := tabwriter.NewWriter(&p.text, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		cells := make([]string, len(row))
		for i, cell := range row {
			cells[i] = escape(orDash(cell))
		}
		fmt.Fprintln(aligned, strings.Join(cells, "\t"))
	}
	// Writing to a buffer cannot fail.
	_ = aligned.Flush()
}

// flush writes the page in one piece.
func (p *page) flush(to io.Writer) error {
	_, err := to.Write(p.text.Bytes())
	return err
}

// escape shows every character that is not plainly visible as an escape
// sequence of Go: control characters, line breaks, marks that turn the
// direction of writing, broken UTF-8.
func escape(text string) string {
	if strings.IndexFunc(text, hidden) < 0 && utf8.ValidString(text) {
		return text
	}
	var shown strings.Builder
	for len(text) > 0 {
		char, size := utf8.DecodeRuneInString(text)
		shown.WriteString(visible(char, text[:size]))
		text = text[size:]
	}
	return shown.String()
}

func hidden(char rune) bool { return !unicode.IsPrint(char) }

func visible(char rune, raw string) string {
	switch {
	case char == utf8.RuneError && len(raw) == 1:
		return fmt.Sprintf(`\x%02x`, raw[0])
	case !hidden(char):
		return raw
	case char < 0x80:
		return fmt.Sprintf(`\x%02x`, char)
	case char <= 0xffff:
		return fmt.Sprintf(`\u%04x`, char)
	}
	return fmt.Sprintf(`\U%08x`, char)
}

func orDash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

// shorten cuts text to a number of characters and marks the cut.
func shorten(text string, length int) string {
	runes := []rune(text)
	if len(runes) <= length {
		return text
	}
	return string(runes[:length-1]) + "…"
}
