package cli

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"
)

// page collects text for people and escapes what passes through it, so that
// a tenant's string can neither move the cursor nor break a table.
type page struct {
	text bytes.Buffer
	// colourful says that statuses have colours.
	colourful bool
}

func newPage() *page { return &page{} }

// printf adds one line.
func (p *page) printf(format string, args ...any) {
	p.text.WriteString(escape(fmt.Sprintf(format, args...)))
	p.text.WriteByte('\n')
}

// blank adds an empty line.
func (p *page) blank() { p.text.WriteByte('\n') }

// add adds a part of a line in a colour.
func (p *page) add(in colour, part string) { p.text.WriteString(p.paint(in, escape(part))) }

// coloured adds one line in a colour.
func (p *page) coloured(in colour, line string) {
	p.add(in, line)
	p.text.WriteByte('\n')
}

// gap is the space between two columns.
const gap = 2

// table adds aligned rows; the first may be a heading. Empty cells show as a
// dash. Statuses are coloured after everything is aligned.
func (p *page) table(rows ...[]string) {
	shown := make([][]string, len(rows))
	var widths []int
	for i, row := range rows {
		for column, cell := range row {
			cell = escape(orDash(cell))
			shown[i] = append(shown[i], cell)
			if column == len(widths) {
				widths = append(widths, 0)
			}
			widths[column] = max(widths[column], utf8.RuneCountInString(cell)+gap)
		}
	}
	for i, row := range shown {
		p.row(row, widths, func(column int) bool { return tellsStatus(rows, i, column) })
	}
}

// row adds one row; the last cell is followed by nothing.
func (p *page) row(row []string, widths []int, status func(column int) bool) {
	for column, cell := range row {
		padding := widths[column] - utf8.RuneCountInString(cell)
		if status(column) {
			cell = p.paint(colourOf(cell), cell)
		}
		p.text.WriteString(cell)
		if column < len(row)-1 {
			p.text.WriteString(strings.Repeat(" ", padding))
		}
	}
	p.text.WriteByte('\n')
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
