package migrate

import (
	"fmt"
	"strings"

	"github.com/siteplane/siteplane/services/lifecycle/service"
	"github.com/siteplane/siteplane/services/lifecycle/store/relational"
)

func statusText(at service.Location, v relational.Versions) string {
	var text strings.Builder
	fmt.Fprintf(&text, "%s\nthe schema has version %d, this siteplane knows version %d\n", at, v.Has, v.Knows)
	list(&text, "to come", v.Pending)
	return text.String()
}

func doneText(at service.Location, before, after relational.Versions) string {
	var text strings.Builder
	fmt.Fprintf(&text, "%s\n", at)
	if len(before.Pending) == 0 {
		fmt.Fprintf(&text, "the schema has version %d already\n", after.Has)
		return text.String()
	}
	fmt.Fprintf(&text, "the schema had version %d and has version %d\n", before.Has, after.Has)
	list(&text, "done", before.Pending)
	return text.String()
}

func list(text *strings.Builder, what string, migrations []relational.Migration) {
	for _, m := range migrations {
		fmt.Fprintf(text, "  %s: %04d %s\n", what, m.Version, strings.ReplaceAll(m.Name, "_", " "))
	}
}

// versionsView is what programs are told.
type versionsView struct {
	Database string          `json:"database"`
	Has      int64           `json:"has"`
	Knows    int64           `json:"knows"`
	Pending  []migrationView `json:"pending"`
}

type migrationView struct {
	Version int64  `json:"version"`
	Name    string `json:"name"`
}

func view(at service.Location, v relational.Versions) versionsView {
	shown := versionsView{Database: at.String(), Has: v.Has, Knows: v.Knows, Pending: []migrationView{}}
	for _, m := range v.Pending {
		shown.Pending = append(shown.Pending, migrationView(m))
	}
	return shown
}
