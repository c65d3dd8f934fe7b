package relational

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/siteplane/siteplane/services/lifecycle/edge"
)

// stamp is how a time is stored.
func stamp(t time.Time) Stamp { return Stamp(t) }

// texts are ids, hostnames, ... as an argument.
func texts[T ~string](items []T) Texts {
	out := make(Texts, len(items))
	for i, item := range items {
		out[i] = string(item)
	}
	return out
}

// moment scans a stored time into a time in UTC.
type moment struct{ to *time.Time }

func (m moment) Scan(stored any) error {
	switch v := stored.(type) {
	case nil:
		*m.to = time.Time{}
	case int64:
		*m.to = time.UnixMicro(v).UTC()
	case time.Time:
		*m.to = v.UTC()
	default:
		return fmt.Errorf("a time is stored as %T", stored)
	}
	return nil
}

// list is how a list is stored.
func list[T ~string](items []T) string {
	if len(items) == 0 {
		return "[]"
	}
	text, _ := json.Marshal(items) // strings always marshal
	return string(text)
}

// items scans a stored list; an empty one is nil.
type items struct{ to *[]string }

func (l items) Scan(stored any) error {
	text, ok := stored.(string)
	if !ok {
		return fmt.Errorf("a list is stored as %T", stored)
	}
	*l.to = nil
	if text == "[]" {
		return nil
	}
	return decode("list", text, l.to)
}

// labels scans stored labels; none is nil.
type labels struct{ to *edge.Labels }

func (l labels) Scan(stored any) error {
	text, ok := stored.(string)
	if !ok {
		return fmt.Errorf("labels are stored as %T", stored)
	}
	*l.to = nil
	if text == "{}" {
		return nil
	}
	return decode("labels", text, l.to)
}

// labelled is how labels are stored.
func labelled(of edge.Labels) string {
	if len(of) == 0 {
		return "{}"
	}
	text, _ := json.Marshal(of) // strings always marshal
	return string(text)
}

// optional is how a reference that may be missing is stored.
func optional[T ~string](s T) any {
	if s == "" {
		return nil
	}
	return string(s)
}
