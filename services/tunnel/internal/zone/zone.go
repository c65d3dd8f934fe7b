// Package zone says what a DNS zone in an account of ours is. It must not know
// who hosts it.
package zone

// Zone is a DNS zone that this installation can write to.
type Zone struct {
	// ID is the zone's at its provider.
	ID string
	// Name of the zone, for instance example.com.
	Name string
	// AccountID is the account that holds it.
	AccountID string
}
