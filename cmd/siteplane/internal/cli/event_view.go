package cli

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/types/known/structpb"

	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
)

// gistLength is how much of an event's data a line shows; JSON has it all.
const gistLength = 100

// eventView shows one event as one line.
type eventView struct {
	event *lifecyclev1.Event
	// tenant says that the tenant is shown, too.
	tenant bool
}

func (v *eventView) json() (json.RawMessage, error) { return eventJSON(v.event) }

// eventJSON is an event as a CloudEvent: attributes without a value are not there.
func eventJSON(event *lifecyclev1.Event) (json.RawMessage, error) { return protojson.Marshal(event) }

func (v *eventView) write(p *page) {
	p.add(plain, fmt.Sprintf("%-20s  ", v.event.GetTime().AsTime().Format(time.RFC3339)))
	if v.tenant {
		p.add(plain, fmt.Sprintf("%-30s  ", orDash(v.event.GetTenantid())))
	}
	p.add(plain, fmt.Sprintf("%-21s  %-31s  ", v.event.GetType(), v.event.GetSubject()))
	if from, to, changed := statusChange(v.event); changed {
		p.add(plain, orDash(from)+" -> ")
		p.add(colourOf(to), to)
		p.coloured(plain, because(v.event.GetData()))
		return
	}
	p.coloured(plain, gist(v.event.GetData()))
}

// statusChange are the statuses of an event that changes or sets one.
func statusChange(event *lifecyclev1.Event) (from, to string, changed bool) {
	fields := event.GetData().GetFields()
	to = fields["to"].GetStringValue()
	return fields["from"].GetStringValue(), to, to != ""
}

// because says why a status changed.
func because(data *structpb.Struct) string {
	if reason := data.GetFields()["reason"].GetStringValue(); reason != "" {
		return " (" + shorten(reason, gistLength) + ")"
	}
	return ""
}

// gist is the data of any event in one line.
func gist(data *structpb.Struct) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(data.GetFields())) {
		if value := plainValue(data.GetFields()[name]); value != "" {
			parts = append(parts, name+"="+value)
		}
	}
	return orDash(shorten(strings.Join(parts, " "), gistLength))
}

// plainValue is a value as text: strings as they are, all else as JSON, and nothing
// for what is empty.
func plainValue(value *structpb.Value) string {
	switch kind := value.GetKind().(type) {
	case *structpb.Value_StringValue:
		return kind.StringValue
	case *structpb.Value_NullValue, nil:
		return ""
	}
	raw, err := json.Marshal(value.AsInterface())
	if err != nil {
		return "?"
	}
	return string(raw)
}

// eventListView shows events as one table or one JSON object.
type eventListView struct {
	list *lifecyclev1.ListEventsResponse
	// tenants says that the tenants are shown, too.
	tenants bool
}

func (v *eventListView) json() (json.RawMessage, error) {
	events := []json.RawMessage{}
	for _, event := range v.list.GetEvents() {
		one, err := eventJSON(event)
		if err != nil {
			return nil, err
		}
		events = append(events, one)
	}
	return json.Marshal(struct {
		Events     []json.RawMessage `json:"events"`
		NextCursor string            `json:"nextCursor"`
		More       bool              `json:"more"`
	}{events, v.list.GetNextCursor(), v.list.GetMore()})
}

func (v *eventListView) write(p *page) {
	heading := []string{"TIME", "TYPE", "OBJECT", "DATA"}
	if v.tenants {
		heading = slices.Insert(heading, 1, "TENANT")
	}
	rows := [][]string{heading}
	for _, event := range v.list.GetEvents() {
		data := gist(event.GetData())
		if from, to, changed := statusChange(event); changed {
			data = orDash(from) + " -> " + to + because(event.GetData())
		}
		row := []string{event.GetTime().AsTime().Format(time.RFC3339), event.GetType(), event.GetSubject(), data}
		if v.tenants {
			row = slices.Insert(row, 1, event.GetTenantid())
		}
		rows = append(rows, row)
	}
	p.table(rows...)
}
