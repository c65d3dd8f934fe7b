package cloudflare

import "encoding/json"

// Change is one thing to do: one of the types below.
type Change interface {
	// What names it for people, for instance "record www.example.com".
	What() string
}

// The changes.
type (
	// PutConfiguration replaces the tunnel's configuration as a whole.
	PutConfiguration struct{ Config json.RawMessage }
	// CreateRecord makes a record.
	CreateRecord struct{ Record Record }
	// ReplaceRecord overwrites the record with that id; Have is what it was.
	ReplaceRecord struct{ Record, Have Record }
	// DeleteRecord deletes the record with that id.
	DeleteRecord struct{ Record Record }
	// CreateCustomHostname makes a custom hostname.
	CreateCustomHostname struct{ CustomHostname CustomHostname }
	// RestartCustomHostname sets how the certificate is validated, which also
	// begins its validation anew.
	RestartCustomHostname struct{ CustomHostname CustomHostname }
	// DeleteCustomHostname deletes the custom hostname with that id.
	DeleteCustomHostname struct{ CustomHostname CustomHostname }
)

// What names the change.
func (PutConfiguration) What() string        { return "tunnel configuration" }
func (c CreateRecord) What() string          { return "record " + c.Record.Name }
func (c ReplaceRecord) What() string         { return "record " + c.Record.Name }
func (c DeleteRecord) What() string          { return "record " + c.Record.Name }
func (c CreateCustomHostname) What() string  { return "custom hostname " + c.CustomHostname.Hostname }
func (c RestartCustomHostname) What() string { return "custom hostname " + c.CustomHostname.Hostname }
func (c DeleteCustomHostname) What() string  { return "custom hostname " + c.CustomHostname.Hostname }

// subject returns the hostname that a delete is about, and the id of what goes.
func subject(change Change) (hostname, id string) {
	switch change := change.(type) {
	case DeleteRecord:
		return change.Record.Name, change.Record.ID
	case DeleteCustomHostname:
		return change.CustomHostname.Hostname, change.CustomHostname.ID
	default:
		return "", ""
	}
}

// made returns the hostname that a change makes something for; "" for the others.
func made(change Change) string {
	switch change := change.(type) {
	case CreateRecord:
		return change.Record.Name
	case CreateCustomHostname:
		return change.CustomHostname.Hostname
	default:
		return ""
	}
}

// zoneOfChange returns the id of the zone that a change is in.
func zoneOfChange(change Change) string {
	switch change := change.(type) {
	case DeleteRecord:
		return change.Record.ZoneID
	case DeleteCustomHostname:
		return change.CustomHostname.ZoneID
	default:
		return ""
	}
}
