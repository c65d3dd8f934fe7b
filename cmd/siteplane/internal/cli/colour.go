package cli

import (
	"errors"
	"io"
)

const (
	colourAuto   colourMode = "auto"
	colourAlways colourMode = "always"
	colourNever  colourMode = "never"
)

// colourMode is the value of --color.
type colourMode string

func (m *colourMode) String() string { return string(*m) }

// Set takes the name of a mode.
func (m *colourMode) Set(name string) error {
	switch named := colourMode(name); named {
	case colourAuto, colourAlways, colourNever:
		*m = named
		return nil
	}
	return errors.New("must be auto, always or never")
}

// Type names the value in the help text.
func (m *colourMode) Type() string { return "auto|always|never" }

// page is an empty page for a place where text goes.
func (a *app) page(to io.Writer) *page {
	page := newPage()
	page.colourful = a.colourful(to)
	return page
}

// colourful reports whether what goes there has colours. The flag says it before
// the environment does (https://no-color.org).
func (a *app) colourful(to io.Writer) bool {
	switch a.colour {
	case colourAlways:
		return true
	case colourNever:
		return false
	}
	return a.deps.Getenv("NO_COLOR") == "" && a.deps.Getenv("TERM") != "dumb" && a.deps.Terminal(to)
}

// colour is a colour of the terminal's palette; plain is none.
type colour string

const (
	plain  colour = ""
	red    colour = "\x1b[31m"
	green  colour = "\x1b[32m"
	yellow colour = "\x1b[33m"
	reset         = "\x1b[0m"
)

func (p *page) paint(in colour, text string) string {
	if !p.colourful || in == plain {
		return text
	}
	return string(in) + text + reset
}

// States of a monitor.
const (
	wellState     = "ok"
	notApplicable = "not applicable"
)

// colourOf is the colour of a status: green for what is well, red for what is not,
// none for what has ended, and yellow for all that is on its way.
func colourOf(status string) colour {
	switch status {
	case "ACTIVE", "TRUE", "SUCCEEDED", "active", "joined", wellState:
		return green
	case "ERROR", "FALSE", "FAILED", "NEEDS_ATTENTION", "SUSPENDED", "expired", "revoked", "critical":
		return red
	case "-", "DELETED", "RELEASED", "NOT_APPLICABLE", "CANCELLED", "repaired", "gone", "evicted", notApplicable, "STATUS", "STATE":
		return plain
	}
	return yellow
}

// tellsStatus reports whether a cell is a status: below a heading that says so, or
// behind it where each row is a fact.
func tellsStatus(rows [][]string, row, column int) bool {
	heading := rows[0][min(column, len(rows[0])-1)]
	fact := rows[row][0]
	return row > 0 && (heading == "STATUS" || heading == "STATE") || column == 1 && (fact == "Status" || fact == "State")
}
