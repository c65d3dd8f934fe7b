package app

import (
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
)

// CursorStart is the cursor before the oldest event that is kept.
const CursorStart = "start"

// CursorError says that a cursor leads to events that are not kept any more, or is of
// before a restore.
type CursorError struct{}

func (*CursorError) Error() string {
	return "what happened since the cursor is not kept any more; list the objects again and watch from there"
}

// place is where a reader of events is: after which event, in which era. A restore
// begins a new era, in which the numbers of the old one mean other events.
type place struct {
	era   uint64
	after int64
}

func (p place) cursor() string {
	return base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, "%d.%d", p.era, p.after))
}

// parsePlace reads a cursor that place.cursor wrote.
func parsePlace(cursor string) (p place, ok bool) {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(cursor)
	if err != nil {
		return p, false
	}
	era, after, found := strings.Cut(string(raw), ".")
	if !found {
		return p, false
	}
	p.era, err = strconv.ParseUint(era, 10, 64)
	if err != nil {
		return p, false
	}
	p.after, err = strconv.ParseInt(after, 10, 64)
	return p, err == nil && p.after >= 0 && p.cursor() == cursor
}
