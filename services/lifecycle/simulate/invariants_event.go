package simulate

import (
	"encoding/json"
	"slices"

	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/event"
)

// told: everything that happened is in the outbox once, in the order in which it
// happened to each object, and whoever watched has seen exactly that.
func (j *judge) told(p picture, outbox []event.Event) error {
	statuses := map[string][]string{}
	for i, e := range outbox {
		if e.Seq != int64(i+1) {
			return wrongly("I9 every event has one place", "event %d of the outbox has the place %d", i+1, e.Seq)
		}
		if to := statusIn(e); to != "" {
			statuses[e.ObjectID] = append(statuses[e.ObjectID], to)
		}
	}
	for object, rows := range p.history {
		if told := statuses[object]; !slices.Equal(told, statusesOf(rows)) {
			return wrongly("I9 each change is told once, in order", "%s went through %v, told was %v", object, statusesOf(rows), told)
		}
	}
	seen := j.world.reader.all()
	if len(seen) < len(outbox) {
		return wrongly("I9 who watches sees all", "%d of %d events were seen", len(seen), len(outbox))
	}
	if !slices.Equal(seen[:len(outbox)], outbox) {
		return wrongly("I9 who watches sees what there is", "the %d events that were seen are not those of the outbox", len(seen))
	}
	return nil
}

// statusesOf are the statuses that a history tells after the first.
func statusesOf(rows []lifecycle.Change) (out []string) {
	for _, row := range rows[min(1, len(rows)):] {
		out = append(out, row.To)
	}
	return out
}

// statusIn is the status that an event tells, "" for none.
func statusIn(e event.Event) string {
	if e.Type != event.SiteStatusChanged && e.Type != event.DomainStatusChanged {
		return ""
	}
	var data struct {
		To string `json:"to"`
	}
	if err := json.Unmarshal([]byte(e.Data), &data); err != nil {
		return err.Error()
	}
	return data.To
}
