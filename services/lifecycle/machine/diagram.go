package machine

import (
	"fmt"
	"strings"
)

// Markdown renders the table as a section of documentation: a Mermaid state
// diagram and the rows with their conditions.
func (m Machine[S, E]) Markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "## %s\n\n```mermaid\nstateDiagram-v2\n    [*] --> %s\n", m.Name, m.Initial)
	for _, row := range m.Table {
		for _, from := range row.From {
			fmt.Fprintf(&b, "    %s --> %s: %s\n", from, row.To, row.Event)
		}
	}
	b.WriteString("```\n\n| from | event | to | only when |\n|---|---|---|---|\n")
	for _, row := range m.Table {
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", joined(row.From), row.Event, row.To, row.When)
	}
	return b.String()
}

func joined[S ~string](states []S) string {
	parts := make([]string, len(states))
	for i, s := range states {
		parts[i] = string(s)
	}
	return strings.Join(parts, ", ")
}
