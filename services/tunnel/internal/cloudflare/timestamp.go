package cloudflare

import "time"

// timestamp is a time in an answer. It decides nothing, so one that cannot be read is
// zero and spoils no answer.
type timestamp struct{ time.Time }

// UnmarshalJSON reads the time if it can.
func (m *timestamp) UnmarshalJSON(data []byte) error {
	if m.Time.UnmarshalJSON(data) != nil {
		m.Time = time.Time{}
	}
	return nil
}
