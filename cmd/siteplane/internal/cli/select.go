package cli

import (
	"strings"

	"github.com/spf13/cobra"
)

// selectFlags are the flags of a list that can be limited to some objects.
type selectFlags struct {
	listFlags
	filter, orderBy string
	statuses        []string
}

func (f *selectFlags) addTo(command *cobra.Command, items, fields string) *cobra.Command {
	set := command.Flags()
	set.StringVar(&f.filter, "filter", "", "only what this `EXPRESSION` holds for, over "+fields+", for instance 'status = ACTIVE AND create_time > \"2026-01-01T00:00:00Z\"'")
	set.StringVar(&f.orderBy, "order-by", "", "`FIELD` to order by: create_time or 'create_time desc' (default create_time desc)")
	set.StringArrayVar(&f.statuses, "status", nil, "only those in `STATUS`, for instance ERROR; repeat for more")
	return f.listFlags.addTo(command, items)
}

// expression is the filter that the flags ask for.
func (f selectFlags) expression() string {
	var either []string
	for _, status := range f.statuses {
		either = append(either, "status = "+strings.ToUpper(status))
	}
	statuses := strings.Join(either, " OR ")
	switch {
	case statuses == "":
		return f.filter
	case f.filter == "":
		return statuses
	}
	return "(" + f.filter + ") AND (" + statuses + ")"
}

// equal selects the objects whose field has a value, where the value is one that
// needs no escapes; else all, and the caller looks.
func equal(field, value string) selectFlags {
	if strings.ContainsFunc(value, func(char rune) bool { return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyz0123456789.-", char) }) {
		return selectFlags{}
	}
	return selectFlags{filter: field + ` = "` + value + `"`}
}
